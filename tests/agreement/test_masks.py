"""The oracle of what is withheld, against what it must leave and what it must not."""

from __future__ import annotations

from tests.agreement import imagined
from tests.agreement.masks import REDACTED, masked, neutral, places_in, words_in


def test_a_patient_keeps_who_they_are_and_loses_where():
    patient = imagined.patient("ash", "2011-02-03", "trust", "fern", "school")
    shown = masked(patient)
    assert shown["name"] == patient["name"]
    assert shown["birthDate"] == patient["birthDate"]
    assert shown["meta"] == {"security": [REDACTED]}
    assert not {"address", "telecom", "generalPractitioner", "managingOrganization", "contact"} & shown.keys()


def test_references_to_places_go_and_others_stay():
    visit = imagined.encounter("v", "ash", "fern", "trust", "site")
    assert sorted(places_in(visit)) == ["Location/site", "Organization/trust", "Practitioner/fern"]
    shown = masked(visit)
    assert places_in(shown) == []
    assert shown["subject"] == {"reference": "Patient/ash"}
    assert shown["serviceProvider"]["type"] == "Organization"  # that there is one, and no more
    assert not {"serviceProvider", "participant", "location"} & neutral(shown).keys()


def test_words_of_staff_go():
    for told in (
        imagined.communication("m", "ash", "trust", "school"),
        imagined.task("t", "ash", "ward", {"reference": "Patient/ash"}),
        imagined.referral("r", "ash", "ward"),
        imagined.patient("ash", "2011-02-03", "trust", "fern", "school"),
    ):
        assert words_in(told)
        assert words_in(masked(told)) == []


def test_what_says_that_it_is_masked_counts_as_absent():
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    assert neutral({"a": {"extension": [absent]}, "b": [{"c": {"extension": [absent]}}], "d": 0}) == {"d": 0}

from __future__ import annotations

from collections import Counter

from tests.sandbox.conftest import Cohort, extension


def test_missed_sessions_are_cancelled_and_say_why(made: Cohort):
    found = Counter()
    for encounter in made.of_type("Encounter"):
        status = extension(encounter, "attendance-status")["valueCoding"]["code"]
        assert (encounter["status"] == "finished") == (status in {"5", "6"})
        found[status] += 1
    assert found.keys() == {"2", "3", "4", "5", "6"}
    missed = found["2"] + found["3"] + found["4"]
    assert 0.08 < missed / found.total() < 0.2


def test_how_they_met_agrees_with_the_class(made: Cohort):
    for encounter in made.of_type("Encounter"):
        mechanism = extension(encounter, "consultation-mechanism")["valueCoding"]["code"]
        assert (encounter["class"]["code"] == "AMB") == (mechanism == "01")


def test_nothing_was_rated_in_a_missed_session(made: Cohort):
    missed = {
        f"Encounter/{found['id']}" for found in made.of_type("Encounter") if found["status"] == "cancelled"
    }
    rated = [
        found
        for type_ in ("Observation", "QuestionnaireResponse")
        for found in made.of_type(type_)
        if found.get("encounter", {}).get("reference") in missed
    ]
    assert missed
    assert rated == []


def test_everything_in_a_record_is_about_its_young_person(made: Cohort):
    for person in made.people:
        patient = {"reference": f"Patient/{person[0]['id']}"}
        for resource in person:
            about = resource.get("subject") or resource.get("patient") or resource.get("for") or patient
            assert about == patient


def test_consent_names_agencies_and_sometimes_leaves_the_school_out(made: Cohort):
    consents = made.of_type("Consent")
    by_child = {found["patient"]["reference"]: found["provision"] for found in consents if _permits(found)}
    denied = [found for found in consents if not _permits(found)]
    assert 0 < len(denied) < len(by_child) / 4
    for consent in denied:
        assert consent["provision"]["type"] == "deny"
        [kept_out] = [actor["reference"] for actor in consent["provision"]["actor"]]
        permitted = by_child[consent["patient"]["reference"]]
        assert kept_out not in [actor["reference"] for actor in permitted["actor"]]


def _permits(consent):
    return consent["provision"]["type"] == "permit"


def test_young_people_of_thirteen_consent_themselves(made: Cohort):
    by = Counter(consent["performer"][0]["reference"].split("/")[0] for consent in made.of_type("Consent"))
    assert by.keys() == {"Patient", "RelatedPerson"}


def test_a_discharge_stands_on_the_last_kept_session(made: Cohort):
    url = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-OutcomeOfAttendance"
    discharged = 0
    for person in made.people:
        kept = [
            found
            for found in person
            if found["resourceType"] == "Encounter" and found["status"] == "finished"
        ]
        marked = [found for found in kept if any(part["url"] == url for part in found["extension"])]
        assert marked in ([], kept[-1:])
        discharged += len(marked)
    assert discharged > 20


def test_help_whose_end_is_in_sight_says_when(made: Cohort):
    active = [found for found in made.of_type("EpisodeOfCare") if found["status"] == "active"]
    ends = [found["period"]["end"] for found in active if "end" in found["period"]]
    assert 0.1 < len(ends) / len(active) < 0.7
    assert all("2026-10-30" < end < "2027-01-31" for end in ends)

"""In whose compartments resources are: as R4 says it, whether that is read off the store or off the resource."""

from __future__ import annotations

import pytest

from service.access.rule import sharing_rule
from service.bulk.export_compartments import Compartments
from service.bulk.export_look import Nowhere
from service.fhir import codec
from service.fhir.matching import matches
from service.fhir.search.compartments import ALSO, PATIENT, belonging
from service.sandbox.cohort import cohort
from service.storage.exporting import Record
from service.storage.sharing import child_of, pack_child
from tests.conftest import BASE_URL

MASSES = 12  # young people, with all that there is about them


@pytest.fixture(scope="module")
def resources():
    return [codec.restore(codec.encode(each)) for batch in cohort(MASSES, 3) for each in batch]


def record(resource, child) -> Record:
    return Record(1, resource["id"], 5, child, 1, codec.encode(resource), moved=False)


def exactly(registry, extractor, resource, people) -> set[str]:
    """Those of the people in whose compartments the search finds the resource."""
    type_, values = resource["resourceType"], extractor.values(resource)
    return {
        id_
        for id_ in people
        if matches(belonging(registry, type_, id_), type_, resource["id"], 5000, values, Nowhere())
    }


def test_what_the_store_knows_spares_a_look_and_says_the_same(registry, extractor, resources):
    rule = sharing_rule(registry, BASE_URL)
    people = {each["id"] for each in resources if each["resourceType"] == PATIENT}
    seen = set()
    for resource in resources:
        type_ = resource["resourceType"]
        compartments = Compartments(registry, extractor, type_)
        expected = exactly(registry, extractor, resource, people)
        for child in (child_of(rule.facts(resource)), None, b"\x00"):
            assert compartments.of(record(resource, child)) & people == expected, type_
        if expected:
            seen.add(type_)
    assert {*ALSO, PATIENT, "Observation", "Goal", "CarePlan", "RelatedPerson", "Encounter"} <= seen


def of(registry, extractor, resource, child=None):
    kept = record(resource, pack_child(child))
    return Compartments(registry, extractor, resource["resourceType"]).of(kept)


def test_what_names_several_is_in_the_compartment_of_each(registry, extractor):
    listed = {
        "resourceType": "List",
        "id": "l",
        "subject": {"reference": "Patient/a"},
        "source": {"reference": f"{BASE_URL}/Patient/b"},
        "note": [{"text": "Patient/c"}],
    }
    assert of(registry, extractor, listed, "a") == {"a", "b"}


def test_what_the_store_knows_by_another_resource_counts_for_nothing_here(registry, extractor):
    made = {"resourceType": "Provenance", "id": "p", "target": [{"reference": "Goal/g"}]}
    assert of(registry, extractor, made, "a") == set()
    about = {"resourceType": "Communication", "id": "c", "about": [{"reference": "Goal/g"}]}
    assert of(registry, extractor, about, "a") == set()


def test_a_patient_is_in_their_own_and_in_that_of_who_they_are_linked_to(registry, extractor):
    person = {"resourceType": PATIENT, "id": "a", "link": [{"other": {"reference": "Patient/b"}}]}
    assert of(registry, extractor, person, "a") == {"a", "b"}


@pytest.mark.parametrize(("child", "expected"), [("a", {"a"}), (None, set()), ("", set())])
def test_of_a_deletion_it_is_told_whom_it_was_about(registry, extractor, child, expected):
    gone = Record(1, "o", 5, pack_child(child), 1, b"", moved=False)
    compartments = Compartments(registry, extractor, "Observation")
    assert compartments.of(gone) == expected
    assert compartments.have(None)(gone) == bool(expected)
    assert compartments.have(["a", "b"])(gone) == bool(expected)
    assert not compartments.have(["b"])(gone)

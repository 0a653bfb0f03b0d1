from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.conformance.invariants import Invariants
from service.fhir.validation.acceptor import SHAPES_KEPT, Acceptor, Shapes
from service.fhir.validation.walker import Walker
from tests.fhir.validation.instances import instance
from tests.fhir.validation.mutations import mutated

# What the examples are poor in: arrays of primitives with siblings, references of all kinds, contained resources.
RICH = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "meta": {"profile": ["http://example.org/a"], "_profile": [{"id": "a"}]},
                "contained": [
                    {"resourceType": "Organization", "id": "o1", "name": "Invented"},
                    {
                        "resourceType": "Practitioner",
                        "id": "o2",
                        "name": [{"given": ["A", "B"], "family": "Invented"}],
                    },
                ],
                "name": [
                    {
                        "given": ["A", None, "B"],
                        "_given": [
                            None,
                            {"extension": [{"url": "http://example.org/e", "valueCode": "a"}]},
                            {"id": "h"},
                        ],
                        "family": "Invented",
                    }
                ],
                "gender": "female",
                "_gender": {"extension": [{"url": "http://example.org/e", "valueCode": "a"}]},
                "_birthDate": {"extension": [{"url": "http://example.org/e", "valueDateTime": "2026"}]},
                "deceasedBoolean": False,
                "managingOrganization": {"reference": "#o1", "type": "Organization"},
                "generalPractitioner": [
                    {"reference": "Practitioner/1"},
                    {"reference": "#o2"},
                    {"reference": "Organization?name=a"},
                ],
            }
        },
        {
            "fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "a"},
                "subject": {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": "Patient"},
                "performer": [
                    {"reference": "https://example.org/fhir/Practitioner/1/_history/2", "display": "A"}
                ],
                "dataAbsentReason": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                            "code": "unknown",
                        }
                    ]
                },
                "component": [
                    {
                        "code": {"text": "a"},
                        "valueSampledData": {"origin": {"value": 1}, "period": 1, "dimensions": 1},
                    }
                ],
            },
        },
    ],
}


@pytest.fixture(scope="module")
def acceptor(registry):
    return Acceptor(registry, Invariants(registry))


@pytest.fixture(scope="module")
def walker(acceptor):
    return Walker(acceptor, everywhere=True)


@pytest.fixture(scope="module")
def agree(acceptor, walker):
    hurried = Walker(acceptor)

    def check(resource):
        issues = list(walker.issues(resource))
        assert acceptor.accepts(resource) is (issues == []), issues[:3]
        # Passing by what is sound hides nothing.
        assert list(hurried.issues(resource)) == issues
        return bool(issues)

    return check


def test_acceptor_and_walker_agree_on_the_examples_and_on_thousands_of_changes_to_them(examples, agree):
    random = Random(20261122)
    refused = 0
    for example in examples.values():
        agree(example)
        for _ in range(25):
            changed = mutated(example, random)
            refused += isinstance(changed, dict) and agree(changed)
    # Both verdicts are put to the test, many times each.
    assert 1000 < refused < len(examples) * 25 - 400


@given(st.integers())
def test_they_agree_on_changes_to_a_rich_bundle(agree, seed):
    agree(RICH)
    agree(mutated(RICH, Random(seed)))


def test_made_up_resources_of_every_type_break_nothing_but_invariants(registry, acceptor, walker):
    random = Random(20261122)
    accepted = 0
    for type_ in sorted(registry.resource_types):
        for _ in range(3):
            resource = instance(registry, type_, random)
            issues = list(walker.issues(resource))
            assert {issue.slug for issue in issues} <= {"invariant-broken"}, issues
            assert acceptor.accepts(resource) is (issues == [])
            accepted += issues == []
    assert accepted > 30


def test_the_rich_bundle_itself_is_accepted(acceptor):
    assert acceptor.accepts(RICH)


@pytest.mark.parametrize(
    "resource", [None, 7, "a", [], [{}], {}, {"resourceType": []}, {"resourceType": "Nobody"}]
)
def test_what_is_no_resource_is_not_accepted(acceptor, resource):
    assert not acceptor.accepts(resource)


def test_warnings_are_not_hidden(acceptor, walker):
    resource = {
        "resourceType": "Patient",
        "maritalStatus": {"coding": [{"system": "http://example.org", "code": "invented"}]},
    }
    assert not acceptor.accepts(resource)
    assert [issue.severity for issue in walker.issues(resource)] == ["warning"]


def test_no_more_shapes_are_kept_than_there_is_room_for(acceptor, registry):
    shapes = Shapes(acceptor, registry.definition("Address"), None, bundled=False)
    names = ("use", "type", "text", "line", "city", "district")
    for order in itertools.permutations(names):
        checks, whole, rules = shapes[order]
        assert len(checks) == len(names)
        assert not whole
        assert not rules
    assert len(shapes) == SHAPES_KEPT


def test_bad_shapes_are_not_kept(acceptor, registry):
    shapes = Shapes(acceptor, registry.definition("Address"), None, bundled=False)
    for number in range(10):
        assert shapes[(f"invented{number}",)] == shapes[()]
    assert not shapes

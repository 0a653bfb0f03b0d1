from __future__ import annotations

import pytest

from service.interactions.entries import Entry
from service.interactions.references import (
    Criteria,
    Directory,
    criteria_of,
    find_operation_slots,
    find_slots,
    is_placeholder,
    narrative_with,
)
from service.interactions.targets import Target
from tests.conftest import BASE_URL
from tests.interactions.builders import urn

ONE, TWO = urn(1), urn(2)
ELSEWHERE = "https://elsewhere.example/fhir"


def directory(**by_url):
    return Directory(
        {ONE: 0, TWO: 1, f"{ELSEWHERE}/Patient/23": 2, f"{BASE_URL}/Patient/24": 3},
        BASE_URL,
        has_addresses=True,
    )


def slots(registry, resource):
    entry = Entry(0, "POST", Target("create", str(resource.get("resourceType"))), resource)
    return [(slot.expression, slot.kind, slot.text) for slot in find_slots(registry, entry, directory())]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"subject": {"reference": ONE}}, [("subject.reference", "reference", ONE)]),
        ({"subject": {"reference": "#c"}}, [("subject.reference", "reference", "#c")]),
        ({"performer": [{"reference": ONE}, {"reference": TWO}]},
         [("performer[0].reference", "reference", ONE), ("performer[1].reference", "reference", TWO)]),
        ({"extension": [{"url": "x", "valueReference": {"reference": ONE}}]},
         [("extension[0].valueReference.reference", "reference", ONE)]),
        ({"extension": [{"url": "x", "valueUri": ONE}]}, [("extension[0].valueUri", "uri", ONE)]),
        ({"extension": [{"url": "x", "valueUrl": ONE}]}, [("extension[0].valueUrl", "uri", ONE)]),
        ({"extension": [{"url": "x", "valueUuid": ONE}]}, [("extension[0].valueUuid", "uri", ONE)]),
        ({"extension": [{"url": "x", "valueOid": ONE}]}, [("extension[0].valueOid", "uri", ONE)]),
        ({"extension": [{"url": "x", "valueCanonical": ONE}]}, []),
        ({"extension": [{"url": "x", "valueString": ONE}]}, []),
        ({"identifier": [{"system": "urn:ietf:rfc:3986", "value": ONE}]}, []),
        ({"identifier": [{"system": ONE, "value": "1"}]}, [("identifier[0].system", "uri", ONE)]),
        ({"_status": {"extension": [{"url": "x", "valueReference": {"reference": ONE}}]}},
         [("_status.extension[0].valueReference.reference", "reference", ONE)]),
        ({"contained": [{"resourceType": "Provenance", "target": [{"reference": ONE}]}]},
         [("contained[0].target[0].reference", "reference", ONE)]),
        ({"contained": [{"resourceType": "Nonsense", "target": {"reference": ONE}}]}, []),
        ({"component": [{"valueString": ONE, "code": {"coding": [{"system": TWO}]}}]},
         [("component[0].code.coding[0].system", "uri", TWO)]),
        ({"text": {"status": "generated", "div": "<div/>"}}, [("text.div", "narrative", "<div/>")]),
        ({"nonsense": {"reference": ONE}, "status": ONE}, []),
        ({"note": [{"text": ONE, "authorReference": {"reference": ONE}}]},
         [("note[0].authorReference.reference", "reference", ONE)]),
    ],
)  # fmt: skip
def test_places_that_hold_links(registry, resource, expected):
    found = slots(registry, {"resourceType": "Observation", **resource})
    assert found == [(f"Observation.{path}", kind, text) for path, kind, text in expected]


def test_canonical_elements_are_no_links(registry):
    assert slots(registry, {"resourceType": "QuestionnaireResponse", "questionnaire": ONE}) == []
    assert slots(registry, {"resourceType": "Questionnaire", "url": ONE}) == [
        ("Questionnaire.url", "uri", ONE)
    ]


def test_a_path_patch_holds_links(registry):
    part = {"name": "value", "valueReference": {"reference": ONE}}
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [part]}]}
    path = "Parameters.parameter[0].part[0].valueReference.reference"
    assert slots(registry, patch) == [(path, "reference", ONE)]


def test_a_json_patch_holds_references():
    operations = [
        {"op": "replace", "path": "/subject/reference", "value": ONE},
        {"op": "add", "path": "/performer/-", "value": {"reference": TWO}},
        {"op": "replace", "path": "/status", "value": ONE},
        {"op": "add", "path": "/performer", "value": [{"reference": ONE}]},
    ]
    entry = Entry(0, "PATCH", Target("patch", "Observation", "s1"), {"resourceType": "Binary"})
    found = find_operation_slots(entry, operations)
    assert [slot.text for slot in found] == [ONE, TWO, ONE]
    for slot in found:
        slot.fill("Patient/p1")
    assert operations[0]["value"] == "Patient/p1"
    assert operations[1]["value"]["reference"] == "Patient/p1"
    assert operations[2]["value"] == ONE
    assert operations[3]["value"] == [{"reference": "Patient/p1"}]


@pytest.mark.parametrize(
    ("text", "base", "found"),
    [
        (ONE, BASE_URL, (0, False)),
        (f"{ONE}/_history/7", BASE_URL, (0, True)),
        (urn(9), BASE_URL, None),
        (f"{ELSEWHERE}/Patient/23", BASE_URL, (2, False)),
        (f"{ELSEWHERE}/Patient/23/_history/4", BASE_URL, (2, True)),
        ("Patient/23", ELSEWHERE, (2, False)),
        ("Patient/23/_history/4", ELSEWHERE, (2, True)),
        ("Patient/23", BASE_URL, None),
        ("Patient/24", BASE_URL, (3, False)),
        ("Patient/24", ELSEWHERE, None),
        ("Patient?identifier=24", BASE_URL, None),
        ("#24", BASE_URL, None),
    ],
)
def test_where_links_lead(text, base, found):
    assert directory().lookup(text, base) == found


@pytest.mark.parametrize(
    ("full_url", "base"),
    [
        (None, BASE_URL),
        (ONE, BASE_URL),
        (f"{ELSEWHERE}/Patient/23", ELSEWHERE),
        ("https://elsewhere.example/Patient/23", "https://elsewhere.example"),
        ("https://elsewhere.example/patients/23", BASE_URL),
    ],
)
def test_the_base_of_relative_links(full_url, base):
    assert directory().base_of(full_url) == base


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("Patient?identifier=urn:x|1", Criteria("Patient", "identifier=urn:x|1")),
        ("Patient?a=1&b=2?3", Criteria("Patient", "a=1&b=2?3")),
        ("Patient?", None),
        ("Patient/1", None),
        ("https://elsewhere.example/Patient?identifier=1", None),
        (ONE, None),
    ],
)
def test_references_by_search(registry, text, criteria):
    entry = Entry(
        0, "POST", Target("create", "Goal"), {"resourceType": "Goal", "subject": {"reference": text}}
    )
    (slot,) = find_slots(registry, entry, directory())
    assert criteria_of(slot) == criteria


@pytest.mark.parametrize(
    ("text", "placeholder"), [(ONE, True), ("urn:oid:1.2.3", True), ("urn:x:1", False), ("Patient/1", False)]
)
def test_placeholders(text, placeholder):
    assert is_placeholder(text) is placeholder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<a href="one">x</a>', '<a href="FIRST">x</a>'),
        ("<img alt='one' src = 'one'/>", "<img alt='one' src = 'FIRST'/>"),
        ('<a href="two">one</a> href=one', '<a href="two">one</a> href=one'),
        ('<a href="a&amp;b">x</a><a href="one">y</a>', '<a href="A&amp;B">x</a><a href="FIRST">y</a>'),
    ],
)
def test_narrative(text, expected):
    links = {"one": "FIRST", "a&b": "A&B"}
    assert narrative_with(text, links.get) == expected

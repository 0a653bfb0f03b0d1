"""Reference parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Reference, Token
from service.fhir.search.references import Addresses
from service.fhir.search.types.reference import identifier_readers, readers

BASE = "http://127.0.0.1:8080/fhir"


@pytest.mark.parametrize(
    ("only", "value", "targets"),
    [
        (None, {"reference": "Patient/1"}, [("Patient", "1")]),
        ("Patient", {"reference": "Patient/1"}, [("Patient", "1")]),
        ("Patient", {"reference": "Group/1"}, []),
        ("Patient", {"reference": f"{BASE}/Patient/1"}, [("Patient", "1")]),
        ("Patient", {"reference": "http://b.example/Patient/1"}, [("", "http://b.example/Patient/1")]),
        ("Patient", {"reference": "urn:uuid:1"}, []),
        ("Patient", {"reference": "urn:uuid:1", "type": "Patient"}, [("", "urn:uuid:1")]),
        (None, {"reference": "#inside"}, []),
        (None, {"identifier": {"value": "1"}}, []),
        (None, {"display": "somebody"}, []),
    ],
)
def test_what_a_reference_element_points_at(registry, only, value, targets):
    assert readers(Addresses(registry, BASE), only)["Reference"](value) == targets


@pytest.mark.parametrize(
    ("only", "value", "pairs"),
    [
        (None, {"identifier": {"system": "s", "value": "1"}}, [("s", "1")]),
        (None, {"identifier": {"value": "1"}, "reference": "Patient/1"}, [("", "1")]),
        (None, {"reference": "Patient/1"}, []),
        ("Patient", {"identifier": {"value": "1"}}, []),
        ("Patient", {"identifier": {"value": "1"}, "type": "Patient"}, [("", "1")]),
        ("Patient", {"identifier": {"value": "1"}, "type": "Group"}, []),
        ("Patient", {"identifier": {"value": "1"}, "reference": "Patient/1"}, [("", "1")]),
        ("Patient", {"identifier": {"value": "1"}, "reference": "Group/1"}, []),
        ("Patient", {"identifier": {"value": "1"}, "reference": "#inside", "type": "Patient"}, [("", "1")]),
    ],
)
def test_what_identifies_what_a_reference_is_to(registry, only, value, pairs):
    assert identifier_readers(Addresses(registry, BASE), only)["Reference"](value) == pairs


@pytest.mark.parametrize(
    ("type_", "name", "text", "expected"),
    [
        ("Goal", "subject", "Patient/1", Reference("subject", "Patient", "1")),
        ("Goal", "subject", "1", Reference("subject", None, "1")),
        ("Goal", "patient", "1", Reference("patient", "Patient", "1")),
        ("Goal", "patient", "Patient/1", Reference("patient", "Patient", "1")),
        ("Goal", "subject:Patient", "1", Reference("subject", "Patient", "1")),
        ("Goal", "subject:Patient", "Patient/1", Reference("subject", "Patient", "1")),
        ("Goal", "subject", f"{BASE}/Patient/1", Reference("subject", "Patient", "1")),
        ("Goal", "subject", "http://b.example/Patient/1", Reference("subject", "", "http://b.example/Patient/1")),
        ("Goal", "subject", "urn:uuid:1", Reference("subject", "", "urn:uuid:1")),
        ("Goal", "subject:identifier", "s|1", Token("subject:identifier", "s", "1")),
        ("Goal", "subject:identifier", "1", Token("subject:identifier", None, "1")),
        ("Goal", "patient:identifier", "s|", Token("patient:identifier", "s", None)),
        ("QuestionnaireResponse", "questionnaire", "q", Reference("questionnaire", "Questionnaire", "q")),
        ("QuestionnaireResponse", "questionnaire", "http://b.example/q|1",
         Reference("questionnaire", "", "http://b.example/q|1")),
    ],
)  # fmt: skip
def test_what_a_reference_asks(ask, type_, name, text, expected):
    assert ask(type_, name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "slug"),
    [
        ("subject", "Nothing/1", "search-value-reference"),
        ("subject", "Patient/", "search-value-reference"),
        ("subject", "not an id", "search-value-reference"),
        ("subject", "Patient/1/2", "search-value-reference"),
        ("subject", "Patient/1/_history/2", "search-value-reference"),
        ("subject", "Location/1", "search-reference-target"),
        ("patient", "Group/1", "search-reference-target"),
        ("subject:Patient", "Group/1", "search-reference-target"),
        ("subject:Location", "1", "search-reference-target"),
        ("subject:Patient", "http://b.example/Patient/1", "search-value-reference"),
        ("subject:Nothing", "1", "search-modifier-unsupported"),
        ("subject:identifier", "a|b|c", "search-value-token"),
        ("subject:below", "Patient/1", "search-reference-target"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(ask, name, text, slug):
    with pytest.raises(Malformed) as refusal:
        ask("Goal", name, text)
    assert refusal.value.issues[0].slug == slug

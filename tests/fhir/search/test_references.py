"""Where references point."""

import pytest

from service.fhir.search.references import Addresses

BASE = "http://127.0.0.1:8080/fhir"


@pytest.fixture
def addresses(registry):
    return Addresses(registry, BASE)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Patient/1", ("Patient", "1")),
        ("Patient/1/_history/3", ("Patient", "1")),
        (f"{BASE}/Patient/1", ("Patient", "1")),
        (f"{BASE}/Patient/1/_history/3", ("Patient", "1")),
        ("http://other.example/fhir/Patient/1", ("", "http://other.example/fhir/Patient/1")),
        ("http://other.example/fhir/Patient/1/_history/3", ("", "http://other.example/fhir/Patient/1")),
        (f"{BASE}-not/Patient/1", ("", f"{BASE}-not/Patient/1")),
        (
            "urn:uuid:7f1c1e6e-0000-4000-8000-000000000000",
            ("", "urn:uuid:7f1c1e6e-0000-4000-8000-000000000000"),
        ),
        ("#contained", None),
        ("#", None),
        ("Patient", None),
        ("Nothing/1", None),
        ("Patient/not an id", None),
        ("Patient/", None),
        ("", None),
    ],
)
def test_a_reference_points_to_a_resource_of_ours_or_elsewhere_or_nowhere(addresses, text, target):
    assert addresses.target(text) == target


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("http://a.example/Questionnaire/q", [("", "http://a.example/Questionnaire/q")]),
        (
            "http://a.example/Questionnaire/q|1.0",
            [("", "http://a.example/Questionnaire/q"), ("", "http://a.example/Questionnaire/q|1.0")],
        ),
        ("http://a.example/Questionnaire/q|1.0#part", [
            ("", "http://a.example/Questionnaire/q"), ("", "http://a.example/Questionnaire/q|1.0"),
        ]),
        (f"{BASE}/Questionnaire/q", [("Questionnaire", "q")]),
        (f"{BASE}/Questionnaire/q|2", [("Questionnaire", "q"), ("", f"{BASE}/Questionnaire/q|2")]),
        ("Questionnaire/q", [("Questionnaire", "q")]),
        ("#contained", []),
    ],
)  # fmt: skip
def test_a_canonical_points_to_its_url_and_to_its_version(addresses, text, targets):
    assert addresses.canonical(text) == targets


def test_the_type_behind_a_reference_is_read_off_its_address(addresses):
    assert addresses.type_of(("Patient", "1"), None) == "Patient"
    assert addresses.type_of(("", "http://other.example/fhir/Patient/1"), None) == "Patient"
    assert addresses.type_of(("", "urn:uuid:1"), "Patient") == "Patient"
    assert addresses.type_of(("", "http://other.example/people/1"), None) is None

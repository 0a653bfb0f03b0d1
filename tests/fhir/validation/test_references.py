from __future__ import annotations

import pytest

from service.fhir.validation.references import Targets, target

EVERY = frozenset({"Patient", "Group", "Observation"})
PATIENT_ONLY = frozenset({"Patient"})


def targets(permitted=EVERY, *, bundled=False):
    return Targets(permitted, EVERY, bundled)


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/1",
        "Patient/a-b.C/_history/3",
        "https://example.org/fhir/Patient/1",
        "http://localhost:8080/Patient/1/_history/2",
        "https://example.org/somewhere/else",
        "https://example.org/Unicorn/1",
        "https://example.org",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:oid:1.2.3",
        "ldap://example.org/a",
        "#",
        "#p1",
    ],
)
def test_good_references(reference):
    assert targets(PATIENT_ONLY).accepts(reference)
    assert targets(PATIENT_ONLY).fault(reference) is None


@pytest.mark.parametrize(
    ("reference", "slug"),
    [
        ("Group/1", "reference-target"),
        ("Group/1/_history/1", "reference-target"),
        ("https://example.org/fhir/Group/1", "reference-target"),
        ("Unicorn/1", "reference-type-unknown"),
        ("patient/1", "reference-type-unknown"),
        ("Patient", "reference-malformed"),
        ("Patient/", "reference-malformed"),
        ("/Patient/1", "reference-malformed"),
        ("Patient/1/", "reference-malformed"),
        ("Patient/a_b", "reference-malformed"),
        ("Patient/" + "a" * 65, "reference-malformed"),
        ("Patient/1/_history/", "reference-malformed"),
        ("Patient/1#a", "reference-malformed"),
        ("../Patient/1", "reference-malformed"),
        ("Patient/1 ", "reference-malformed"),
        ("an invented person", "reference-malformed"),
        ("http://example.org/a b", "reference-malformed"),
        ("#a b", "reference-malformed"),
        ("Patient?identifier=a|1", "reference-conditional"),
    ],
)
def test_bad_references(reference, slug):
    assert not targets(PATIENT_ONLY).accepts(reference)
    fault = targets(PATIENT_ONLY).fault(reference)
    assert (fault.slug, fault.element) == (slug, "reference")


@pytest.mark.parametrize(
    ("reference", "slug"),
    [
        ("Patient?identifier=a|1", None),
        ("Group?identifier=1", "reference-target"),
        ("Unicorn?a=1", "reference-type-unknown"),
    ],
)
def test_in_a_bundle_a_reference_may_search(reference, slug):
    fault = targets(PATIENT_ONLY, bundled=True).fault(reference)
    assert (fault and fault.slug) == slug


@pytest.mark.parametrize("value", ["", " ", "\x00", "urn:\x01"])
def test_a_reference_is_a_good_string_first(value):
    assert not targets().accepts(value)


@pytest.mark.parametrize(
    ("reference", "slug"),
    [
        ({"type": "Patient"}, None),
        ({"type": "Patient", "reference": "Patient/1"}, None),
        ({"type": "Patient", "reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, None),
        ({"type": "Patient", "reference": "#p1"}, None),
        ({"type": "http://example.org/Unicorn"}, None),
        ({"type": "Unicorn"}, None),  # the binding's to warn of
        ({"type": 7}, None),
        ({"type": "Observation"}, "reference-target"),
        ({"type": "Patient", "reference": "Group/1"}, "reference-type-differs"),
        ({"type": "Patient", "reference": "https://example.org/fhir/Group/1"}, "reference-type-differs"),
    ],
)
def test_the_type_of_a_reference(reference, slug):
    permitted = targets(frozenset({"Patient", "Group"}))
    fault = permitted.misfit(reference)
    assert (fault and fault.slug) == slug
    assert permitted.fits(reference) is (slug is None)


@pytest.mark.parametrize(
    ("reference", "type_"),
    [
        ("Patient/1", "Patient"),
        ("Patient?a=b", "Patient"),
        ("https://example.org/a/b/Patient/1/_history/1", "Patient"),
        ("https://example.org/Patient/1?a=b", None),
        ("#a", None),
        ("urn:oid:1.2", None),
    ],
)
def test_the_type_that_a_reference_names(reference, type_):
    assert target(reference) == type_

from __future__ import annotations

import pytest

from service.fhir.validation.bindings import Bound, bound

ABSENT = [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
MARITAL = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.fixture
def binding(registry):
    def of(path, type_):
        owner, _, name = path.rpartition(".")
        return bound(registry, registry.definition(owner).elements[name], type_)

    return of


@pytest.mark.parametrize(
    ("path", "type_", "value", "fits"),
    [
        # required
        ("Observation.status", "code", "final", True),
        ("Observation.status", "code", "Final", False),
        ("Condition.clinicalStatus", "CodeableConcept", {"coding": [{"system": CLINICAL, "code": "active"}]}, True),
        ("Condition.clinicalStatus", "CodeableConcept",
         {"coding": [{"system": "http://example.org", "code": "x"}, {"system": CLINICAL, "code": "active"}]}, True),
        ("Condition.clinicalStatus", "CodeableConcept", {"coding": [{"system": CLINICAL, "code": "x"}]}, False),
        ("Condition.clinicalStatus", "CodeableConcept", {"coding": [{"code": "active"}]}, False),
        ("Condition.clinicalStatus", "CodeableConcept", {"coding": [{"display": "active"}]}, False),
        ("Condition.clinicalStatus", "CodeableConcept", {"text": "active"}, False),
        ("Condition.clinicalStatus", "CodeableConcept", {"extension": ABSENT}, True),
        # extensible
        ("Patient.maritalStatus", "CodeableConcept", {"coding": [{"system": MARITAL, "code": "M"}]}, True),
        ("Patient.maritalStatus", "CodeableConcept", {"coding": [{"system": MARITAL, "code": "x"}]}, False),
        ("Patient.maritalStatus", "CodeableConcept", {"coding": [{"display": "x"}]}, True),
        ("Patient.maritalStatus", "CodeableConcept", {"text": "x"}, True),
        ("Encounter.class", "Coding", {"system": ACT_CODE, "code": "AMB"}, True),
        ("Encounter.class", "Coding", {"system": ACT_CODE, "code": "x"}, False),
        ("Encounter.class", "Coding", {"display": "x"}, True),
        ("Reference.type", "uri", "Patient", True),
        ("Reference.type", "uri", "Unicorn", False),
        ("Reference.type", "uri", "http://example.org/StructureDefinition/Unicorn", True),
        # by form
        ("Attachment.contentType", "code", "application/fhir+json", True),
        ("Attachment.contentType", "code", "text/plain; charset=utf-8", True),
        ("Attachment.contentType", "code", 'text/plain;format="flowed text"', True),
        ("Attachment.contentType", "code", "image/*", True),
        ("Attachment.contentType", "code", "json", True),
        ("Attachment.contentType", "code", "pdf", False),
        ("Attachment.contentType", "code", "text/", False),
        ("Attachment.contentType", "code", "text/plain;", False),
        ("Money.currency", "code", "GBP", True),
        ("Money.currency", "code", "pounds", False),
    ],
)  # fmt: skip
def test_values_fit_their_value_sets(binding, path, type_, value, fits):
    assert binding(path, type_).fits(value) is fits


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("Observation.code", "CodeableConcept"),  # example
        ("Observation.category", "CodeableConcept"),  # preferred
        ("ValueSet.jurisdiction", "CodeableConcept"),  # extensible, not enumerable
        ("Observation.subject", "Reference"),  # none
        ("Specimen.collection.fastingStatus", "Duration"),  # the binding is for the other type of the choice
        ("Measure.subject", "Reference"),  # a binding of the choice, for the CodeableConcept only
    ],
)
def test_all_else_is_not_checked(binding, path, type_):
    assert binding(path, type_) is None


@pytest.mark.parametrize(
    ("path", "type_", "words"),
    [
        ("Patient.gender", "code", "one of female, male, other, unknown"),
        ("Condition.clinicalStatus", "CodeableConcept",
         f"one of active, inactive, recurrence, relapse, remission, resolved of {CLINICAL}"),
        ("Identifier.type", "CodeableConcept", "from http://hl7.org/fhir/ValueSet/identifier-type"),
        ("Money.currency", "code", "a currency of ISO 4217 such as GBP"),
        ("Binary.contentType", "code", "a media type such as application/pdf"),
    ],
)  # fmt: skip
def test_the_set_is_put_in_words(binding, path, type_, words):
    assert binding(path, type_).listed() == words


@pytest.mark.parametrize(
    ("value", "missing"),
    [({"text": "x"}, True), ({"coding": [{"display": "x"}]}, True), ({"coding": [{"code": "x"}]}, False)],
)
def test_a_concept_without_code_is_told_apart(binding, value, missing):
    assert binding("Condition.clinicalStatus", "CodeableConcept").is_missing(value) is missing


def test_a_required_coding_needs_its_code_or_an_extension():
    # R4's base definitions have no such binding; profiles do.
    members = frozenset({("http://example.org", "a")})
    coding = Bound("http://example.org/set", True, "coding", members, frozenset({"a"}))
    assert coding.fits({"system": "http://example.org", "code": "a"})
    assert coding.fits({"extension": ABSENT})
    assert not coding.fits({"display": "a"})
    assert coding.is_missing({"display": "a"})
    assert not coding.is_missing({"code": "b"})

"""The cohort against the validator with our own profiles, and against fhir.resources as a second opinion."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from service.fhir.codec import encode
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from tests.sandbox.conftest import Cohort


def test_the_validator_finds_nothing_at_all(made: Cohort, registry: Registry, terminology: Terminology):
    validator = Validator(registry, terminology.guide, terminology)
    found = {
        (issue.slug, issue.expression, issue.text)
        for resource in made.resources
        for issue in validator.check(resource)
    }
    assert found == set()


@pytest.mark.slow
def test_another_implementation_reads_it_all(made: Cohort):
    for person in [made.batches[0], *made.people[:40]]:
        for resource in person:
            get_fhir_model_class(resource["resourceType"]).model_validate(json.loads(encode(resource)))

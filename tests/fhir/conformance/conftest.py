"""Small profiles, and what they find: each test says in a few elements what it is about."""

from __future__ import annotations

import re

import pytest

from service.fhir.guide import Guide
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator

PROFILES = "http://example.org/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"

SCORE = {"resourceType": "Observation", "status": "final", "code": {"text": "score"}}
ACTIVE = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "goal"},
    "subject": {"reference": "Patient/1"},
}


def element(id_, **stated):
    """An element of a differential, by its id."""
    return {"id": id_, "path": re.sub(r":[^.]+", "", id_), **stated}


def profile(type_, *elements, id_="profile", kind="resource", **stated):
    """A profile of a type that says the elements, at `PROFILES` and its id."""
    return {
        "resourceType": "StructureDefinition",
        "id": id_,
        "url": f"{PROFILES}{id_}",
        "name": "Profile",
        "title": "The profile",
        "status": "active",
        "fhirVersion": "4.0.1",
        "kind": kind,
        "abstract": False,
        "type": type_,
        "baseDefinition": f"{CORE}{type_}",
        "derivation": "constraint",
        "differential": {"element": [element(type_), *elements]},
        **stated,
    }


def extension(id_, *elements, context=("Element",), **stated):
    """The definition of an extension that says the elements beside its address."""
    return profile(
        "Extension",
        *elements,
        element("Extension.url", fixedUri=f"{PROFILES}{id_}"),
        id_=id_,
        kind="complex-type",
        context=[one if isinstance(one, dict) else {"type": "element", "expression": one} for one in context],
        **stated,
    )


def value_set(id_, system, *codes):
    """A value set of the codes of one system."""
    return {
        "resourceType": "ValueSet",
        "id": id_,
        "url": f"http://example.org/ValueSet/{id_}",
        "status": "active",
        "compose": {"include": [{"system": system, "concept": [{"code": code} for code in codes]}]},
    }


def rule(key, expression, severity="error", human="This is the rule.", **stated):
    """An invariant."""
    return {"key": key, "severity": severity, "human": human, "expression": expression, **stated}


def score(**elements):
    return SCORE | elements


def goal(**elements):
    return ACTIVE | elements


def claiming(resource, *ids):
    """The resource with profiles of `PROFILES` that it says it conforms to."""
    return resource | {"meta": {"profile": [f"{PROFILES}{id_}" for id_ in ids or ("profile",)]}}


@pytest.fixture(scope="session")
def validator_of(registry):
    """A validator with a guide of just these artefacts."""

    def build(*artefacts):
        guide = Guide(artefacts)
        return Validator(registry, guide, Terminology(registry, guide))

    return build


@pytest.fixture(scope="session")
def found(validator_of):
    """The slugs and expressions of what is found in a resource that claims the first profile."""

    def check(resource, *artefacts, asked=None):
        profiles = [artefacts[0]["url"]] if asked is None else asked
        issues = validator_of(*artefacts).check(resource, profiles)
        return [(issue.slug, issue.expression) for issue in issues]

    return check

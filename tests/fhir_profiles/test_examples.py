"""Every valid example passes; every invalid one raises just the slug that it names, just where it says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from service.fhir import artefacts, codec
from service.fhir.conformance.extensions import Extensions
from service.fhir.guide import CANONICAL_BASE, Guide
from service.fhir.problems import SLUG_SYSTEM
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from service.fhir.validation.acceptor import Acceptor
from service.fhir.validation.validator import Validator
from service.fhir.validation.walker import Walker
from tests.conftest import SHARED
from tests.fhir.validation.mutations import mutated

EXAMPLES = artefacts.shipped() / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.json"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.json"))
EXPECTED = f"{CANONICAL_BASE}StructureDefinition/expected-expression"

# Valid examples that show what only a warning is about.
WARNED = {
    "example-gbo-score-before-contact": {"goal-score-encounter-missing"},
}

# Which UK Core profile an example satisfies beside ours.
BESIDE = {
    "example-uk-core-patient": "UKCore-Patient",
    "example-uk-core-plan": "UKCore-CarePlan",
    "example-uk-core-score": "UKCore-Observation",
}
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/"


def read(path: Path) -> dict:
    return codec.decode(path.read_bytes())


def named(resource: dict) -> tuple[str, str]:
    """The slug and expression that an invalid example says it raises."""
    (found,) = (
        (tag["code"], extension["valueString"])
        for tag in resource["meta"]["tag"]
        for extension in tag.get("extension", ())
        if tag["system"] == SLUG_SYSTEM and extension["url"] == EXPECTED and "valueString" in extension
    )
    return found


@pytest.fixture(scope="module")
def validator(registry: Registry, guide: Guide) -> Validator:
    return Validator(registry, guide, Terminology(registry, guide))


def test_there_are_examples():
    assert len(VALID) > 60
    assert len(INVALID) > 400


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_passes(validator, path):
    issues = validator.check(read(path))
    assert [issue for issue in issues if issue.is_fault] == []
    assert {issue.slug for issue in issues} == WARNED.get(path.stem, set())


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_raises_just_its_own_slug_at_its_own_place(validator, path):
    resource = read(path)
    assert [(issue.slug, issue.expression) for issue in validator.check(resource)] == [named(resource)]


def test_every_rule_of_a_profile_is_broken_by_an_example(guide):
    rules = {
        rule["key"]
        for structure in guide.all("StructureDefinition").values()
        for element in structure["differential"]["element"]
        for rule in element.get("constraint", ())
    }
    broken = {named(read(path))[0] for path in INVALID}
    broken |= set().union(*WARNED.values())
    assert rules - broken == set()


def test_the_examples_beside_uk_core_satisfy_both(registry, guide):
    folder = SHARED / "suites" / "ukcore" / "json"
    if not folder.exists():
        pytest.skip("UK Core is not in ../shared/suites")
    theirs = [read(path) for path in sorted(folder.rglob("*.json"))]
    both = Guide([*theirs, *guide])
    validator = Validator(registry, both, Terminology(registry, both))
    for stem, profile in BESIDE.items():
        issues = validator.check(read(EXAMPLES / "valid" / f"{stem}.json"), [f"{UK_CORE}{profile}"])
        assert [issue for issue in issues if issue.is_fault] == [], stem


def test_accepting_and_telling_are_of_one_opinion(registry, guide, validator):
    """Of every example and thousands of changes to them: what is accepted quickly has nothing to be told."""
    profiles = validator.profiles
    extensions = Extensions(profiles, guide)
    acceptor = Acceptor(registry, profiles.invariants, extensions)
    walker = Walker(acceptor, extensions, everywhere=True)
    random = Random(20261127)
    accepted = refused = 0
    for path in (*VALID, *INVALID):
        for _ in range(6):
            changed = mutated(read(path), random)
            if not isinstance(changed, dict):
                continue
            issues = list(walker.issues(changed))
            assert acceptor.accepts(changed) is (issues == [])
            accepted += issues == []
            refused += issues != []
    assert accepted > 300
    assert refused > 1000


def test_profiles_accept_just_what_they_have_nothing_to_tell_of(validator, monkeypatch):
    """The same for profiles: with the quick half switched off, not an issue more or less is found."""
    random = Random(20261128)
    samples = [mutated(read(path), random) for path in (*VALID, *INVALID) for _ in range(4)]
    samples = [sample for sample in samples if isinstance(sample, dict)]
    quick = [validator.check(sample) for sample in samples]
    monkeypatch.setattr("service.fhir.conformance.objects.Demands.accepts", lambda *_: False)
    assert [validator.check(sample) for sample in samples] == quick

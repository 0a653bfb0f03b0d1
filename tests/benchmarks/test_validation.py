from __future__ import annotations

import pytest

from benchmarks import validation
from benchmarks.validation import FAULTS, bodies, measure
from service.fhir import artefacts, codec
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(validation, "SECONDS", 0.0)
    monkeypatch.setattr(validation, "BATCH", 0.0)


def test_what_is_measured_is_sound_but_for_the_two_that_are_not(registry: Registry):
    guide = artefacts.load()
    validator = Validator(registry, guide, Terminology(registry, guide))
    found = {
        name: [issue.slug for issue in validator.check(codec.decode(body))] for name, body in bodies().items()
    }
    assert found.pop("score without its goal") == ["profile-element-missing"]
    assert found.pop(f"score with {FAULTS} faults") == ["element-missing"] * FAULTS
    assert set(map(tuple, found.values())) == {()}


def test_the_score_is_of_the_size_that_the_target_is_of():
    assert len(bodies()["goal's score"]) in range(900, 1500)


def test_every_body_and_invariant_is_measured(quick: None, capsys: pytest.CaptureFixture[str]):
    measure()
    printed = capsys.readouterr().out
    for name in bodies():
        assert f"\n{name} " in printed
    invariants = printed.partition("holds\n")[2].splitlines()
    assert len(invariants) > len(validation.paths.INVARIANTS)
    assert {line.split()[-1] for line in invariants} == {"True"}

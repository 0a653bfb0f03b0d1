from __future__ import annotations

from service.fhir.conformance.faults import element_missing
from service.fhir.conformance.runs import Run

RESOURCE = {"resourceType": "Observation"}
AROUND = {"resourceType": "Goal"}


def test_a_resource_is_its_own_root_unless_it_is_contained():
    assert (Run(RESOURCE).environment.resource, Run(RESOURCE).environment.root) == (RESOURCE, RESOURCE)
    assert (Run(RESOURCE, AROUND).environment.resource, Run(RESOURCE, AROUND).environment.root) == (
        RESOURCE,
        AROUND,
    )


def test_a_trial_finds_for_itself():
    run = Run(RESOURCE, AROUND, sound=False)
    trial = run.trial()
    trial.issues.append(element_missing("Observation.code", "P", "code", 1))
    assert run.issues == []
    assert (trial.resource, trial.root, trial.sound) == (RESOURCE, AROUND, False)


def test_what_is_contained_by_its_id():
    first, second = {"id": "a", "n": 1}, {"id": "b"}
    run = Run(RESOURCE, AROUND | {"contained": [first, "broken", {"id": 7}, second, {"id": "a", "n": 2}]})
    assert run.contained("a") is first
    assert run.contained("b") is second
    assert run.contained("") is run.root
    assert run.contained("c") is None


def test_in_a_resource_within_another_its_own_is_asked():
    around = Run(AROUND)
    assert around.entered(RESOURCE, contained=True).root is AROUND
    assert around.entered(RESOURCE, contained=False).root is RESOURCE

"""One cohort for all tests of the sandbox, and ways to look things up in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from service.sandbox.cohort import cohort
from service.sandbox.dates import ANCHOR, Calendar, calendar

SHARED = Path(__file__).parents[3] / "shared"

# Past the first area's end, so that a second area is among them.
PATIENTS = 300
SEED = 7


@dataclass(frozen=True)
class Cohort:
    batches: list[list[dict[str, Any]]]

    @cached_property
    def resources(self) -> list[dict[str, Any]]:
        return [resource for batch in self.batches for resource in batch]

    @cached_property
    def by_reference(self) -> dict[str, dict[str, Any]]:
        return {f"{resource['resourceType']}/{resource['id']}": resource for resource in self.resources}

    @cached_property
    def people(self) -> list[list[dict[str, Any]]]:
        """The batches that are a young person's record."""
        return [batch for batch in self.batches if batch[0]["resourceType"] == "Patient"]

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        return [resource for resource in self.resources if resource["resourceType"] == type_]

    def with_profile(self, name: str) -> list[dict[str, Any]]:
        url = f"https://thrive-fhir.example/StructureDefinition/{name}"
        return [resource for resource in self.resources if url in resource.get("meta", {}).get("profile", ())]

    def at(self, reference: dict[str, str]) -> dict[str, Any]:
        return self.by_reference[reference["reference"]]


@pytest.fixture(scope="session")
def made() -> Cohort:
    return Cohort(list(cohort(PATIENTS, SEED)))


@pytest.fixture(scope="session")
def days() -> Calendar:
    return calendar(ANCHOR)


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    path = SHARED / "data" / "domain_facts.json"
    if not path.exists():
        pytest.skip("the facts of the field are not beside this checkout (../shared/data/domain_facts.json)")
    return json.loads(path.read_text())


def extension(resource: dict[str, Any], name: str) -> dict[str, Any] | None:
    url = f"https://thrive-fhir.example/StructureDefinition/{name}"
    return next((found for found in resource.get("extension", ()) if found["url"] == url), None)


def code(concept: dict[str, Any]) -> tuple[str, str]:
    return concept["coding"][0]["system"], concept["coding"][0]["code"]


def references(value: Any) -> Iterator[str]:
    """Every literal reference inside a resource."""
    match value:
        case dict():
            if isinstance(value.get("reference"), str):
                yield value["reference"]
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def goals_by_person(made: Cohort) -> list[list[dict[str, Any]]]:
    return [[resource for resource in person if resource["resourceType"] == "Goal"] for person in made.people]


def slot(goal: dict[str, Any]) -> int:
    found = extension(goal, "goal-slot")
    assert found is not None
    return found["valuePositiveInt"]


def scores(made: Cohort, goal: dict[str, Any]) -> list[dict[str, Any]]:
    """The goal's scores that count, in the order of their sessions."""
    return _scores_by_goal(made).get(f"Goal/{goal['id']}", [])


_FOUND: dict[int, dict[str, list[dict[str, Any]]]] = {}


def _scores_by_goal(made: Cohort) -> dict[str, list[dict[str, Any]]]:
    if id(made) not in _FOUND:
        by_goal: dict[str, list[dict[str, Any]]] = {}
        for name in ("gbo-score", "gas-score"):
            for score in made.with_profile(name):
                if score["status"] != "entered-in-error":
                    by_goal.setdefault(score["focus"][0]["reference"], []).append(score)
        _FOUND[id(made)] = {
            goal: sorted(found, key=lambda score: score["effectiveDateTime"][:16])
            for goal, found in by_goal.items()
        }
    return _FOUND[id(made)]

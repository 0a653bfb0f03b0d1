"""Each demand of the guide is lifted in turn, and an example must notice: no rule is without one that breaks it.

A demand is what a differential says of an element (a cardinality, a fixed or pattern value, a type, a target, a
binding, a limit, an invariant) or where an extension may stand. A mutant that no example notices survives; those
that are known to change nothing stand below, with the reason.

Source: domain.md section 9, design.md section 6
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import pytest

from service.fhir import artefacts, codec
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.guide import Guide
from service.fhir.profiles.snapshots import SnapshotError
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator

Json = dict[str, Any]
Change = Callable[[Json], object]

# Hundreds of mutants, each with a validator of its own, before the first test.
pytestmark = pytest.mark.timeout(900)

EXAMPLES = artefacts.shipped() / "examples"
DEPTH = 64  # nested arrays and objects
VALUES = ("fixed", "pattern", "minValue", "maxValue", "maxLength")

# Mutants that change nothing, by structure, element and demand, and what says the same.
EQUIVALENT = {
    r"\S+ Extension\.url fixedUri": "an extension is found by its url, so no other comes to this rule",
    r"\S+ Extension\.(extension:\S+\.)?(extension max|value\[x\] (min|max))": "ext-1: either parts or a value",
    r"\S+ Extension max": "the profiles that have the extension say how often",
    r"thrive-plan CarePlan\.extension:\S+ max": "the extension says itself that it stands once",
    r"pco-goal-attainment-scaling Extension\.extension min": "a part below says that it must be there",
    r"thrive-patient \S+:nhsNumber(UnavailableReason|\S+VerificationStatus)\.value\[x\] min": "ext-1",
    r"\S+ \S+:(odsOrganisationCode|nhsNumber|sector)\.system min": "the slice is chosen by its system",
    r"thrive-organization Organization\.type\.coding:sector\.code min": "the binding refuses a coding without a code",
    r"collaborate-score Observation\.dataAbsentReason max": "obs-6: either a value or why there is none",
    r"audit-ground (context|Extension\.value\[x\] (binding|type))": "AuditEvents are read only: none is taken in",
    r"gbo-session QuestionnaireResponse\.source (type|target 0)": "R4 permits the same; it is said for the reader",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A structure of which one demand is lifted."""

    name: str
    structure: Json


@cache
def structures() -> dict[str, Json]:
    """Our structures without their snapshots, by address."""
    found = artefacts.load().all("StructureDefinition")
    return {
        url: {name: value for name, value in one.items() if name != "snapshot"} for url, one in found.items()
    }


@cache
def examples() -> tuple[Json, ...]:
    paths = [path for kind in ("valid", "invalid") for path in sorted((EXAMPLES / kind).glob("*.json"))]
    return tuple(codec.decode(path.read_bytes(), max_depth=DEPTH) for path in paths)


def of_cardinality(element: Json) -> Iterator[tuple[str, Change]]:
    if element.get("min"):
        yield "min", lambda one: one.update(min=0)
    if element.get("max", "*") != "*":
        yield "max", lambda one: one.pop("max")
    slicing = element.get("slicing", {})
    if slicing.get("rules", "open") != "open":
        yield "rules", lambda one: one["slicing"].update(rules="open")
    if slicing.get("ordered"):
        yield "ordered", lambda one: one["slicing"].update(ordered=False)


def of_values(element: Json) -> Iterator[tuple[str, Change]]:
    for name in element:
        if name.startswith(VALUES):
            yield name, lambda one, name=name: one.pop(name)
    if element.get("binding", {}).get("strength") in {"required", "extensible"}:
        yield "binding", lambda one: one.pop("binding")
    for index, constraint in enumerate(element.get("constraint", ())):
        yield constraint["key"], lambda one, index=index: one["constraint"].pop(index)


def of_types(element: Json) -> Iterator[tuple[str, Change]]:
    if "type" in element:
        yield "type", lambda one: one.pop("type")
    for index, type_ in enumerate(element.get("type", ())):
        if "targetProfile" in type_:
            yield f"target {index}", lambda one, index=index: one["type"][index].pop("targetProfile")
        if "profile" in type_:
            yield f"profile {index}", lambda one, index=index: one["type"][index].pop("profile")


def mutants(structure: Json) -> Iterator[Mutant]:
    for index, element in enumerate(structure["differential"]["element"]):
        for name, lift in chain(of_cardinality(element), of_values(element), of_types(element)):
            changed = copy.deepcopy(structure)
            lift(changed["differential"]["element"][index])
            yield Mutant(f"{structure['id']} {element['id']} {name}", changed)
    if structure["type"] == "Extension":
        anywhere = {"context": [{"type": "element", "expression": "Element"}]}
        yield Mutant(f"{structure['id']} context", structure | anywhere)


def bases(structure: Json) -> set[str]:
    """The addresses of a structure and of those of ours that it is built on."""
    base = structures().get(structure["baseDefinition"])
    return {structure["url"]} | (bases(base) if base else set())


def related(structure: Json) -> dict[str, Json]:
    """What a structure is seen with: what it is built on, what is built on it or names it, and all extensions."""
    kept = bases(structure)
    for one in structures().values():
        names_it = structure["url"] in codec.encode(one).decode()
        kept |= bases(one) if names_it or structure["url"] in bases(one) else set()
    return {url: one for url, one in structures().items() if url in kept or one["type"] == "Extension"}


@cache
def others() -> tuple[Json, ...]:
    return tuple(one for one in artefacts.load() if one["resourceType"] != "StructureDefinition")


def outcome(
    registry: Registry, kept: dict[str, Json], samples: list[Json]
) -> list[list[tuple[str, str | None]]]:
    """What is said of the samples by a guide with these structures. Raises SnapshotError, Uncompilable."""
    guide = Guide([*others(), *kept.values()])
    validator = Validator(registry, guide, Terminology(registry, guide))
    return [[(issue.slug, issue.expression) for issue in validator.check(sample)] for sample in samples]


def survivors(registry: Registry, structure: Json) -> Iterator[str]:
    """The mutants that no example notices."""
    kept = related(structure)
    samples = [one for one in examples() if any(url in codec.encode(one).decode() for url in kept)]
    unchanged = outcome(registry, kept, samples)
    for mutant in mutants(structure):
        with contextlib.suppress(SnapshotError, Uncompilable):  # noticed at start
            if outcome(registry, kept | {structure["url"]: mutant.structure}, samples) == unchanged:
                yield mutant.name


@pytest.fixture(scope="module")
def surviving(registry: Registry) -> list[str]:
    return [name for structure in structures().values() for name in survivors(registry, structure)]


@pytest.mark.slow
def test_an_example_notices_each_demand_that_is_lifted(surviving: list[str]):
    assert [one for one in surviving if not any(re.fullmatch(known, one) for known in EQUIVALENT)] == []


@pytest.mark.slow
def test_every_explanation_is_of_a_mutant_that_survives(surviving: list[str]):
    assert [known for known in EQUIVALENT if not any(re.fullmatch(known, one) for one in surviving)] == []


def test_there_are_mutants_of_every_kind_of_demand():
    """Of a made-up structure with each of them, every demand is lifted once."""
    element = {
        "id": "Goal.target",
        "min": 1,
        "max": "3",
        "slicing": {"rules": "closed", "ordered": True},
        "fixedCode": "a",
        "patternCoding": {},
        "maxLength": 4,
        "type": [{"code": "Reference", "targetProfile": ["x"]}, {"code": "Quantity", "profile": ["y"]}],
        "binding": {"strength": "required"},
        "constraint": [{"key": "some-rule"}],
    }
    structure = {"id": "a", "type": "Goal", "differential": {"element": [{"id": "Goal"}, element]}}
    made = {mutant.name.rpartition("Goal.target ")[2]: mutant.structure for mutant in mutants(structure)}
    assert set(made) == {
        *("min", "max", "rules", "ordered", "fixedCode", "patternCoding", "maxLength", "binding"),
        *("some-rule", "type", "target 0", "profile 1"),
    }
    assert all(changed != structure for changed in made.values())

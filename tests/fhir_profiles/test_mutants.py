"""Each demand of the guide is lifted in turn, and an example must notice: no rule is without one that breaks it.

A demand is what a differential says of an element (a cardinality, a fixed or pattern value, a type, a target, a
binding, a limit, an invariant) or where an extension may stand. A mutant that no example notices survives; those
that are known to change nothing stand below, with the reason.

Source: domain.md section 9, design.md section 6
"""

from __future__ import annotations

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
Said = tuple[str, str | None]  # the slug of an issue, and where it is

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


def outcomes(registry: Registry, kept: dict[str, Json], samples: list[Json]) -> Iterator[list[Said]]:
    """What is said of each sample by a guide with these structures. Raises SnapshotError, Uncompilable."""
    guide = Guide([*others(), *kept.values()])
    validator = Validator(registry, guide, Terminology(registry, guide))
    for sample in samples:
        yield [(issue.slug, issue.expression) for issue in validator.check(sample)]


def never_met(structure: Json) -> Json:
    """The structure with a rule that nothing meets: whoever is held to it, however deep, is told so."""
    changed = copy.deepcopy(structure)
    root = changed["differential"]["element"][0]
    never = {"key": "never-met", "severity": "error", "human": "Never.", "expression": "false"}
    root["constraint"] = [*root.get("constraint", ()), never]
    return changed


def held_to(registry: Registry, structure: Json, kept: dict[str, Json]) -> list[tuple[Json, list[Said]]]:
    """The examples that the structure has a part in, and what is said of each; those with faults first.

    The others are said the same of with every mutant of it, because none of its demands is looked at for them.
    """
    samples = [one for one in examples() if any(url in codec.encode(one).decode() for url in kept)]
    told = list(outcomes(registry, kept, samples))
    never = outcomes(registry, kept | {structure["url"]: never_met(structure)}, samples)
    held = [
        (sample, before)
        for sample, before, after in zip(samples, told, never, strict=True)
        if before != after or structure["url"] in codec.encode(sample).decode()
    ]
    return sorted(held, key=lambda one: not one[1])


def survives(
    registry: Registry, mutant: Mutant, kept: dict[str, Json], held: list[tuple[Json, list[Said]]]
) -> bool:
    """Whether no example notices the mutant; the first that does is enough."""
    changed = outcomes(registry, kept | {mutant.structure["url"]: mutant.structure}, [one for one, _ in held])
    try:
        return all(after == before for after, (_, before) in zip(changed, held, strict=True))
    except (SnapshotError, Uncompilable):  # noticed at start
        return False


def survivors(registry: Registry, structure: Json) -> Iterator[str]:
    """The mutants that no example notices."""
    kept = related(structure)
    held = held_to(registry, structure, kept)
    for mutant in mutants(structure):
        if survives(registry, mutant, kept, held):
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

"""Whether a constraint is within what it constrains: cardinality, types, targets, bindings, slicing.

Source: https://hl7.org/fhir/R4/profiling.html#resources, https://hl7.org/fhir/R4/elementdefinition.html#interpretation
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from service.fhir.profiles.faults import SnapshotError
from service.fhir.profiles.types_of_r4 import R4, SYSTEM

Json = dict[str, Any]

Find = Callable[[str], Json | None]
"""Finds the StructureDefinition of a canonical address: with its snapshot, or only what it is of (`head`)."""

STRENGTHS: Final = ("example", "preferred", "extensible", "required")
MANY: Final = "*"


def cardinality(base: Json, change: Json, at: str) -> Json:
    """`min` and `max` as the change leaves them.

    Raises:
        SnapshotError: it permits fewer or more than the base, or nothing at all.
    """
    least, most = int(base.get("min", 0)), str(base.get("max", MANY))
    new_least, new_most = int(change.get("min", least)), str(change.get("max", most))
    if new_least < least:
        raise SnapshotError(f"{at} has min {new_least}, but its base asks for {least}.")
    if most != MANY and (new_most == MANY or int(new_most) > int(most)):
        raise SnapshotError(f"{at} has max {new_most}, but its base permits {most}.")
    if new_most != MANY and new_least > int(new_most):
        raise SnapshotError(f"{at} has min {new_least} and max {new_most}.")
    return {"min": new_least, "max": new_most}


def types(base: list[Json], change: list[Json], at: str, head: Find) -> list[Json]:
    """The types that the change leaves; what it does not say of a type's profiles and targets is as in the base.

    Raises:
        SnapshotError: a type or target is not one of those that the base permits.
    """
    return [_type(base, type_, at, head) for type_ in change]


def binding(base: Json | None, change: Json, at: str) -> Json:
    """The binding after the change.

    Raises:
        SnapshotError: it is weaker than the base's.
    """
    if base is None:
        return change
    strength = change.get("strength", base["strength"])
    if STRENGTHS.index(strength) < STRENGTHS.index(base["strength"]):
        raise SnapshotError(f"{at} has a binding that is {strength}, but its base's is {base['strength']}.")
    if "valueSet" in change:
        return change
    return base | change


def slicing(base: Json | None, change: Json, at: str) -> Json:
    """The slicing after the change.

    Raises:
        SnapshotError: it opens what the base has closed.
    """
    if base is None:
        return change
    if base.get("rules") == "closed" and change.get("rules", "closed") != "closed":
        raise SnapshotError(f"{at} has slices that are {change['rules']}, but its base's are closed.")
    return base | change


def code_of(type_: Json) -> str:
    """The FHIR type of a type; of FHIRPath's own types the one that they stand for."""
    code = str(type_.get("code", ""))
    if not code.startswith(SYSTEM):
        return code
    return next((str(one["valueUrl"]) for one in type_.get("extension", ()) if "valueUrl" in one), "string")


def _type(base: list[Json], change: Json, at: str, head: Find) -> Json:
    code = code_of(change)
    above = next((type_ for name in _lineage(code, head) for type_ in base if code_of(type_) == name), None)
    if above is None:
        if base:
            permitted = ", ".join(code_of(type_) for type_ in base)
            raise SnapshotError(f"{at} has the type {code}, but its base permits {permitted}.")
        return change
    kept = {key: above[key] for key in ("profile", "targetProfile") if key in above and key not in change}
    made = change | kept
    if "targetProfile" in above:
        _targets(above["targetProfile"], made["targetProfile"], at, head)
    return made


def _lineage(type_: str, head: Find) -> Iterator[str]:
    """The type and those that it specialises, itself first."""
    name: str | None = type_
    while name:
        yield name
        structure = head(R4 + name)
        above = structure.get("baseDefinition") if structure is not None else None
        name = str(above).removeprefix(R4) if above else None


def _targets(base: list[str], change: list[str], at: str, head: Find) -> None:
    """Refuses targets of types that the base does not permit; of what is not known nothing is said."""
    permitted = {name for url in base if (name := _target_type(url, head))}
    if len(permitted) < len(set(base)):
        return
    for url in change:
        name = _target_type(url, head)
        if name is not None and not permitted.intersection(_lineage(name, head)):
            raise SnapshotError(
                f"{at} has the target {name}, but its base permits {', '.join(sorted(permitted))}."
            )


def _target_type(url: str, head: Find) -> str | None:
    structure = head(url)
    return None if structure is None else str(structure["type"])

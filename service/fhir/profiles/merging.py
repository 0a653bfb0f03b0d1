"""What a differential says of an element, laid over what its base says.

Source: https://hl7.org/fhir/R4/elementdefinition.html#interpretation
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir.profiles import narrowing
from service.fhir.profiles.faults import SnapshotError

Json = dict[str, Any]

# Where the element stands is the tree's to say.
PLACED: Final = frozenset({"id", "path", "base"})
NARROWED: Final = frozenset({"min", "max", "type", "binding", "slicing", "constraint"})
GATHERED: Final = ("alias", "code", "condition", "example", "mapping", "extension")
PROSE: Final = ("definition", "comment", "requirements")
CONTINUED: Final = "..."
# Types whose values a binding can be about (eld-11).
CODED: Final = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"})
EXCLUSIVE: Final = {"fixed": "pattern", "pattern": "fixed"}
"""A value is fixed or has a pattern (eld-8): the one that is said last counts."""


def merged(base: Json, change: Json, at: str, source: str, head: narrowing.Find) -> Json:
    """The element after the change; `source` is the profile that makes it, `at` is what faults call the element.

    Raises:
        SnapshotError: the change does not fit the base.
    """
    made = dict(base)
    for name, value in change.items():
        if name in PLACED or name in NARROWED:
            continue
        made |= _replaced(made, name, value)
    made |= narrowing.cardinality(base, change, at)
    if "type" in change and "contentReference" not in base:  # else the type is that element's
        made["type"] = narrowing.types(base.get("type", []), change["type"], at, head)
    if "binding" in change:
        made["binding"] = narrowing.binding(base.get("binding"), change["binding"], at)
    if "slicing" in change:
        made["slicing"] = narrowing.slicing(base.get("slicing"), change["slicing"], at)
    if "constraint" in change:
        made["constraint"] = constraints(base.get("constraint", []), change["constraint"], source)
    return _exclusive(typed(made, made["type"]) if "type" in made else made, change, at)


def typed(element: Json, types: list[Json]) -> Json:
    """The element with these types; without its binding where none of them is coded."""
    made = element | {"type": types}
    if not any(narrowing.code_of(type_) in CODED for type_ in types):
        made.pop("binding", None)
    return made


def constraints(base: list[Json], change: list[Json], source: str) -> list[Json]:
    """The rules of both, those of the base first; a rule is known by its key, and none is taken back."""
    known = {rule["key"] for rule in base}
    new = [rule | {"source": rule.get("source", source)} for rule in change if rule["key"] not in known]
    return [*base, *new]


def _replaced(made: Json, name: str, value: Any) -> Json:
    """The member after the change: lists of these names gather, prose that begins with `...` goes on."""
    known = made.get(name)
    if name in GATHERED and known:
        return {name: [*known, *(one for one in value if one not in known)]}
    if name in PROSE and known and value.startswith(CONTINUED):
        return {name: f"{known}\n\n{value.removeprefix(CONTINUED).lstrip()}"}
    return {name: value}


def _exclusive(made: Json, change: Json, at: str) -> Json:
    """Without the pattern that a fixed value replaces, and the reverse."""
    for stem, other in EXCLUSIVE.items():
        for name in [name for name in change if _is_valued(name, stem)]:
            codes = [narrowing.code_of(type_) for type_ in made.get("type", ())]
            if codes and [code[:1].upper() + code[1:] for code in codes] != [name.removeprefix(stem)]:
                raise SnapshotError(f"{at} has {name}, but its type is {' or '.join(codes)}.")
            made = {
                key: value for key, value in made.items() if key == name or not _is_valued(key, stem, other)
            }
    return made


def _is_valued(name: str, *stems: str) -> bool:
    """Whether the name is that of a choice element with one of these stems: `fixedUri`, not `fixed`."""
    return any(name.startswith(stem) and name[len(stem) :][:1].isupper() for stem in stems)

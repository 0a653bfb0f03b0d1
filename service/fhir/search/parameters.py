"""What a search parameter's expression tells without running it.

Nearly all of R4's are plain paths, so that the elements behind a parameter are known:
their types, and the code system that a bare code implies.

Source: https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.fhir.definitions import Element, SearchParameter
    from service.fhir.registry import Registry

_RESOLVED = re.compile(r"\.where\(\s*resolve\(\)\s+is\s+([A-Z][A-Za-z]+)\s*\)$")

# The three ways to choose one type of a choice: (x as T), x.as(T), x.ofType(T), with a path behind.
_CAST = re.compile(r"\(([\w.]+) as (?:FHIR\.)?(\w+)\)((?:\.\w+)*)")
_CHOSEN = re.compile(r"([\w.]+)\.(?:as|ofType)\((?:FHIR\.)?(\w+)\)((?:\.\w+)*)")
_PLAIN = re.compile(r"[\w.]+")
_FILTER = re.compile(r"\.where\([^()]*\)")

# Operators that bind looser than `|`: an expression with one of them is not split.
_LOOSER = re.compile(r"[=~<>]|\s(?:in|contains|and|or|xor|implies)\s")


@lru_cache(maxsize=4_096)  # as many as there are search parameters, and some of a deployer's own
def alternatives(expression: str) -> tuple[str, ...]:
    """The operands of the expression's outermost `|`, each an expression; itself where there are none."""
    parts, outside = _outermost(expression)
    if len(parts) == 1 or _LOOSER.search(outside):
        return (expression.strip(),)
    return tuple(part.strip() for part in parts)


def narrowed(alternative: str) -> tuple[str, str | None]:
    """The path of a reference, and the one type to which `where(resolve() is …)` narrows it."""
    found = _RESOLVED.search(alternative)
    if found is None:
        return alternative, None
    return alternative[: found.start()], found.group(1)


def always_fits(alternative: str) -> bool:
    """Whether an operand only walks from element to element and picks a type of a choice, which fits whatever data."""
    return any(way.fullmatch(alternative) for way in (_PLAIN, _CAST, _CHOSEN))


def elements(registry: Registry, parameter: SearchParameter) -> tuple[tuple[Element, tuple[str, ...]], ...]:
    """The elements that the parameter reads, each with the types it is read as.

    An alternative whose elements cannot be told without running it gives none.
    """
    found = (element_at(registry, alternative) for alternative in alternatives(parameter.expression))
    return tuple(element for element in found if element is not None)


def read_as(registry: Registry, parameter: SearchParameter) -> frozenset[str] | None:
    """The types as which the parameter's elements are read; None where they cannot be told without running it."""
    operands = alternatives(parameter.expression)
    if len(operands) == 1 and _LOOSER.search(_outermost(operands[0])[1]):
        return frozenset({"boolean"})
    found = [element_at(registry, operand) for operand in operands]
    if not all(found):
        return None
    return frozenset(type_ for one in found if one for type_ in one[1])


def _outermost(expression: str) -> tuple[list[str], str]:
    """The text between the outermost bars, and what of the expression stands outside brackets and quotes."""
    parts = [""]
    outside = ""
    depth = 0
    quoted = False
    for character in expression:
        quoted ^= character == "'"
        if not quoted:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                outside += character
                if character == "|":
                    parts.append("")
                    continue
        parts[-1] += character
    return parts, outside


def element_at(registry: Registry, alternative: str) -> tuple[Element, tuple[str, ...]] | None:
    """The element that one operand of an expression reads, and the types it is read as; None where it does not tell."""
    path = _FILTER.sub("", narrowed(alternative)[0])
    cast = _CAST.fullmatch(path) or _CHOSEN.fullmatch(path)
    if cast is not None:
        owner, as_type, rest = cast.groups()
        found = _walk(registry, owner.split("."))
        if found is None or as_type not in found[1]:
            return None
        return _walk(registry, [as_type, *rest.split(".")[1:]]) if rest else (found[0], (as_type,))
    return _walk(registry, path.split(".")) if _PLAIN.fullmatch(path) else None


def _walk(registry: Registry, steps: list[str]) -> tuple[Element, tuple[str, ...]] | None:
    """The element at the end of the steps, of which the first is a type."""
    types: tuple[str, ...] = (steps[0],)
    found: Element | None = None
    for step in steps[1:]:
        try:
            found = registry.definition(types[0]).elements.get(step)
        except KeyError:
            return None
        if found is None:
            return None
        types = found.types
    return None if found is None else (found, types)

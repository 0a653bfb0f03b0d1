"""The value sets that a Questionnaire contains: whether a code is in one, as far as it says so itself.

What it lists is looked up in it; for what it takes from other value sets, `contains` is asked. Whole
code systems and filters are not followed: then nothing can be told, unless the system is another.

Source: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.fhir.questionnaires.reading import Contains

Json = dict[str, Any]
Codes = frozenset[tuple[str | None, str]]


class ContainedValueSet:
    """A value set within a Questionnaire."""

    def __init__(self, value_set: Json) -> None:
        """Takes the ValueSet resource; where it has an expansion, that counts."""
        expansion = value_set.get("expansion")
        compose = value_set.get("compose", {})
        self._expanded = None if expansion is None else frozenset(_expanded(expansion.get("contains", [])))
        self._includes = [_Part(part) for part in compose.get("include", [])]
        self._excludes = [_Part(part) for part in compose.get("exclude", [])]

    def contains(self, system: str | None, code: str, contains: Contains) -> bool | None:
        """Whether the code is in it; None where that cannot be told."""
        if self._expanded is not None:
            return (system, code) in self._expanded
        included = _any(part.contains(system, code, contains) for part in self._includes)
        excluded = _any(part.contains(system, code, contains) for part in self._excludes)
        if included is False or excluded is True:
            return False
        return None if included is None or excluded is None else True


class _Part:
    """One include or exclude."""

    def __init__(self, part: Json) -> None:
        self._system = part.get("system")
        self._value_sets = part.get("valueSet", [])
        concepts = part.get("concept")
        self._codes = None if concepts is None else frozenset(concept.get("code") for concept in concepts)

    def contains(self, system: str | None, code: str, contains: Contains) -> bool | None:
        """Whether the code is in all that the part names at once."""
        verdicts = [contains(value_set, system, code) for value_set in self._value_sets]
        if self._system is not None:
            verdicts.append(self._listed(system, code))
        if False in verdicts:
            return False
        return None if None in verdicts else bool(verdicts)

    def _listed(self, system: str | None, code: str) -> bool | None:
        if system != self._system:
            return False
        return None if self._codes is None else code in self._codes


def _any(verdicts: Iterator[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _expanded(contained: list[Json]) -> Iterator[tuple[str | None, str]]:
    """The codes of an expansion that can be chosen, at every depth."""
    for entry in contained:
        code = entry.get("code")
        if code is not None and not entry.get("abstract"):
            yield entry.get("system"), code
        yield from _expanded(entry.get("contains", []))


def contained_value_sets(questionnaire: Json) -> dict[str, ContainedValueSet]:
    """The value sets of a Questionnaire by the reference to them, such as `#colours`."""
    return {
        f"#{resource['id']}": ContainedValueSet(resource)
        for resource in questionnaire.get("contained", [])
        if resource.get("resourceType") == "ValueSet" and "id" in resource
    }

"""Hierarchies: the codes above or below a code, for searches by `:above` and `:below`.

The hierarchy counts whatever CodeSystem.hierarchyMeaning says it means, as in `$subsumes`.

Source: https://hl7.org/fhir/R4/search.html#token (modifiers), https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystems
    from service.fhir.terminology.extents import Pair


def related(
    code_systems: CodeSystems, system: str, code: str, direction: Literal["above", "below"]
) -> frozenset[Pair] | None:
    """The code and those above or below it in its code system, however far.

    None where that cannot be told: the code system is not held, or not whole, or lacks the code.
    """
    held = code_systems.find(system)
    if held is None or not held.is_whole:
        return None
    concept = held.find(code)
    if concept is None:
        return None
    others = held.above(concept.code) if direction == "above" else held.below(concept.code)
    return frozenset((held.url, one) for one in {concept.code, *others})

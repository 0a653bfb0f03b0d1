"""Subsumption: how two codes of a code system stand to each other in its hierarchy.

The hierarchy counts whatever CodeSystem.hierarchyMeaning says it means.

Source: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystem, Concept

Outcome = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]


def outcome(system: CodeSystem, one: Concept, other: Concept) -> Outcome:
    """How the first stands to the second: it subsumes it if it is above it."""
    is_above = one.code in system.above(other.code)
    is_below = other.code in system.above(one.code)
    match is_above, is_below:
        case _ if one.code == other.code:
            return "equivalent"
        case True, True:  # each above the other: they can only mean the same
            return "equivalent"
        case True, False:
            return "subsumes"
        case False, True:
            return "subsumed-by"
        case _:
            return "not-subsumed"

"""Whom a resource is about, in conditions on it: settled where that is known and its search values do not tell.

Source: ADR 0022, docs/scopes.md
"""

from __future__ import annotations

from service.fhir.search.expressions import About, And, Everything, Expression, Not, Nothing, Or


def told(condition: Expression, child: str | None) -> Expression:
    """The condition on a resource that is about that one young person (the Patient's id), or about none alone."""
    match condition:
        case About(wanted):
            return Everything() if wanted == child else Nothing()
        case And(parts):
            return And(tuple(told(part, child) for part in parts))
        case Or(parts):
            return Or(tuple(told(part, child) for part in parts))
        case Not(part):
            return Not(told(part, child))
        case _:
            return condition


def allows(condition: Expression | None, child: str | None) -> bool:
    """Whether a resource about that one young person can meet the condition, as far as that decides it."""
    match condition:
        case About(wanted):
            return wanted == child
        case And(parts):
            return all(allows(part, child) for part in parts)
        case Or(parts):
            return any(allows(part, child) for part in parts)
        case _:
            return True

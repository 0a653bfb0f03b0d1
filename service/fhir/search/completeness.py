"""Whether the index is complete for what a search asks: else it would find too little, and not say so.

Source: docs/search-parameters.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.fhir.search import refusals
from service.fhir.search.asked import Setting
from service.fhir.search.derived import AXES
from service.fhir.search.expressions import (
    About,
    And,
    Chain,
    Everything,
    Expression,
    Has,
    Ids,
    LastUpdated,
    Near,
    Not,
    Nothing,
    Or,
    Query,
    Within,
)
from service.fhir.search.includes import Include

_KEPT_WITHOUT = frozenset({"_id", "_lastUpdated"})  # these are in the resource's own row


def require_complete(setting: Setting, queries: Sequence[Query], includes: Sequence[Include]) -> None:
    """Lets a search pass by parameters by which everything stored is indexed.

    Raises:
        Malformed: some are not; it names them.
    """
    asked = [
        *(found for query in queries for found in _asked(query)),
        *(parameter for each in includes for parameter in each.parameters),
    ]
    pending = [f"{type_}.{code}" for type_, code in dict.fromkeys(asked) if code in setting.pending(type_)]
    if pending:
        raise refusals.not_indexed(pending)


def _asked(query: Query) -> Iterator[tuple[str, str]]:
    yield from _of(query.where, query.type)
    yield from ((query.type, key.parameter) for key in query.sort if key.kind not in _KEPT_WITHOUT)


def _of(expression: Expression, type_: str) -> Iterator[tuple[str, str]]:
    """Types and index codes that the expression reads."""
    match expression:
        case Everything() | Nothing() | Ids() | About() | LastUpdated():
            return
        case And(parts) | Or(parts):
            for part in parts:
                yield from _of(part, type_)
        case Not(part):
            yield from _of(part, type_)
        case Chain(parameter, to, where):
            yield type_, parameter
            yield from _of(where, to)
        case Has(other, parameter, where):
            yield other, parameter
            yield from _of(where, other)
        case Within(parameter, to, _, part_of):
            yield from ((type_, parameter), (to, part_of))
        case Near(parameter):
            yield from ((type_, f"{parameter}:{axis}") for axis in AXES)
        case leaf:
            yield type_, leaf.parameter

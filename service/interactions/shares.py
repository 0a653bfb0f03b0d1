"""Shares: what the store knows of who may see a young person's record, in the words of the rule.

Source: ADR 0019, ADR 0022
"""

from __future__ import annotations

from collections.abc import Iterable

from service.outcomes.grants import Row
from service.storage.store import Share


def rows_of(child: str, shares: Iterable[Share]) -> tuple[Row, ...]:
    """The rows of Patient/`child`, in the order of the shares."""
    return tuple(
        Row(
            child, each.party, each.effect, each.type, each.purpose, each.mask, each.low, each.high, each.team
        )
        for each in shares
    )

"""Oversight: who may see a young person's record at a moment, as all that is said of it comes to.

Source: ADR 0022, docs/operations/who-can-see.md; domain facts section 8
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.outcomes.grants import Effect, Row
from service.outcomes.references import Target

PERMITS: Final = frozenset({Effect.YOUNG_PERMIT, Effect.PARENT_PERMIT})
DENIES: Final = frozenset({Effect.YOUNG_DENY, Effect.PARENT_DENY})
CIRCLE: Final = frozenset({Effect.TEAM, Effect.PLAN, Effect.EMERGENCY})
PARENTS: Final = frozenset({Effect.PARENT_PERMIT, Effect.PARENT_DENY})


@dataclass(frozen=True, slots=True)
class Statement:
    """What one resource says of somebody: that they may see, or that they may not; and whether that holds.

    `holds`: at the moment that is asked about, its time has come and is not over, and it is not what
    parents decided for somebody who has come of age since.
    """

    source: Target
    row: Row
    holds: bool


@dataclass(frozen=True, slots=True)
class Oversight:
    """Everything that is said of who may see a young person's record.

    `of_age` is the moment from which the young person decides alone, None where it is not known;
    `restricted` the bits of the labels for which places are withheld, 0 where none are.

    Units: moments in milliseconds since 1970.
    """

    access: tuple[Statement, ...]
    denials: tuple[Statement, ...]
    of_age: int | None
    restricted: int

    @property
    def agencies(self) -> frozenset[str]:
        """The ids of the agencies that are named."""
        parties = {each.row.party for each in (*self.access, *self.denials)}
        return frozenset(party for party in parties if party not in {"", "*"} and "|" not in party)


def oversee(said: Sequence[tuple[Target, Row]], at: int) -> Oversight:
    """What all the rows of a young person come to at a moment; those that hold first, then by source."""
    rows = [row for _, row in said]
    present = [row for row in rows if row.low <= at < row.high]
    is_of_age = any(row.effect == Effect.COMING_OF_AGE for row in present)
    restricted = 0
    for row in present:
        if row.effect == Effect.RESTRICTED:
            restricted |= row.mask
    statements = [
        Statement(source, row, row.low <= at < row.high and not (is_of_age and row.effect in PARENTS))
        for source, row in said
    ]
    return Oversight(
        _ordered(each for each in statements if each.row.effect in PERMITS | CIRCLE),
        _ordered(each for each in statements if each.row.effect in DENIES),
        min((row.low for row in rows if row.effect == Effect.COMING_OF_AGE), default=None),
        restricted,
    )


def _ordered(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    def place(each: Statement) -> tuple[bool, Target, str, str, str, int]:
        row = each.row
        return not each.holds, each.source, row.party, row.type, row.purpose, row.low

    return tuple(sorted(statements, key=place))

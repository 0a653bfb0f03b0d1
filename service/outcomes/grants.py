"""Grants: what a resource says of who may see a young person's record, in the form in which it is stored.

Source: ADR 0022, design section 8
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from service.outcomes.moments import EVER, Span

EVERYONE: Final = "*"
NOBODY_NAMED: Final = ""
# What comes to more rows cannot be read: everybody who looks at the young person would pay for it. A decision
# about ten agencies, five types and three purposes is 150.
MOST_ROWS: Final = 500


class Ground(IntEnum):
    """On what ground somebody sees something. The numbers are stored in the audit."""

    NONE = 0  # they do not
    DIRECTORY = 1  # it is about no young person
    AUTHOR = 2  # their agency wrote it
    TEAM = 3  # their agency is in an active care team of the young person
    PLAN = 4  # their agency coordinates an active plan of the young person
    CONSENT = 5  # the young person, or a parent, permits it
    EMERGENCY = 6  # somebody broke the glass
    SERVICE = 7  # they administer the service


class Effect(IntEnum):
    """What a row does. The numbers are stored."""

    TEAM = 1
    PLAN = 2
    YOUNG_PERMIT = 3
    YOUNG_DENY = 4
    PARENT_PERMIT = 5
    PARENT_DENY = 6
    EMERGENCY = 7
    COMING_OF_AGE = 8  # from `low` on, what parents decided does not count
    RESTRICTED = 9  # where the young person is, is not told


@dataclass(frozen=True, slots=True)
class Row:
    """A statement about who may see the record of `child`, the id of a Patient.

    `party` is the id of an Organization, `sector|` with a code, "*" for everyone, and "" where the
    row names no agency itself: it is about the child alone, or about the members of `team`. `type`
    and `purpose` are "" for all. `mask` has the label bits that a permission covers, or that a denial
    is about (0: everything). `team` is the id of the CareTeam whose members it is about, or that a
    TEAM row comes from.

    Units: `low` and `high` in milliseconds since 1970, half-open.
    """

    child: str
    party: str
    effect: int
    type: str = ""
    purpose: str = ""
    mask: int = 0
    low: int = EVER.low
    high: int = EVER.high
    team: str = ""


def sector_party(code: str) -> str:
    """The party that all agencies of a sector are; no id of a resource has a bar in it."""
    return f"sector|{code}"


def circle_row(child: str, agency: str, effect: Effect, span: Span, team: str = "") -> Row:
    """The row of an agency that is in the circle around a child."""
    return Row(child, agency, effect, low=span.low, high=span.high, team=team)

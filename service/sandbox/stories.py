"""What kind of help a young person gets and what becomes of it, drawn or told in advance.

The first ten of every cohort are told in advance, so that whoever plays with the sandbox
finds the telling cases (docs/sandbox.md lists them).

Source: domain facts sections 1 (goals change, stall and are replaced), 5 (groupings; about 5 %
of those seen get risk support) and 9 (trap list). The other shares are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.sandbox.draws import Draws

Help = Literal["declined", "advice", "help", "more-help", "risk-support"]
Trend = Literal["improving", "flat", "worse", "dip"]

# Referrals of two years; the last days before the anchor hold people who wait.
REFERRALS_DAYS = 730
LAST_REFERRAL_DAYS = 4

_HELP: tuple[tuple[float, Help], ...] = (
    (0.04, "declined"),
    (0.19, "advice"),
    (0.53, "help"),
    (0.19, "more-help"),
    (0.05, "risk-support"),
)
# About a third make clear goal progress within an episode, most make some; few get worse.
_TRENDS: tuple[tuple[float, Trend], ...] = (
    (0.58, "improving"),
    (0.22, "flat"),
    (0.08, "worse"),
    (0.12, "dip"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """What happens; `referred` is in days before the anchor, `trend` None where each goal has its own.

    `sessions` and `goals` are how many there are at least, `unreviewed` means that nobody looks
    at the plan again.
    """

    help: Help
    referred: int
    trend: Trend | None = None
    replaced: bool = False
    carer_goal: bool = False
    clinician_goal: bool = False
    zero_baseline: bool = False
    handover: bool = False
    reopened: bool = False
    attainment: bool = False
    corrected: bool = False
    retracted: bool = False
    unreviewed: bool = False
    sessions: int = 0
    goals: int = 1


TOLD: dict[int, Story] = {
    1: Story("help", 420, sessions=11, goals=2, trend="improving"),
    2: Story("help", 400, sessions=11, goals=2, replaced=True),
    3: Story("help", 380, sessions=11, goals=2, carer_goal=True, trend="improving"),
    4: Story("more-help", 500, sessions=12, handover=True),
    5: Story("help", 390, sessions=11, goals=2, zero_baseline=True, trend="improving"),
    6: Story("risk-support", 330, sessions=11, goals=3, clinician_goal=True, attainment=True),
    7: Story("help", 610, sessions=12, reopened=True),
    8: Story("more-help", 450, sessions=12, goals=2, corrected=True, retracted=True, trend="worse"),
    9: Story("help", 360, sessions=11, goals=3, replaced=True),
    10: Story("more-help", 260, sessions=60, goals=2, unreviewed=True),
}


def story(draws: Draws, index: int) -> Story:
    """The story of the index-th young person; a told one uses up the same draws as another."""
    drawn = Story(
        help=draws.weighted(_HELP),
        referred=draws.between(LAST_REFERRAL_DAYS, REFERRALS_DAYS),
        replaced=draws.happens(0.14),
        carer_goal=draws.happens(0.16),
        clinician_goal=draws.happens(0.06),
        zero_baseline=draws.happens(0.05),
        handover=draws.happens(0.07),
        reopened=draws.happens(0.05),
        attainment=draws.happens(0.04),
        corrected=draws.happens(0.05),
        retracted=draws.happens(0.03),
    )
    return TOLD.get(index, drawn)


def trend(draws: Draws, told: Story) -> Trend:
    """How one goal of this story goes."""
    drawn = draws.weighted(_TRENDS)
    return told.trend or drawn

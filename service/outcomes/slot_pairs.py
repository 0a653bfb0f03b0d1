"""Pairs as NHS England's national figures make them: by the code of the slot, not by the goal.

So two goals that had one slot after the other are taken for one (a false pair), and a goal
whose ratings go by two sets of codes is taken for two. Both are told as cautions. Whatever
goes by one of these codes counts as the young person's own.

Which of a referral's contacts a rating falls on or after is not asked here.

Source: domain facts sections 1 (changed goals), 2.1 (file under Self, pairing on preferred term), 3.3
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from service.outcomes.changes import Change, Verdict, change_of, slot_verdict
from service.outcomes.recognition import SLOT_OF_CODE, SNOMED, Coding
from service.outcomes.references import Target
from service.outcomes.series import SCORE, YOUNG_PERSON, Point, Series

CautionCode = Literal["slot-reused", "code-set-switched", "counted-as-own"]

SLOT_REUSED: Final = "slot-reused"
CODE_SET_SWITCHED: Final = "code-set-switched"
COUNTED_AS_OWN: Final = "counted-as-own"


@dataclass(frozen=True, slots=True)
class SlotPair:
    """The ratings that go by one code, oldest first, of whichever goals."""

    code: Coding
    points: tuple[Point, ...]

    @property
    def slot(self) -> int | None:
        """The slot that the code stands for; None for the generic one."""
        return SLOT_OF_CODE.get(self.code)

    @property
    def goals(self) -> tuple[Target, ...]:
        """The goals that were rated by it, in the order of their first ratings."""
        return tuple(dict.fromkeys(point.goal for point in self.points))

    @property
    def change(self) -> Change | None:
        """From the first rating to the last; None where there are not two."""
        return change_of(self.points)

    @property
    def verdict(self) -> Verdict:
        """What the slot rule says of the pair."""
        return slot_verdict(self.change)


@dataclass(frozen=True, slots=True)
class Caution:
    """Where the national figures say another thing than the goals do: why, about which goals, by which codes."""

    code: CautionCode
    goals: tuple[Target, ...]
    codes: tuple[Coding, ...]


def slot_pairs(series: Iterable[Series]) -> tuple[SlotPair, ...]:
    """The pairs of the series by code, the generic one first, then in the order of slots and codes.

    Ratings of one day and code with the same value are one.

    Source: domain facts section 3.3 (duplicates collapse)
    """
    held: dict[Coding, dict[tuple[int, object], Point]] = {}
    for point in sorted(_national(series), key=lambda point: (point.day, point.order)):
        held.setdefault(point.code, {}).setdefault((point.day, point.value), point)
    generic = [code for code in held if code not in SLOT_OF_CODE]
    slots = sorted(
        (code for code in held if code in SLOT_OF_CODE), key=lambda code: (SLOT_OF_CODE[code], code)
    )
    return tuple(SlotPair(code, tuple(held[code].values())) for code in (*generic, *slots))


def cautions(series: Iterable[Series]) -> tuple[Caution, ...]:
    """Where the national figures would say another thing: codes first, then goals, then what is no own rating."""
    points = list(_national(series))
    by_code: dict[Coding, dict[Target, None]] = {}
    by_goal: dict[Target, dict[Coding, None]] = {}
    others: dict[Target, dict[Coding, None]] = {}
    for point in sorted(points, key=lambda point: point.order):
        by_code.setdefault(point.code, {})[point.goal] = None
        by_goal.setdefault(point.goal, {})[point.code] = None
        if point.rater != YOUNG_PERSON:
            others.setdefault(point.goal, {})[point.code] = None
    return (
        *(
            Caution(SLOT_REUSED, tuple(goals), (code,))
            for code, goals in sorted(by_code.items())
            if len(goals) > 1
        ),
        *(
            Caution(CODE_SET_SWITCHED, (goal,), tuple(codes))
            for goal, codes in sorted(by_goal.items())
            if len(codes) > 1
        ),
        *(Caution(COUNTED_AS_OWN, (goal,), tuple(codes)) for goal, codes in sorted(others.items())),
    )


def _national(series: Iterable[Series]) -> Iterable[Point]:
    """The ratings that the national figures know: scores by a code of SNOMED CT."""
    return (
        point for each in series if each.kind == SCORE for point in each.points if point.code[0] == SNOMED
    )

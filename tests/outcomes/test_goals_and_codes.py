"""Goals that are replaced, slots that are used again, code sets that are switched: what the slot rule says.

By goal, as this service counts, and by code, as national figures pair. Each rating stands as
goal, code and score, a week apart: `school new-1 2` is a rating of the goal school by the newer
code of slot 1, `old-1` the older code of that slot, `parent` the code of a parent's rating.
"""

from __future__ import annotations

import pytest

from service.outcomes.days import days_of
from service.outcomes.progress import Progress
from service.outcomes.series import read_points, series_of
from service.outcomes.slot_pairs import cautions, slot_pairs
from tests.outcomes.clinic import ASH, MUM, PROGRESS_CHART, locate, own, rated_by, rating

TODAY = days_of("2026-06-01").first
CODES = {
    **{f"new-{slot}": own(slot) for slot in (1, 2, 3)},
    **{f"old-{slot}": own(slot, PROGRESS_CHART) for slot in (1, 2, 3)},
    "parent": rated_by("parent"),
}
NAMES = {code["coding"][0]["code"]: name for name, code in CODES.items()}


def series(text):
    points = []
    for week, line in enumerate(text.split(", ")):
        goal, code, value = line.split()
        by = MUM if code == "parent" else ASH
        given = rating(str(week), goal, value, f"2026-03-{1 + 7 * week:02}", CODES[code], by)
        points += read_points(given, locate)
    return series_of(points)


@pytest.mark.parametrize(
    ("what", "ratings", "by_goal", "by_code", "warned"),
    [
        (
            "one goal in one slot",
            "school new-1 2, school new-1 6",
            ["school improved"],
            ["new-1 improved"],
            [],
        ),
        (
            "a goal is replaced, and the new one has a slot of its own",
            "school new-1 2, school new-1 6, sleep new-2 1, sleep new-2 2",
            ["school improved", "sleep no-change"],
            ["new-1 improved", "new-2 no-change"],
            [],
        ),
        (
            "a goal is reached, and a new one begins low in its slot: a false pair",
            "school new-1 2, school new-1 8, sleep new-1 1, sleep new-1 3",
            ["school improved", "sleep no-change"],
            ["new-1 no-change"],
            ["slot-reused"],
        ),
        (
            "a goal is given up low, and a new one begins high in its slot: a change that nobody made",
            "school new-1 1, sleep new-1 7",
            ["school not-rated-twice", "sleep not-rated-twice"],
            ["new-1 improved"],
            ["slot-reused"],
        ),
        (
            "the service changes to the newer codes: a broken pair",
            "school old-1 2, school new-1 6",
            ["school improved"],
            ["old-1 not-rated-twice", "new-1 not-rated-twice"],
            ["code-set-switched"],
        ),
        (
            "the service changes codes half-way: two halves",
            "school old-1 2, school old-1 4, school new-1 4, school new-1 6",
            ["school improved"],
            ["old-1 no-change", "new-1 no-change"],
            ["code-set-switched"],
        ),
        (
            "codes are changed and the slot is used again",
            "school old-1 2, school new-1 5, sleep new-1 5",
            ["school improved", "sleep not-rated-twice"],
            ["old-1 not-rated-twice", "new-1 no-change"],
            ["slot-reused", "code-set-switched"],
        ),
        (
            "a parent's ratings have a code of their own, and stay out of national figures",
            "school parent 2, school parent 8, school new-1 5, school new-1 5",
            ["school no-change", "school improved"],
            ["new-1 no-change"],
            [],
        ),
        (
            "from nought",
            "school new-1 0, school new-1 3",
            ["school improved"],
            ["new-1 improved"],
            [],
        ),
    ],
)
def test_the_slot_rule_by_goal_and_by_code(what, ratings, by_goal, by_code, warned):
    found = series(ratings)
    assert [f"{each.goal[1]} {Progress(each, TODAY).each_slot}" for each in found] == by_goal, what
    pairs = sorted(slot_pairs(found), key=lambda pair: (pair.slot, not NAMES[pair.code[1]].startswith("old")))
    assert [f"{NAMES[pair.code[1]]} {pair.verdict}" for pair in pairs] == by_code, what
    assert [each.code for each in cautions(found)] == warned, what

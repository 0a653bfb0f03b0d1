"""The chart in words: every figure that it shows, for whoever does not see it."""

from __future__ import annotations

import pytest

from service.pages.charts import alternative
from service.pages.charts.languages import LOCALES
from service.pages.charts.pictures import Chart
from tests.pages.charts.drawings import day, panel, rated

ENGLISH = LOCALES["en-GB"]


def told(*panels, locale="en-GB"):
    return alternative.description(Chart(panels, 720), LOCALES[locale])


def test_a_goal_with_its_figures():
    one = panel(
        rated(2, 3, 6),
        rated(0, rater="parent-or-carer"),
        wording="Get to school & stay <there>",
        missed=(day("2026-03-15"),),
    )
    assert told(one) == (
        "Goal 1. In these words: Get to school & stay <there>. Rated from 0, no progress, to 10, goal reached. "
        "Young person: number of ratings 3; first 2 on 5 Mar 2026; latest 6 on 19 Mar 2026; change +4. "
        "Every rating: 5 Mar 2026: 2; 12 Mar 2026: 3; 19 Mar 2026: 6. "
        "Parent or carer: rated once, 0 on 5 Mar 2026. "
        "Session missed, or goal not rated, on: 15 Mar 2026."
    )


def test_levels_and_states():
    assert told(panel(rated(-2, 0), kind="level", state="completed", slot=None)) == (
        "Goal (completed). Levels from \u22122, much less than expected, through 0, as expected, to +2, much better. "
        "Young person: number of ratings 2; first \u22122 on 5 Mar 2026; latest 0 on 12 Mar 2026; change +2. "
        "Every rating: 5 Mar 2026: \u22122; 12 Mar 2026: 0."
    )


def test_a_goal_without_ratings_and_no_goal_at_all():
    assert told(panel(slot=2)) == "Goal 2. Rated from 0, no progress, to 10, goal reached. Not rated yet."
    assert told() == "No goals to show"


def test_goals_are_paragraphs():
    assert [line.partition(".")[0] for line in told(panel(slot=1), panel(slot=2)).splitlines()] == [
        "Goal 1",
        "Goal 2",
    ]


@pytest.mark.parametrize(
    ("wording", "ends"), [("Sleep!", "Sleep!"), ("Sleep", "Sleep."), ("Sleep.", "Sleep.")]
)
def test_a_sentence_ends_once(wording, ends):
    assert f"In these words: {ends} Rated" in told(panel(wording=wording))


def test_sixty_ratings_are_all_told():
    assert (
        told(panel(rated(*[3] * 60))).count(" 2026: 3") + told(panel(rated(*[3] * 60))).count(" 2027: 3")
        == 60
    )


def test_in_welsh():
    assert (
        "Person ifanc: nifer y sgoriau 2; cyntaf 2 ar 5 Maw 2026; diweddaraf 3 ar 12 Maw 2026; newid +1."
        in told(panel(rated(2, 3)), locale="cy-GB")
    )


def test_its_name():
    assert alternative.title(Chart((panel(slot=3),), 720), ENGLISH) == "Progress of goals: Goal 3"
    assert alternative.title(Chart((panel(), panel()), 720), ENGLISH) == "Progress of goals"
    assert alternative.title(Chart((), 720), ENGLISH) == "Progress of goals"

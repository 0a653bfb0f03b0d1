"""What stands over the plot: name, wording, and a legend with the figures."""

from __future__ import annotations

import pytest

from service.pages.charts import headings, lettering
from service.pages.charts.languages import LOCALES
from tests.pages.charts.drawings import panel, rated

ENGLISH = LOCALES["en-GB"]


def entries(*lines, kind="score", room=680):
    one = headings.heading(panel(*lines, kind=kind), ENGLISH, room)
    return [[text for _, text in row] for row in one.rows]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((2, 3, 6), "Young person: 2 → 6 (+4)"),
        ((3, 3), "Young person: 3 → 3 (0)"),
        ((0, 0), "Young person: 0 → 0 (0)"),
        (("4.5", 4), "Young person: 4.5 → 4 (\u22120.5)"),
        ((0,), "Young person: 0 (rated once)"),
        ((10,), "Young person: 10 (rated once)"),
    ],
)
def test_first_latest_and_change(values, told):
    assert entries(rated(*values)) == [[told]]


def test_levels_have_signs():
    assert entries(rated(-2, 1), kind="level") == [["Young person: \u22122 → +1 (+3)"]]
    assert entries(rated(0), kind="level") == [["Young person: 0 (rated once)"]]


def test_raters_side_by_side_as_far_as_there_is_room():
    lines = [
        rated(1, 2),
        rated(1, 2, rater="parent-or-carer"),
        rated(5, 2, rater="clinician"),
        rated(rater="other"),
    ]
    names = ["Young person", "Parent or carer", "Clinician"]
    for room, rows in ((680, [3]), (480, [2, 1]), (200, [1, 1, 1])):
        found = entries(*lines, room=room)
        assert [len(row) for row in found] == rows
        assert [text.partition(":")[0] for row in found for text in row] == names


@pytest.mark.parametrize(
    ("state", "slot", "name"),
    [
        ("open", 1, "Goal 1"),
        ("on-hold", 2, "Goal 2 · on hold"),
        ("completed", None, "Goal · completed"),
        ("ended", 3, "Goal 3 · ended"),
    ],
)
def test_its_name(state, slot, name):
    assert headings.heading(panel(state=state, slot=slot), ENGLISH, 400).name == name


def test_wording_is_whole_or_shows_that_it_goes_on():
    assert headings.heading(panel(wording="Sleep well"), ENGLISH, 400).wording == ("Sleep well",)
    long = headings.heading(panel(wording="be with friends " * 500), ENGLISH, 400)
    assert len(long.wording) == headings.MOST_LINES
    assert long.wording[-1].endswith("…")
    assert headings.heading(panel(wording=" \n "), ENGLISH, 400).wording == ()


def test_so_many_letters_that_no_chart_shows_more():
    assert lettering.wrap("i" * headings.MOST_LETTERS, headings._WORDING, 2_000, headings.MOST_LINES)[
        -1
    ].endswith("…")


@pytest.mark.parametrize(("wording", "x"), [("Sleep well", 20.0), ("أنام جيدا (well) كل يوم", 700.0)])
def test_a_wording_begins_at_its_own_side(wording, x):
    one = headings.heading(panel(wording=wording), ENGLISH, 680)
    found = headings.draw(one, [], 20, 700, 0, "ar")
    [text] = [each for each in found if dict(each.attributes).get("xml:lang") == "ar"]
    assert float(dict(text.attributes)["x"]) == x


def test_a_heading_is_as_high_as_what_is_drawn():
    one = headings.heading(panel(rated(1, 2), wording="words " * 60), ENGLISH, 300)
    assert one.height > headings.heading(panel(rated(1, 2)), ENGLISH, 300).height

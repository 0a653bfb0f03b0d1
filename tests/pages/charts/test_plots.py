"""Scales, band, lines and values of one goal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.pages.charts import plots
from service.pages.charts.pictures import Chart
from tests.pages.charts.drawings import day, named, panel, parsed, rated, texts


def lines_at(root, class_):
    return [float(each.get("y1")) for each in named(root, "line", class_)]


def values(root):
    return [float(each.get("cy")) for each in named(root, "circle")]


def test_lines_at_0_5_and_10_with_their_meaning():
    root = parsed(Chart((panel(rated(2, 6)),), 720))
    top, middle, bottom = lines_at(root, "scale")
    assert middle == pytest.approx((top + bottom) / 2)
    assert {"10", "5", "0", "goal reached", "half-way", "no progress"} <= set(texts(root))
    narrow = parsed(Chart((panel(rated(2, 6)),), 320))
    assert {"10", "5", "0"} <= set(texts(narrow))
    assert "half-way" not in texts(narrow)


def test_levels_have_five_lines_and_no_band():
    root = parsed(Chart((panel(rated(-2, 1), kind="level"),), 720))
    assert len(lines_at(root, "scale")) == 5
    assert {"+2", "+1", "0", "\u22121", "\u22122"} <= set(texts(root))
    assert named(root, "rect", "band") == []


@pytest.mark.parametrize(
    ("first", "low", "high", "edges"),
    [(2, 0, 5, 1), (0, 0, 3, 1), (5, 2, 8, 2), (3, 0, 6, 2), (10, 7, 10, 1), ("4.5", "1.5", "7.5", 2)],
)
def test_the_band_is_three_points_round_the_first_rating(first, low, high, edges):
    root = parsed(Chart((panel(rated(first, 5)),), 720))
    top, _, bottom = lines_at(root, "scale")
    point = (bottom - top) / 10
    [band] = named(root, "rect", "band")
    upper = float(band.get("y"))
    assert upper == pytest.approx(bottom - float(high) * point, abs=0.11)
    assert upper + float(band.get("height")) == pytest.approx(bottom - float(low) * point, abs=0.11)
    # An edge is drawn where it lies on the scale: from there on a change counts.
    assert len(named(root, "line", "band-edge")) == edges


def test_the_band_is_the_young_persons_where_they_rated():
    both = panel(rated(2, 6), rated(8, 8, rater="parent-or-carer"))
    assert named(parsed(Chart((both,), 720)), "rect", "band")[0].get("y") == named(
        parsed(Chart((panel(rated(2, 6)),), 720)), "rect", "band"
    )[0].get("y")
    parents = panel(rated(), rated(8, 8, rater="parent-or-carer"))
    assert "(Parent or carer)" in " ".join(texts(parsed(Chart((parents,), 720))))


def test_no_band_without_a_rule_or_a_rating():
    assert named(parsed(Chart((panel(rated(2, 6), band=None),), 720)), "rect", "band") == []
    assert named(parsed(Chart((panel(rated()),), 720)), "rect", "band") == []


def test_each_rating_is_a_mark_with_who_when_and_what():
    root = parsed(Chart((panel(rated(0, "4.5")),), 720))
    marks = named(root, "g", "marks")
    assert [[title.text for title in named(each, "title")] for each in marks] == [
        ["Young person, 5 Mar 2026: 0", "Young person, 12 Mar 2026: 4.5"]
    ]
    top, _, bottom = lines_at(root, "scale")
    # The first circle is the legend's.
    assert values(root)[1:] == pytest.approx([bottom, bottom - 4.5 * (bottom - top) / 10], abs=0.11)


def test_equal_ratings_are_all_seen_and_the_young_persons_on_top():
    raters = ("young-person", "parent-or-carer", "clinician", "other")
    root = parsed(Chart((panel(*(rated(0, 0, rater=rater) for rater in raters)),), 720))
    classes = [
        each.get("class") for each in root.iter() if (each.get("class") or "").startswith(("line ", "marks "))
    ]
    assert classes[-1] == "marks young-person"
    assert classes[:4] == [f"line {rater}" for rater in reversed(raters)]
    circles = [float(each.get("cx")) for each in named(root, "circle")[1:]]
    squares = [
        float(each.get("x")) for each in named(root, "rect") if each.get("class") is None and each.get("x")
    ]
    assert not set(circles) & set(squares)


@pytest.mark.parametrize("number", [1, 2, 6, 12])
def test_however_many_persons_marks_stay_on_the_plot(number):
    lines = [rated(3, 7, rater="other", number=index + 1) for index in range(number)]
    root = parsed(Chart((panel(*lines),), 720))
    [*scale] = named(root, "line", "scale")
    left, right = float(scale[0].get("x1")), float(scale[0].get("x2"))
    for each in named(root, "g", "marks"):
        for mark in each:
            across = [float(corner.partition(",")[0]) for corner in mark.get("points").split()]
            assert left <= min(across)
            assert max(across) <= right


def written(root):
    """The values beside marks: bold, in the middle over their place."""
    return [each.text for each in named(root, "text") if each.get("paint-order") == "stroke"]


def test_values_of_a_line_by_itself_are_all_written_where_there_is_room():
    assert sorted(written(parsed(Chart((panel(rated(2, 3, 4, 6)),), 720)))) == ["2", "3", "4", "6"]
    dense = written(parsed(Chart((panel(rated(*[4] * 58, 7, every=2)),), 720)))
    assert dense == ["7", "4"]


def test_of_several_lines_the_first_and_latest_values_are_written():
    root = parsed(Chart((panel(rated(1, 9, 2), rated(6, 9, 7, rater="clinician")),), 720))
    assert sorted(written(root)) == ["1", "2", "6", "7"]


def test_a_goal_that_nobody_rated_says_so_and_names_no_day():
    root = parsed(Chart((panel(wording="Sleep"),), 720))
    assert "Not rated yet" in texts(root)
    assert not any(text.endswith("Jan") for text in texts(root))


def test_crosses_for_missed_sessions_and_for_who_did_not_rate():
    one = panel(rated(2, 4, 6, missed=(day("2026-03-15"),)), missed=(day("2026-03-09"), day("2026-03-15")))
    root = parsed(Chart((one,), 720))
    assert plots.crossed(one) == (day("2026-03-09"), day("2026-03-15"))
    # One more explains them.
    assert len(named(root, "path", "missed")) == 3
    assert len(named(root, "path", "gap")) == 2
    assert "Session missed, or goal not rated" in texts(root)


def test_who_did_not_rate_leaves_the_others_lines_whole():
    one = panel(rated(2, 4), rated(3, 5, rater="clinician", missed=(day("2026-03-09"),)))
    root = parsed(Chart((one,), 720))
    assert [len(named(each, "path", "gap")) for each in named(root, "g", "line")] == [1, 0]


def test_who_did_not_rate_before_the_first_rating_has_no_cross_and_none_is_explained():
    root = parsed(Chart((panel(rated(2, 4, missed=(day("2026-02-09"),))),), 720))
    assert named(root, "path", "missed") == []
    assert "Session missed, or goal not rated" not in texts(root)


def test_days_are_named_on_the_axis_with_the_year():
    shown = texts(parsed(Chart((panel(rated(2, 4)),), 720)))
    assert {"5 Mar", "7 Mar", "2026"} <= set(shown)
    assert shown.count("2026") == 1


def test_a_band_of_another_width():
    root = parsed(Chart((panel(rated(5, 6), band=Decimal("2.5")),), 720))
    assert any("less than 2.5 points" in text for text in texts(root))

from __future__ import annotations

from tests.pages.charts.drawings import panel, rated


def test_a_line_without_a_mark_is_not_drawn():
    empty, one = rated(), rated(0)
    found = panel(empty, one)
    assert found.drawn == (one,)
    assert list(found.days()) == [one.marks[0].day]

"""Values are written where there is room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.pages.charts.placing import Box, Paper

ROOM = Box(0, 0, 300, 200)


def test_above_is_best_then_below_then_beside():
    paper = Paper(ROOM)
    paper.mark(150, 100, 5)
    above, below, right, left = (paper.place(150, 100, 20, 12, 5) for _ in range(4))
    assert above.bottom <= 95
    assert below.top >= 105
    assert right.left >= 155
    assert left.right <= 145


def test_at_the_top_it_goes_below_and_outside_nowhere():
    paper = Paper(ROOM)
    assert paper.place(150, 2, 20, 12, 5).top >= 7
    assert paper.place(-50, 100, 20, 12, 5) is None


def test_no_place_where_all_is_taken():
    paper = Paper(ROOM, [ROOM])
    assert paper.place(150, 100, 20, 12, 5) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200)), max_size=25))
def test_nothing_is_covered(spots):
    paper = Paper(ROOM)
    for x, y in spots:
        paper.mark(x, y, 4)
    marks = list(paper.taken)
    placed = [box for box in (paper.place(x, y, 18, 12, 4) for x, y in spots) if box is not None]
    for index, box in enumerate(placed):
        assert box.within(ROOM)
        assert not any(box.covers(other) for other in [*marks, *placed[:index]])


def test_boxes_that_touch_do_not_cover_each_other():
    assert not Box(0, 0, 10, 10).covers(Box(10, 0, 20, 10))
    assert Box(0, 0, 10, 10).covers(Box(9, 9, 20, 20))
    assert not Box(0, 0, 10, 10).within(Box(0, 0, 10, 9))

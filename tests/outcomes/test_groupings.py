from __future__ import annotations

import pytest

from service.outcomes.days import ALWAYS, NEVER, Days, days_of, days_of_period
from service.outcomes.groupings import Grouping, one_grouping_at_a_time, read_grouping
from tests.outcomes.clinic import ASH, BRAMBLE, about, locate, told

OVERLAP = [("error", "grouping-overlap", "Observation.effective")]


def test_what_a_grouping_says_is_read():
    period = {"start": "2026-03-10", "end": "2026-06-01"}
    given = {"id": "g", **about(ASH), "status": "final", "effectivePeriod": period}
    assert read_grouping(given, locate) == Grouping("g", ASH, days_of_period(period))
    assert read_grouping({**given, "status": "entered-in-error"}, locate).is_in_error
    assert read_grouping({**given, "effectivePeriod": {}}, locate).days == ALWAYS
    assert read_grouping({"effectiveDateTime": "2026"}, locate) == Grouping("", None, None)


def held(id_, start, end=None, **more):
    last = NEVER if end is None else days_of(end).last
    return Grouping(**{"id": id_, "child": ASH, "days": Days(days_of(start).first, last), **more})


# Ash was in one grouping from 10 March to 1 June. What of another one?
@pytest.mark.parametrize(
    ("what", "new", "refused"),
    [
        ("until the day on which it begins", held("new", "2026-01-01", "2026-03-10"), False),
        ("until the day after", held("new", "2026-01-01", "2026-03-11"), True),
        ("from the day on which it ends", held("new", "2026-06-01", "2026-09-01"), False),
        ("from the day before", held("new", "2026-05-31", "2026-09-01"), True),
        ("open, from the day on which it ends", held("new", "2026-06-01"), False),
        ("open, from before it", held("new", "2026-01-01"), True),
        ("within it", held("new", "2026-04-01", "2026-04-02"), True),
        ("entered in error", held("new", "2026-04-01", "2026-04-02", is_in_error=True), False),
        ("another young person's", held("new", "2026-04-01", "2026-04-02", child=BRAMBLE), False),
        ("nobody's", held("new", "2026-04-01", "2026-04-02", child=None), False),
        ("without a period", Grouping("new", ASH, None), False),
        ("the same one with another end", held("old", "2026-03-10", "2026-07-01"), False),
    ],
)
def test_one_grouping_at_a_time(what, new, refused):
    others = [held("earlier", "2025-01-01", "2025-02-01"), held("old", "2026-03-10", "2026-06-01")]
    assert told(one_grouping_at_a_time(new, others)) == (OVERLAP if refused else []), what


@pytest.mark.parametrize(
    ("what", "old", "refused"),
    [
        ("open", held("old", "2020-01-01"), True),
        ("entered in error", held("old", "2020-01-01", is_in_error=True), False),
        ("another young person's", held("old", "2020-01-01", child=BRAMBLE), False),
        ("without a period", Grouping("old", ASH, None), False),
    ],
)
def test_what_does_not_count(what, old, refused):
    assert bool(one_grouping_at_a_time(held("new", "2026-04-01"), [old])) is refused, what


def test_nobodys_groupings_are_not_one_young_persons():
    assert one_grouping_at_a_time(held("new", "2026", child=None), [held("old", "2026", child=None)]) == []

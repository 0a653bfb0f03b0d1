from __future__ import annotations

from datetime import date

import pytest

from service.outcomes.moments import EVER, LONG_AGO, NEVER, Span, midnight, moments_of, span_of

HOUR, DAY = 3_600_000, 86_400_000
WINTER = midnight(date(2026, 11, 27).toordinal())  # in London, GMT
SUMMER = midnight(date(2026, 7, 1).toordinal())  # British Summer Time


def test_days_begin_at_midnight_in_the_united_kingdom():
    assert WINTER % DAY == 0
    assert SUMMER % DAY == 23 * HOUR
    assert midnight(date(2026, 10, 26).toordinal()) - midnight(date(2026, 10, 25).toordinal()) == 25 * HOUR
    assert midnight(date.max.toordinal() + 1) == NEVER


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("2026-11-27", Span(WINTER, WINTER + DAY)),
        ("2026-11-27T12:00:00Z", Span(WINTER + 12 * HOUR, WINTER + 12 * HOUR + 1000)),
        ("2026-11-27T13:00:00+01:00", Span(WINTER + 12 * HOUR, WINTER + 12 * HOUR + 1000)),
        ("2026-11-27T12:00:00.250Z", Span(WINTER + 12 * HOUR + 250, WINTER + 12 * HOUR + 251)),
        ("9999-12-31", Span(midnight(date.max.toordinal()), NEVER)),
        *(
            (text, None)
            for text in ("2026-13", "2026-11-27T12:00Z", "2026-11-27T12:00:00", "soon", "", None, 7)
        ),
        ("2026-11-27T24:00:00Z", None),
    ],
)
def test_the_moments_that_a_text_may_mean(text, moments):
    assert moments_of(text) == moments


def test_a_month_is_all_of_its_days():
    november = moments_of("2026-11")
    assert november == Span(midnight(date(2026, 11, 1).toordinal()), midnight(date(2026, 12, 1).toordinal()))


@pytest.mark.parametrize(
    ("period", "span"),
    [
        (None, EVER),
        ({"start": "2026-11-27"}, Span(WINTER, NEVER)),
        ({"end": "2026-11-27"}, Span(LONG_AGO, WINTER + DAY)),
        ({"start": "2026-11-27", "end": "2026-11-27"}, Span(WINTER, WINTER + DAY)),
        ({"id": "x", "start": "2026-11-27"}, Span(WINTER, NEVER)),
        ({"start": "2026-11-28", "end": "2026-11-27"}, None),
        ({"start": "soon"}, None),
        ({"end": "soon"}, None),
        ({"_start": {"extension": []}, "end": "2026-11-27"}, None),
        ({"extension": [{"url": "x"}]}, None),
        ({}, None),
        ("2026", None),
    ],
)
def test_the_span_of_a_period(period, span):
    assert span_of(period) == span


def test_what_two_spans_share():
    assert Span(1, 5).within(Span(3, 9)) == Span(3, 5)
    assert Span(1, 3).within(Span(3, 9)).is_empty
    assert not Span(3, 4).is_empty

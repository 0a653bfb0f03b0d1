"""Buckets of tokens, beside a plain model of them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rest import rates
from service.rest.rates import MOST_KEYS, Rates


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_a_full_bucket_gives_its_burst_and_then_one_as_each_comes():
    clock = Clock()
    limit = Rates(2, 4, clock)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert limit.take("a") == pytest.approx(0.5)
    clock.now += 0.25
    assert limit.take("a") == pytest.approx(0.25)
    clock.now += 0.25
    assert limit.take("a") == 0
    assert limit.take("a") == pytest.approx(0.5)
    clock.now += 1000
    assert [limit.take("a") > 0 for _ in range(5)] == [False] * 4 + [True]


def test_what_one_takes_another_does_not_lack():
    limit = Rates(1, 1, Clock())
    assert (limit.take("a"), limit.take("b")) == (0, 0)
    assert limit.take("a") > 0


def test_who_takes_more_than_there_are_owes_them():
    clock = Clock()
    limit = Rates(2, 4, clock)
    assert limit.take("a", 10) == 0
    assert limit.take("a") == limit.take("a", 10) == pytest.approx(3.5)
    clock.now += 3.5
    assert (limit.take("a"), limit.take("b", 4)) == (0, 0)
    assert limit.take("b") == pytest.approx(0.5)


def test_a_rate_of_nothing_is_none():
    limit = Rates(0, 0, Clock())
    assert [limit.take("a") for _ in range(1000)] == [0] * 1000


@given(
    st.integers(1, 5),
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=60),
)
def test_as_a_bucket_that_is_filled_would(rate, burst, asked):
    """Times are sixteenths of a second, which floats hold exactly where the rate divides them."""
    clock = Clock()
    limit = Rates(rate, burst, clock)
    held = {key: (Fraction(burst), Fraction(clock.now)) for key in "ab"}
    for key, pause in asked:
        clock.now += pause / 16
        tokens, since = held[key]
        tokens = min(Fraction(burst), tokens + (Fraction(clock.now) - since) * rate)
        if abs(tokens - 1) < Fraction(1, 10**6):
            return  # on the edge floats may say either
        wait = limit.take(key)
        if tokens > 1:
            assert wait == 0
            tokens -= 1
        else:
            assert wait == pytest.approx(float((1 - tokens) / rate), abs=1e-6)
        held[key] = (tokens, Fraction(clock.now))


def test_strangers_without_number_are_not_all_remembered():
    clock = Clock()
    limit = Rates(1, 1, clock)
    for number in range(3 * MOST_KEYS):
        assert limit.take(number) == 0
    assert len(limit._full) <= rates.MOST_KEYS
    assert limit.take(3 * MOST_KEYS - 1) > 0
    clock.now += 10
    for number in range(MOST_KEYS):
        limit.take(("new", number))
    assert len(limit._full) <= rates.MOST_KEYS

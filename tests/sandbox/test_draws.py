from __future__ import annotations

from collections import Counter

from service.sandbox.draws import Draws


def test_the_same_key_gives_the_same_stream():
    assert [Draws("a", 1).unit() for _ in range(3)] == [Draws("a", 1).unit() for _ in range(3)]
    assert Draws("a", 1).unit() != Draws("a", 2).unit()


def test_the_stream_is_the_same_on_every_machine():
    draws = Draws("young person", 1, 1)
    assert [draws.between(0, 999) for _ in range(4)] == [83, 923, 50, 274]


def test_between_includes_both_ends():
    draws = Draws("ends")
    assert Counter(draws.between(1, 3) for _ in range(300)).keys() == {1, 2, 3}


def test_early_leans_to_the_low_end():
    draws = Draws("early")
    found = [draws.early(0, 9) for _ in range(1000)]
    assert set(found) == set(range(10))
    assert sum(value < 5 for value in found) > 600


def test_weighted_follows_the_shares():
    draws = Draws("shares")
    found = Counter(draws.weighted(((0.7, "often"), (0.3, "seldom"))) for _ in range(1000))
    assert 640 < found["often"] < 760


def test_some_are_different_and_no_more_than_there_are():
    draws = Draws("some")
    assert sorted(draws.some("abcd", 9)) == list("abcd")
    assert len(set(draws.some("abcd", 2))) == 2


def test_wobble_is_centred_and_bounded():
    draws = Draws("wobble")
    found = [draws.wobble() for _ in range(4000)]
    assert all(-3 <= value <= 3 for value in found)
    assert abs(sum(found) / len(found)) < 0.1
    assert 0.9 < sum(value * value for value in found) / len(found) < 1.1

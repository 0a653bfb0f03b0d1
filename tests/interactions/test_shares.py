"""Shares as rows of the rule: nothing is lost on the way."""

from __future__ import annotations

from service.interactions.shares import rows_of
from service.outcomes.grants import Effect, Row
from service.storage.store import Share


def test_every_part_comes_over():
    share = Share(("Consent", "c"), "trust", 3, "Goal", "TREAT", 5, 10, 20, "team")
    assert rows_of("ash", [share]) == (
        Row("ash", "trust", Effect.YOUNG_PERMIT, "Goal", "TREAT", 5, 10, 20, "team"),
    )
    assert rows_of("ash", ()) == ()

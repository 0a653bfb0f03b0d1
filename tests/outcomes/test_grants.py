from __future__ import annotations

from service.outcomes.grants import Effect, Ground, Row, circle_row, sector_party
from service.outcomes.moments import LONG_AGO, NEVER, Span


def test_the_numbers_that_are_stored_stay():
    assert [(ground.name, ground.value) for ground in Ground] == [
        ("NONE", 0),
        ("DIRECTORY", 1),
        ("AUTHOR", 2),
        ("TEAM", 3),
        ("PLAN", 4),
        ("CONSENT", 5),
        ("EMERGENCY", 6),
        ("SERVICE", 7),
    ]
    assert [(effect.name, effect.value) for effect in Effect] == [
        ("TEAM", 1),
        ("PLAN", 2),
        ("YOUNG_PERMIT", 3),
        ("YOUNG_DENY", 4),
        ("PARENT_PERMIT", 5),
        ("PARENT_DENY", 6),
        ("EMERGENCY", 7),
        ("COMING_OF_AGE", 8),
        ("RESTRICTED", 9),
    ]


def test_a_row_is_for_all_and_for_ever_where_it_does_not_say_otherwise():
    assert Row("ash", "camhs", Effect.TEAM) == Row("ash", "camhs", 1, "", "", 0, LONG_AGO, NEVER, "")
    assert circle_row("ash", "camhs", Effect.TEAM, Span(1, 2), "t") == Row(
        "ash", "camhs", 1, low=1, high=2, team="t"
    )


def test_a_sector_is_no_id():
    assert sector_party("school") == "sector|school"

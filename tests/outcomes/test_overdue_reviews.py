from __future__ import annotations

from datetime import date

import pytest

from service.outcomes.overdue_reviews import last_day_of_review, review_overdue
from tests.outcomes.clinic import extension

ON = date(2026, 11, 27).toordinal()


def plan(review: str | None, status: str = "active"):
    due = [] if review is None else [extension("plan-review-date", valueDate=review)]
    return {"status": status, "extension": [extension("plan-coordinator"), *due]}


# review, status, days at least, days overdue (None: not on the list)
REVIEWS = [
    ("2026-11-28", "active", 1, None),
    ("2026-11-27", "active", 1, None),  # the day itself is in time
    ("2026-11-26", "active", 1, 1),
    ("2026-10-14", "active", 1, 44),
    ("2026-10-14", "active", 44, 44),
    ("2026-10-14", "active", 45, None),
    ("2026-10-14", "on-hold", 1, 44),
    ("2026-10-14", "draft", 1, None),
    ("2026-10-14", "completed", 1, None),
    ("2026-10-14", "revoked", 1, None),
    ("2026-10-14", "entered-in-error", 1, None),
    ("2026-10", "active", 1, 27),  # any day of October would have been in time
    ("2026-11", "active", 1, None),
    (None, "active", 1, None),
    ("soon", "active", 1, None),
]


@pytest.mark.parametrize(("review", "status", "days", "late"), REVIEWS)
def test_when_a_plan_is_past_its_review(review, status, days, late):
    reasons = review_overdue(plan(review, status), ON, days)
    assert [(reason.code, reason.days) for reason in reasons] == (
        [] if late is None else [("review-overdue", late)]
    )


def test_without_a_number_of_days_one_is_enough():
    assert review_overdue(plan("2026-11-27"), ON) == ()
    [reason] = review_overdue(plan("2026-11-26"), ON)
    assert (reason.day, reason.days, reason.about) == (ON - 1, 1, ())
    assert reason.text == "The plan was to be reviewed by 2026-11-26, 1 day before 2026-11-27."


def test_a_plan_without_extensions_says_no_day():
    assert last_day_of_review({}) is None

from __future__ import annotations

import pytest

from service.outcomes.days import LONG_AGO, days_of
from service.outcomes.episodes import Episode, could_reopen, may_be_reopened, read_episode, reopened
from tests.outcomes.clinic import ASH, BRAMBLE, locate, refer, told

TRUST, SCHOOL = ("Organization", "trust"), ("Organization", "school")
FIRST, AGAIN = ("ServiceRequest", "first"), ("ServiceRequest", "again")
WARNED = [("warning", "episode-could-be-reopened", "EpisodeOfCare.status")]


def day(text):
    return days_of(text).first


def episode(id_="old", status="finished", until="2026-09-20", **more):
    said = {"child": ASH, "agency": TRUST, "referrals": frozenset({FIRST})}
    return Episode(**{"id": id_, "status": status, "until": day(until), **said, **more})


@pytest.mark.parametrize(
    ("period", "until"),
    [
        ({"start": "2026-03-01", "end": "2026-09-20"}, day("2026-09-20")),
        ({"start": "2026-03-01", "end": "2026-09"}, day("2026-09-01")),
        ({"start": "2026-03"}, day("2026-03-01")),
        ({}, LONG_AGO),
    ],
)
def test_what_an_episode_says_is_read(period, until):
    given = {
        "id": "e",
        "status": "active",
        "patient": refer(ASH),
        "managingOrganization": refer(TRUST),
        "referralRequest": [refer(FIRST), {"display": "a letter"}],
        "period": period,
    }
    assert read_episode(given, locate) == Episode("e", ASH, TRUST, "active", until, frozenset({FIRST, None}))


def test_an_episode_that_says_nothing():
    assert read_episode({}, locate) == Episode("", None, None, "", LONG_AGO)


# Ash had help from the trust, which has ended. What of a new episode?
@pytest.mark.parametrize(
    ("what", "new", "warned"),
    [
        ("active with the same agency", episode("new", "active"), True),
        ("planned with the same agency", episode("new", "planned"), True),
        ("waiting with the same agency", episode("new", "waitlist"), True),
        ("on hold with the same agency", episode("new", "onhold"), True),
        ("one that has ended too", episode("new", "finished"), False),
        ("one that never began", episode("new", "cancelled"), False),
        ("one in error", episode("new", "entered-in-error"), False),
        ("with another agency", episode("new", "active", agency=SCHOOL), False),
        ("with no agency said", episode("new", "active", agency=None), False),
        ("of another young person", episode("new", "active", child=BRAMBLE), False),
        ("of nobody", episode("new", "active", child=None), False),
        ("the same", episode("old", "active"), False),
    ],
)
def test_a_new_episode_beside_one_that_ended(what, new, warned):
    others = [episode("other", agency=("Organization", "other")), episode("old")]
    assert told(could_reopen(new, others)) == (WARNED if warned else []), what


@pytest.mark.parametrize(
    ("status", "warned"),
    [
        ("finished", True),
        ("cancelled", True),
        ("active", False),
        ("onhold", False),
        ("entered-in-error", False),
    ],
)
def test_which_episodes_ended(status, warned):
    assert bool(could_reopen(episode("new", "active"), [episode(status=status)])) is warned


def test_without_others_there_is_nothing_to_reopen():
    assert could_reopen(episode("new", "active", child=None), [episode(child=None)]) == []
    assert could_reopen(episode("new", "active", agency=None), [episode(agency=None)]) == []
    assert could_reopen(episode("new", "active"), []) == []


def referral(whose=ASH, status="active"):
    return {"resourceType": "ServiceRequest", "id": "again", "subject": refer(whose), "status": status}


# The episode ended on 20 September; today is 27 November.
@pytest.mark.parametrize(
    ("what", "given", "by", "on", "issues"),
    [
        ("today", referral(), AGAIN, "2026-11-27", []),
        ("the day on which it ended", referral(), AGAIN, "2026-09-20", []),
        ("the day before", referral(), AGAIN, "2026-09-19", [("reopen-before-end", "EpisodeOfCare.period")]),
        ("tomorrow", referral(), AGAIN, "2026-11-28", [("reopen-in-future", None)]),
        (
            "another's referral",
            referral(BRAMBLE),
            AGAIN,
            "2026-11-27",
            [("reopen-referral-of-another-child", None)],
        ),
        ("a draft", referral(status="draft"), AGAIN, "2026-11-27", [("reopen-referral-status", None)]),
        (
            "a revoked one",
            referral(status="revoked"),
            AGAIN,
            "2026-11-27",
            [("reopen-referral-status", None)],
        ),
        (
            "one in error",
            referral(status="entered-in-error"),
            AGAIN,
            "2026-11-27",
            [("reopen-referral-status", None)],
        ),
        ("a completed one", referral(status="completed"), AGAIN, "2026-11-27", []),
        (
            "the one by which it was opened",
            referral(),
            FIRST,
            "2026-11-27",
            [("reopen-referral-not-new", "EpisodeOfCare.referralRequest")],
        ),
        (
            "everything at once",
            referral(BRAMBLE, "revoked"),
            FIRST,
            "2026-11-28",
            [
                ("reopen-referral-of-another-child", None),
                ("reopen-referral-status", None),
                ("reopen-referral-not-new", "EpisodeOfCare.referralRequest"),
                ("reopen-in-future", None),
            ],
        ),
    ],
)
def test_what_reopens_an_episode(what, given, by, on, issues):
    found = may_be_reopened(episode(), given, by, day(on), day("2026-11-27"), locate)
    assert told(found) == [("error", *issue) for issue in issues], what


OVER = {"start": "2026-03-01", "end": "2026-09-20"}


@pytest.mark.parametrize(
    ("what", "history", "expected"),
    [
        (
            "no history",
            None,
            [{"status": "finished", "period": {"start": "2026-09-20", "end": "2026-11-27"}}],
        ),
        (
            "a history up to its end",
            [{"status": "active", "period": OVER}],
            [
                {"status": "active", "period": OVER},
                {"status": "finished", "period": {"start": "2026-09-20", "end": "2026-11-27"}},
            ],
        ),
        (
            "a history that says that it ended",
            [{"status": "finished", "period": {"start": "2026-09-21"}}],
            [{"status": "finished", "period": {"start": "2026-09-21", "end": "2026-11-27"}}],
        ),
        (
            "a history that says until when it was over",
            [{"status": "finished", "period": {"start": "2026-09-21", "end": "2026-11-01"}}],
            [{"status": "finished", "period": {"start": "2026-09-21", "end": "2026-11-01"}}],
        ),
    ],
)
def test_a_reopened_episode(what, history, expected):
    given = {
        "resourceType": "EpisodeOfCare",
        "id": "e",
        "status": "finished",
        "period": OVER,
        "referralRequest": [refer(FIRST)],
        "careManager": refer(("Practitioner", "fern")),
    } | ({} if history is None else {"statusHistory": history})
    assert reopened(given, refer(AGAIN), "2026-11-27") == given | {
        "status": "active",
        "statusHistory": [*expected, {"status": "active", "period": {"start": "2026-11-27"}}],
        "period": {"start": "2026-03-01"},
        "referralRequest": [refer(FIRST), refer(AGAIN)],
    }, what


def test_a_reopened_episode_of_which_little_was_said():
    assert reopened({"status": "cancelled", "period": {"end": "2026-09-20"}}, refer(AGAIN), "2026-11-27") == {
        "status": "active",
        "statusHistory": [
            {"status": "cancelled", "period": {"start": "2026-09-20", "end": "2026-11-27"}},
            {"status": "active", "period": {"start": "2026-11-27"}},
        ],
        "referralRequest": [refer(AGAIN)],
    }
    assert reopened({"status": "cancelled"}, refer(AGAIN), "2026-11-27")["statusHistory"][0] == {
        "status": "cancelled", "period": {"end": "2026-11-27"},
    }  # fmt: skip

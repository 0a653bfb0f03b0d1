from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from service.outcomes.closing import Help, Scored, begun, end_of, scored_goals, without_second_score
from service.outcomes.days import LONG_AGO
from service.outcomes.series import Point
from tests.outcomes.clinic import ASH, SNOMED, extension

ON = date(2026, 11, 27).toordinal()
END = date(2026, 12, 10).toordinal()
EPISODE = ("EpisodeOfCare", "e1")
G1, G2 = ("Goal", "g1"), ("Goal", "g2")
SDQ = ("https://thrive-fhir.example/CodeSystem/measures", "sdq-self-11-17-emotional")
SELF = ("young-person", ASH)
MOTHER = ("parent-or-carer", ("RelatedPerson", "mother"))
FATHER = ("parent-or-carer", ("RelatedPerson", "father"))
SINCE = date(2026, 3, 1).toordinal()


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


# status, end of the period, days ahead, the day (None: not on the list)
EPISODES = [
    ("active", "2026-12-25", 28, "2026-12-25"),
    ("active", "2026-12-26", 28, None),
    ("active", "2026-11-27", 0, "2026-11-27"),
    ("active", "2026-11-28", 0, None),
    ("active", "2026-06-01", 28, "2026-06-01"),  # over, and not closed
    ("active", "2026-12", 34, "2026-12-31"),
    ("active", "2026-12", 33, None),
    ("onhold", "2026-12-10", 28, "2026-12-10"),
    ("active", None, 28, None),
    ("finished", "2026-12-10", 28, None),
    ("cancelled", "2026-12-10", 28, None),
    ("waitlist", "2026-12-10", 28, None),
    ("planned", "2026-12-10", 28, None),
    ("on-hold", "2026-12-10", 28, None),  # how a plan says it
]
PLANS = [
    ("active", "2026-12-10", 28, "2026-12-10"),
    ("on-hold", "2026-12-10", 28, "2026-12-10"),
    ("completed", "2026-12-10", 28, None),
    ("onhold", "2026-12-10", 28, None),
]


@pytest.mark.parametrize(
    ("type_", "status", "end", "days", "ends"),
    [("EpisodeOfCare", *row) for row in EPISODES] + [("CarePlan", *row) for row in PLANS],
)
def test_when_help_ends_soon(type_, status, end, days, ends):
    period = {"start": "2026-03-01"} | ({} if end is None else {"end": end})
    made = {"resourceType": type_, "status": status, "period": period}
    assert end_of(made, ON, days) == (None if ends is None else day(ends))


def test_what_ends_no_help():
    assert end_of({"resourceType": "EpisodeOfCare", "status": "active"}, ON, 28) is None
    period = {"end": "2026-11-27"}
    assert end_of({"resourceType": "Goal", "status": "active", "period": period}, ON, 28) is None
    assert end_of({"status": "active", "period": period}, ON, 28) is None


def under_way(type_: str, start: str, status: str = "active"):
    return {"resourceType": type_, "status": status, "period": {"start": start}}


BEGUN = [
    ([], LONG_AGO),
    ([under_way("EpisodeOfCare", "2026-03-01")], SINCE),
    ([under_way("CarePlan", "2026-03-01")], SINCE),
    # A plan is agreed at a later session than the first scores.
    ([under_way("CarePlan", "2026-04-01"), under_way("EpisodeOfCare", "2026-03-01")], SINCE),
    ([under_way("CarePlan", "2026-01-01"), under_way("EpisodeOfCare", "2026-03-01")], SINCE),
    ([under_way("EpisodeOfCare", "2026-04-01"), under_way("EpisodeOfCare", "2026-03-01")], SINCE),
    ([under_way("EpisodeOfCare", "2025-01-01", "finished"), under_way("EpisodeOfCare", "2026-03-01")], SINCE),
    ([{"resourceType": "EpisodeOfCare", "status": "active"}], LONG_AGO),
]


@pytest.mark.parametrize(("resources", "since"), BEGUN)
def test_since_when_there_is_help(resources, since):
    assert begun(resources) == since


def goal(id_: str = "g1", status: str = "active", *, rated: bool = True):
    extensions = [extension("goal-slot", valuePositiveInt=1)] if rated else []
    return {"id": id_, "lifecycleStatus": status, "extension": extensions}


def rated(*days: str, goal: tuple[str, str] = G1, rater=SELF) -> list[Scored]:
    return [Scored(goal, rater, day(text)) for text in days]


# goals, scores, the reason (None: nothing lacks a second score)
SCORES = [
    ([], [], "closing-not-scored"),
    ([goal()], [], "closing-not-scored"),
    ([goal()], rated("2026-04-01"), "closing-scored-once"),
    ([goal()], rated("2026-04-01", "2026-04-01"), "closing-scored-once"),  # two on one day show no change
    ([goal()], rated("2026-04-01", "2026-04-02"), None),
    ([goal()], rated("2026-04-01", "2026-05-01", "2026-06-01"), None),
    ([goal()], rated("2026-04-01") + rated("2026-05-01", rater=MOTHER), "closing-scored-once"),
    ([goal()], rated("2026-04-01", rater=MOTHER) + rated("2026-05-01", rater=FATHER), "closing-scored-once"),
    ([goal()], rated("2026-04-01", "2026-05-01", rater=MOTHER), None),
    ([goal(), goal("g2")], rated("2026-04-01", "2026-05-01"), "closing-goal-scored-once"),
    (
        [goal(), goal("g2")],
        rated("2026-04-01", "2026-05-01") + rated("2026-05-01", goal=G2),
        "closing-goal-scored-once",
    ),
    ([goal(), goal("g2")], rated("2026-04-01") + rated("2026-05-01", goal=G2), "closing-scored-once"),
    ([goal(), goal("g2", "on-hold")], rated("2026-04-01", "2026-05-01"), "closing-goal-scored-once"),
    ([goal(), goal("g2", "completed")], rated("2026-04-01", "2026-05-01"), None),
    ([goal(), goal("g2", "cancelled")], rated("2026-04-01", "2026-05-01"), None),
    ([goal(), goal("g2", rated=False)], rated("2026-04-01", "2026-05-01"), None),
    # Another measure makes a pair as well; the open goal lacks its own all the same.
    ([], rated("2026-04-01", "2026-05-01", goal=SDQ), None),
    ([goal()], rated("2026-04-01", "2026-05-01", goal=SDQ), "closing-goal-scored-once"),
    # Of an earlier time only what is of an open goal counts.
    ([], rated("2025-04-01", "2025-05-01", goal=SDQ), "closing-not-scored"),
    ([], rated("2025-04-01", "2026-03-01", goal=SDQ), "closing-scored-once"),
    ([], rated("2026-02-28", "2026-03-01", goal=SDQ), "closing-scored-once"),
    ([], rated("2026-03-01", "2026-03-02", goal=SDQ), None),
    ([goal("g1", "completed")], rated("2025-04-01", "2025-05-01"), "closing-not-scored"),
    ([goal()], rated("2025-04-01", "2025-05-01"), None),
]


@pytest.mark.parametrize(("goals", "scores", "code"), SCORES)
def test_what_lacks_a_second_score(goals, scores, code):
    help_ = Help(((EPISODE, END),), SINCE, tuple(goals))
    reasons = without_second_score(help_, scores, ON)
    assert [reason.code for reason in reasons] == ([] if code is None else [code])


def test_nothing_is_asked_for_while_help_goes_on():
    assert without_second_score(Help((), SINCE, (goal(),)), [], ON) == ()


def test_the_reason_names_what_ends_first_and_the_goals_that_lack_a_score():
    plan = ("CarePlan", "p1")
    help_ = Help(((plan, END + 5), (EPISODE, END)), SINCE, (goal(), goal("g2"), goal("g3")))
    [reason] = without_second_score(help_, rated("2026-04-01", "2026-05-01", goal=G2), ON)
    assert (reason.day, reason.days) == (END, -13)
    assert reason.about == (plan, EPISODE, ("Goal", "g1"), ("Goal", "g3"))
    assert reason.text == (
        "Help is to end on 2026-12-10, 13 days after 2026-11-27;"
        " 2 of 3 open goals were not scored twice by the same rater."
    )
    [nothing] = without_second_score(help_, [], ON)
    assert (nothing.day, nothing.days, nothing.about) == (END, -13, (plan, EPISODE))
    assert (
        nothing.text
        == "Help is to end on 2026-12-10, 13 days after 2026-11-27; no goal and no other measure was scored."
    )
    [once] = without_second_score(help_, rated("2026-04-01"), ON)
    assert (once.day, once.days, once.about) == (END, -13, (plan, EPISODE))


def point(id_: str, when: str, value: str | None = "0", rater="young-person", by=ASH) -> Point:
    return Point(
        observation=id_,
        goal=G1,
        child=ASH,
        rater=rater,
        rated_by=by,
        code=(SNOMED, "1034351000000101"),
        slot=1,
        when=when,
        day=day(when),
        value=None if value is None else Decimal(value),
        kind="score",
        response=None,
        encounter=None,
    )


def test_ratings_with_a_value_count_and_clinicians_are_one_rater():
    fern, moss = ("Practitioner", "fern"), ("Practitioner", "moss")
    points = [
        point("o1", "2026-04-01"),
        point("o2", "2026-05-01", None),
        point("o3", "2026-04-01", rater="clinician", by=fern),
        point("o4", "2026-05-01", rater="clinician", by=moss),
    ]
    assert scored_goals(points) == [
        Scored(G1, SELF, day("2026-04-01")),
        Scored(G1, ("clinician", None), day("2026-04-01")),
        Scored(G1, ("clinician", None), day("2026-05-01")),
    ]

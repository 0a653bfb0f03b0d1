from __future__ import annotations

import pytest

from service.outcomes.days import days_of, days_of_period
from service.outcomes.handovers import Word, ended_plan, may_be_handed_over, message, words
from service.outcomes.plans import Plan
from service.outcomes.successions import Succession
from tests.outcomes.clinic import ASH, OURS, locate, refer, told

FERN, MOSS = ("Practitioner", "fern"), ("Practitioner", "moss")
TRUST, SCHOOL = ("Organization", "trust"), ("Organization", "school")
TODAY = days_of("2026-11-27").first
PLAN = Plan("p", ASH, "active", days_of_period({"start": "2026-09-01"}), FERN, TRUST)
AT = "2026-11-27T10:00:00.000Z"


def now(person=MOSS, agency=SCHOOL, day="2026-11-27", review="2027-02-19"):
    return Succession(refer(person), refer(agency), day, review)


# The plan began on 1 September, with Fern of the trust; today is 27 November.
@pytest.mark.parametrize(
    ("what", "asked", "issues"),
    [
        ("to another person and agency", now(), []),
        ("to another person of the same agency", now(agency=TRUST), []),
        ("to the same person for another agency", now(person=FERN), []),
        ("to the same", now(FERN, TRUST), [("hand-over-to-the-same", None)]),
        ("tomorrow", now(day="2026-11-28"), [("hand-over-in-future", None)]),
        ("yesterday", now(day="2026-11-26"), []),
        ("on the day on which it began", now(day="2026-09-01"), []),
        ("the day before", now(day="2026-08-31"), [("hand-over-before-start", "CarePlan.period.start")]),
        ("reviewed on the day", now(review="2026-11-27"), []),
        ("reviewed in that month", now(review="2026-11"), []),
        ("reviewed before", now(review="2026-11-26"), [("hand-over-review-missing", None)]),
        ("not reviewed", now(review=""), [("hand-over-review-missing", None)]),
        (
            "everything at once",
            now(FERN, TRUST, "2026-11-28", ""),
            [
                ("hand-over-in-future", None),
                ("hand-over-to-the-same", None),
                ("hand-over-review-missing", None),
            ],
        ),
    ],
)
def test_what_may_be_handed_over(what, asked, issues):
    assert told(may_be_handed_over(PLAN, asked, TODAY, locate)) == [("error", *issue) for issue in issues], (
        what
    )


def test_the_plan_that_ended():
    plan = {
        "id": "p",
        "status": "on-hold",
        "period": {"start": "2026-09-01"},
        "text": {"status": "generated"},
    }
    ended = {"id": "p", "status": "completed", "period": {"start": "2026-09-01", "end": "2026-11-27"}}
    assert ended_plan(plan, now(), None, AT) == ended
    noted = ended_plan(plan | {"note": [{"text": "before"}]}, now(), "they know the family", AT)
    assert noted == ended | {"note": [{"text": "before"}, {"time": AT, "text": "they know the family"}]}
    assert ended_plan({}, now(), "it ends", AT)["note"] == [{"time": AT, "text": "it ends"}]
    assert ended_plan({}, now(), None, AT)["period"] == {"end": "2026-11-27"}


@pytest.mark.parametrize(
    ("what", "before", "after", "expected"),
    [
        ("another agency", TRUST, SCHOOL, [(TRUST, "coordination-ended"), (SCHOOL, "coordination-began")]),
        ("the same agency", TRUST, TRUST, [(TRUST, "coordinator-changed")]),
        ("no agency before", None, SCHOOL, [(SCHOOL, "coordination-began")]),
    ],
)
def test_who_is_told(what, before, after, expected):
    found = words(None if before is None else refer(before), refer(after), locate)
    assert found == [Word(refer(agency), agency, event) for agency, event in expected], what


def test_an_agency_in_words_is_not_told():
    assert words({"display": "a charity"}, refer(SCHOOL), locate) == [
        Word(refer(SCHOOL), SCHOOL, "coordination-began")
    ]


def test_what_an_agency_is_told():
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    old = {"id": "p", "subject": refer(ASH)}
    new = {"id": "q", "subject": refer(ASH), "meta": {"security": [label], "profile": ["x"]}}
    word = Word(refer(TRUST), TRUST, "coordination-ended")
    said = message(word, "c", (old, new), refer(TRUST), "they know the family", AT)
    category, topic = said.pop("category"), said.pop("topic")
    assert said == {
        "resourceType": "Communication",
        "id": "c",
        "meta": {"security": [label]},
        "basedOn": [refer(("CarePlan", "q"))],
        "status": "completed",
        "subject": refer(ASH),
        "about": [refer(("CarePlan", "p")), refer(("CarePlan", "q"))],
        "sent": AT,
        "recipient": [refer(TRUST)],
        "sender": refer(TRUST),
        "reasonCode": [{"text": "they know the family"}],
    }
    assert category == [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/communication-category",
                    "code": "notification",
                    "display": "Notification",
                }
            ]
        }
    ]
    assert topic["coding"] == [
        {
            "system": f"{OURS}/CodeSystem/notice-event",
            "code": "coordination-ended",
            "display": "Coordination of a plan ended",
        }
    ]


@pytest.mark.parametrize("event", ["coordination-began", "coordination-ended", "coordinator-changed"])
def test_displays_are_those_of_the_code_system(event, guide):
    system = guide.find("CodeSystem", f"{OURS}/CodeSystem/notice-event")
    displays = {one["code"]: one["display"] for one in system["concept"]}
    said = message(Word({}, None, event), "c", ({"id": "p"}, {"id": "q", "subject": {}}), None, None, AT)
    assert said["topic"]["coding"][0]["display"] == displays[event]
    assert not said.keys() & {"meta", "sender", "reasonCode"}

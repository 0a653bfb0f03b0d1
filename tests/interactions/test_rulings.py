"""Every rule of the clinic, from both sides, by writes to a real store: see docs/rules.md."""

from __future__ import annotations

import pytest

from service.fhir.validation.validator import Validator
from tests.interactions.clinic import (
    answers,
    collaborate_score,
    extension,
    given,
    goal,
    grouping,
    plan,
    post,
    put,
    refer,
    refusal,
    score,
    session,
)

ANSWER = "QuestionnaireResponse.item[0].item[0].answer[0].value"
IN_ERROR = "entered-in-error"
CANCELLED = {"status": "cancelled", "statusDate": "2026-03-09"}
TWO_FORMS = [refer("QuestionnaireResponse/r1"), refer("QuestionnaireResponse/r2")]
STOPPED = {"url": "x", "valueString": "x"}


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: so the tables hold what the rules look at, and nothing that only profiles ask for."""
    return Validator(registry)


# What is there already; what is written; why it is refused, nothing where it stands.
TABLE = [
    ("a score of the young person's own goal", [goal()], score(), []),
    ("a score of another young person's goal", [goal(whose="bramble")], score(),
     [("goal-of-another-child", "Observation.focus[0]")]),
    ("the same, entered in error", [goal(whose="bramble")], score(status=IN_ERROR), []),
    ("a score by another slot", [goal(slot=2)], score(slot=1), [("rating-slot-differs", "Observation.code")]),
    ("a score of a goal that is not here", [], score(), []),
    ("somebody else's observation about a goal", [goal(whose="bramble")],
     score(code={"text": "a note"}), []),
    ("a score from after the goal's end", [goal(**CANCELLED)], score(),
     [("rating-after-cancellation", "Observation.effective")]),
    ("a score from the day of the goal's end", [goal(**CANCELLED)], score(effectiveDateTime="2026-03-09"), []),
    ("a score of a goal in error", [goal(status=IN_ERROR)], score(), [("rating-goal-in-error", "Observation.focus[0]")]),
    ("a score from a form in error", [goal(), session(status=IN_ERROR)],
     score(derivedFrom=[refer("QuestionnaireResponse/r1")]),
     [("score-of-response-in-error", "Observation.derivedFrom[0]")]),
    ("a score from a sound form", [goal(), session()], score(derivedFrom=[refer("QuestionnaireResponse/r1")]), []),
    ("a session about the young person's own goal", [goal()], session(), []),
    ("a session about another's", [goal(whose="bramble")], session(), [("goal-of-another-child", ANSWER)]),
    ("a session that has the goal in another slot", [goal(slot=2)], session(slot=1), [("rating-slot-differs", ANSWER)]),
    ("a session after the goal's end", [goal(**CANCELLED)], session(),
     [("rating-after-cancellation", "QuestionnaireResponse.authored")]),
    ("a session in error", [goal(whose="bramble")], session(status=IN_ERROR), []),
    ("a second active goal in the slot", [goal()], goal("g2"), [("goal-slot-taken", "Goal.extension[0]")]),
    ("a goal in another slot", [goal()], goal("g2", slot=2), []),
    ("a goal in the slot of one that is completed", [goal(status="completed")], goal("g2"), []),
    ("a goal in the slot of another young person's", [goal(whose="bramble")], goal("g2"), []),
    ("the goal in its slot again", [goal()], goal(note=[{"text": "x"}]), []),
    ("a goal that becomes active in a slot that is held", [goal(), goal("g2", status="proposed")], goal("g2"),
     [("goal-slot-taken", "Goal.extension[0]")]),
    ("a goal that moves to a slot that is held", [goal(), goal("g2", slot=2)], goal("g2", slot=1),
     [("goal-slot-taken", "Goal.extension[0]")]),
    ("a rated goal that is given to another", [goal(), score()], goal(whose="bramble"),
     [("goal-rated-for-another-child", "Goal.subject")]),
    ("an unrated goal that is given to another", [goal()], goal(whose="bramble"), []),
    ("one whose scores are in error", [goal(), score(status=IN_ERROR)], goal(whose="bramble"), []),
    ("one that a note is about", [goal(), score(code={"text": "a note"})], goal(whose="bramble"), []),
    ("a goal rated in a session", [goal(), session()], goal(whose="bramble"),
     [("goal-rated-for-another-child", "Goal.subject")]),
    ("a goal rated in a session in error", [goal(), session(status=IN_ERROR)], goal(whose="bramble"), []),
    ("a session about other goals", [goal(), goal("g2", slot=2), session(of="g2", slot=2)], goal(whose="bramble"), []),
    ("a rated goal that moves to another slot", [goal(), score()], goal(slot=3),
     [("goal-rated-in-another-slot", "Goal.extension[0]")]),
    ("a rated goal that was cancelled before", [goal(), score()], goal(**CANCELLED),
     [("goal-rated-after-cancellation", "Goal.statusDate")]),
    ("a rated goal that is cancelled since", [goal(), score()], goal(status="cancelled", statusDate="2026-03-10"), []),
    ("a cancelled goal whose end moves back", [goal(status="cancelled", statusDate="2026-03-10"), score()],
     goal(**CANCELLED), [("goal-rated-after-cancellation", "Goal.statusDate")]),
    ("a rated goal in error", [goal(), score()], goal(status=IN_ERROR, whose="bramble"), []),
    ("a goal in a plan that is given to another", [goal(), plan(goal=[refer("Goal/g1")])], goal(whose="bramble"),
     [("goal-planned-for-another-child", "Goal.subject")]),
    ("a goal in somebody else's kind of plan", [goal(), plan(goal=[refer("Goal/g1")], extension=[STOPPED])],
     goal(whose="bramble"), []),
    ("a goal that comes after its scores", [score()], goal(whose="bramble"),
     [("goal-rated-for-another-child", "Goal.subject")]),
    ("a plan with another's goal", [goal(whose="bramble")], plan(goal=[refer("Goal/g1")]),
     [("goal-of-another-child", "CarePlan.goal[0]")]),
    ("a plan with its own goal", [goal()], plan(goal=[refer("Goal/g1")]), []),
    ("a second plan with another coordinator", [plan()], plan("p2", "moss", "2026-04-01"),
     [("plan-coordinator-overlap", "CarePlan.period")]),
    ("a second plan with the same coordinator", [plan()], plan("p2", "fern", "2026-04-01"), []),
    ("a second plan while the first is on hold", [plan(status="on-hold")], plan("p2", "moss"),
     [("plan-coordinator-overlap", "CarePlan.period")]),
    ("a plan after the first", [plan(status="completed")], plan("p2", "moss"), []),
    ("a plan from the day on which the first ends", [plan(period={"start": "2026-01-01", "end": "2026-03-10"})],
     plan("p2", "moss"), []),
    ("somebody else's kind of plan beside it", [plan(extension=[STOPPED])], plan("p2", "moss"), []),
    ("a plan that is taken up again", [plan(), plan("p2", "moss", status="draft")], plan("p2", "moss"),
     [("plan-coordinator-overlap", "CarePlan.period")]),
    ("a second grouping in the time of the first", [grouping("n1", "2026-01-01")], grouping("n2", "2026-03-01"),
     [("grouping-overlap", "Observation.effective")]),
    ("a grouping from the day on which the first ends", [grouping("n1", "2026-01-01", "2026-03-01")],
     grouping("n2", "2026-03-01"), []),
    ("a grouping beside one in error", [grouping("n1", "2026-01-01", status=IN_ERROR)], grouping("n2", "2026-03-01"), []),
    ("a grouping beside another young person's", [grouping("n1", "2026-01-01", whose="bramble")],
     grouping("n2", "2026-03-01"), []),
    ("a grouping that gets a longer time", [grouping("n1", "2026-01-01", "2026-02-01"), grouping("n2", "2026-03-01")],
     grouping("n1", "2026-01-01", "2026-04-01"), [("grouping-overlap", "Observation.effective")]),
    ("a CollaboRATE score on the response's scale", [answers()], collaborate_score(), []),
    ("a CollaboRATE score on the other scale", [answers()], collaborate_score(scale="0-4"),
     [("collaborate-scales-mixed", "Observation.method")]),
    ("a second one on another scale, of a response elsewhere", [collaborate_score()],
     collaborate_score("cs2", scale="0-4"), [("collaborate-scales-mixed", "Observation.method")]),
    ("a response with both scales", [], answers(item=[{"linkId": "collaborate-0-4.listen"}]),
     [("collaborate-scales-mixed", "QuestionnaireResponse.item[0]")]),
    ("a scored response that changes its scale", [answers(), collaborate_score()], answers(scale="0-4"),
     [("response-scored-on-another-scale", "QuestionnaireResponse.questionnaire")]),
    ("an unscored response that changes its scale", [answers()], answers(scale="0-4"), []),
    ("a response that comes after its score", [collaborate_score()], answers(scale="0-4"),
     [("response-scored-on-another-scale", "QuestionnaireResponse.questionnaire")]),
    ("a score from in error to final", [score(status=IN_ERROR)], score(), [("status-after-error", "Observation.status")]),
    ("a score from final to preliminary", [score()], score(status="preliminary"),
     [("status-going-back", "Observation.status")]),
    ("a score from final to amended", [score()], score(status="amended"), []),
    ("a response from completed to in progress", [session()], session(status="in-progress"),
     [("status-going-back", "QuestionnaireResponse.status")]),
    ("a goal from in error to active", [goal(status=IN_ERROR)], goal(), [("status-after-error", "Goal.lifecycleStatus")]),
    ("a plan from in error to active", [plan(status=IN_ERROR)], plan(), [("status-after-error", "CarePlan.status")]),
    ("an amended score of two forms, one of which is now in error",
     [score(derivedFrom=TWO_FORMS), session(), session("r2"), session(status=IN_ERROR)],
     score(status="amended", derivedFrom=TWO_FORMS), []),
    ("a score that was retracted with its form",
     [score(derivedFrom=[refer("QuestionnaireResponse/r1")]), session(), session(status=IN_ERROR)],
     score(status="amended", derivedFrom=[refer("QuestionnaireResponse/r1")]),
     [("status-after-error", "Observation.status")]),
    ("a score that turns to another goal", [goal(), goal("g2", "bramble"), score()], score(of="g2"),
     [("goal-of-another-child", "Observation.focus[0]")]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "there", "written", "refused"), TABLE, ids=[row[0] for row in TABLE])
async def test_the_rules(context, act, what, there, written, refused):
    await given(context, act, *there)
    if refused:
        before = await context.store.read(act.caller.locality, written["resourceType"], written["id"])
        assert await refusal(put(context, act, written)) == refused
        after = await context.store.read(act.caller.locality, written["resourceType"], written["id"])
        assert after == before
    else:
        assert (await put(context, act, written)).status in {200, 201}


async def test_warnings_travel_with_the_answer(context, act):
    await given(context, act, goal(startDate="2026-03-11"))
    answer = await put(context, act, score())
    assert [(issue.severity, issue.slug) for issue in answer.issues] == [("warning", "rating-before-start")]


async def test_nothing_can_refer_to_what_is_created_under_a_new_id(context, act, ids):
    next_id = f"00000000-0000-7000-8000-{int(ids()[-12:]) + 1:012d}"
    await given(context, act, score(of=next_id, whose="bramble"))
    assert (await post(context, act, goal())).stored.id == next_id


async def test_more_goals_than_usual_are_all_looked_at(context, act, monkeypatch):
    monkeypatch.setattr("service.interactions.surroundings._USUAL", 2)
    monkeypatch.setattr("service.interactions.surroundings._MANY_TIMES", 2)
    many = [goal(f"a{number}", slot=None) for number in range(6)]
    await given(context, act, *many, goal("last", slot=1))
    assert await refusal(put(context, act, goal("new"))) == [("goal-slot-taken", "Goal.extension[0]")]
    assert (await put(context, act, goal("new", slot=2))).status == 201


async def test_extensions_of_others_are_no_slots(context, act):
    await given(context, act, goal(slot=None, extension=[extension("other", valuePositiveInt=1)]))
    assert (await put(context, act, goal("g2"))).status == 201

from __future__ import annotations

import pytest

from service.outcomes.days import days_of
from service.outcomes.ratings import Rating
from service.outcomes.responses import Response, items, read_response
from tests.outcomes.clinic import ASH, OURS, about, locate, refer

SCHOOL = ("Goal", "school")
AUTHORED = "QuestionnaireResponse.authored"


def session(*given, **more):
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{OURS}/Questionnaire/gbo-session",
        "status": "completed",
        **about(ASH),
        "authored": "2026-03-10T16:00:00Z",
        "item": list(given),
        **more,
    }


def slot(number, goal=SCHOOL):
    return {
        "linkId": f"goal-{number}",
        "item": [
            {"linkId": f"goal-{number}.goal", "answer": [{"valueReference": refer(goal)}]},
            {"linkId": f"goal-{number}.score", "answer": [{"valueDecimal": 4}]},
        ],
    }


def test_the_goals_of_a_session_and_their_slots_are_read():
    read = read_response(session(slot(1), slot(3, ("Goal", "sleep"))), locate)
    day = days_of("2026-03-10")
    first = "QuestionnaireResponse.item[0].item[0].answer[0].value"
    second = "QuestionnaireResponse.item[1].item[0].answer[0].value"
    assert read.ratings == (
        Rating(ASH, SCHOOL, first, 1, first, day, AUTHORED),
        Rating(ASH, ("Goal", "sleep"), second, 3, second, day, AUTHORED),
    )


@pytest.mark.parametrize(
    ("link", "slot_of_it"),
    [
        ("goal-2.goal", 2),
        ("goal-4.goal", None),
        ("goal-2.goals", None),
        ("my-goal-2.goal", None),
        (None, None),
    ],
)
def test_the_slot_is_in_the_question(link, slot_of_it):
    item = {"answer": [{"valueReference": refer(SCHOOL)}]} | ({} if link is None else {"linkId": link})
    [rating] = read_response(session(item), locate).ratings
    assert (rating.goal, rating.slot) == (SCHOOL, slot_of_it)


@pytest.mark.parametrize(
    "answer",
    [
        {"valueReference": refer(ASH)},
        {"valueReference": {"display": "a goal in words"}},
        {"valueString": "Goal/school"},
        {},
    ],
)
def test_other_answers_rate_no_goal(answer):
    assert read_response(session({"linkId": "goal-1.goal", "answer": [answer]}), locate).ratings == ()


def test_other_forms_rate_no_goals():
    other = session(slot(1), questionnaire=f"{OURS}/Questionnaire/thrive-plan-review")
    assert read_response(other, locate) == Response((), is_in_error=False)


@pytest.mark.parametrize("form", ["gbo-session", "thrive-plan-review"])
def test_entered_in_error(form):
    response = session(questionnaire=f"{OURS}/Questionnaire/{form}", status="entered-in-error")
    assert read_response(response, locate).is_in_error
    assert not read_response({**response, "status": "completed"}, locate).is_in_error


def test_every_item_has_its_place():
    nested = {
        "item": [
            {"linkId": "a", "item": [{"linkId": "b"}], "answer": [{}, {"item": [{"linkId": "c"}]}]},
            {"linkId": "d"},
        ]
    }
    assert [(item["linkId"], place) for item, place in items(nested, "R")] == [
        ("a", "R.item[0]"),
        ("b", "R.item[0].item[0]"),
        ("c", "R.item[0].answer[1].item[0]"),
        ("d", "R.item[1]"),
    ]

"""Rules of place and number: which items stand where, how often, and which must be there.

A session's form rates up to three goals; a review repeats a group for each agency.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.questionnaires import Form
from service.fhir.questionnaires.form import ENOUGH, HINTED, is_answered
from tests.fhir.questionnaires.forms import (
    NOBODY_KNOWS,
    R4,
    answered,
    filled,
    group,
    having,
    question,
    questionnaire,
    response,
    said,
)  # fmt: skip

SESSION = questionnaire(
    question("how", "display"),
    group(
        "goal-1",
        question("goal-1.goal", "reference", required=True),
        question("goal-1.score", "decimal", question("goal-1.why", "string", required=True)),
    ),
    group("agency", question("agency.name", "string"), repeats=True, extension=having((f"{R4}questionnaire-maxOccurs", "valueInteger", 2))),
    question("coming-again", "boolean", required=True),
    question("wishes", "string", repeats=True, extension=having(
        (f"{R4}questionnaire-minOccurs", "valueInteger", 2), (f"{R4}questionnaire-maxOccurs", "valueInteger", 3)
    )),
)  # fmt: skip

COMING = answered("coming-again", False, name="valueBoolean")
GOAL = {"linkId": "goal-1.goal", "answer": [{"valueReference": {"reference": "Goal/1"}}]}
WHY = answered("goal-1.why", "Slept.", name="valueString")
SCORE = {"linkId": "goal-1.score", "answer": [{"valueDecimal": 0, "item": [WHY]}]}
SCHOOL = filled("agency", answered("agency.name", "School", name="valueString"))


def wishes(*texts):
    return answered("wishes", *texts, name="valueString")


SOUND = {
    "all of it": response(filled("how"), filled("goal-1", GOAL, SCORE), SCHOOL, SCHOOL, COMING, wishes("a", "b")),
    "only what must be there": response(COMING),
    "a goal that was not rated": response(filled("goal-1", GOAL), COMING),
    "nothing yet, in progress": response(status="in-progress"),
    "nothing, stopped": response(status="stopped"),
    "an answer withheld, with a reason": response(
        {"linkId": "coming-again", "answer": [{"extension": having((f"{R4}data-absent-reason", "valueCode", "asked-declined"))}]}
    ),
    "an answer withheld, said beside the value": response(
        {"linkId": "coming-again", "answer": [{"_valueBoolean": {"extension": having(("http://example.org/why", "valueCode", "a"))}}]}
    ),
    "other words for the question": response({**COMING, "text": "Will you come again, please?"}),
    "one wish too few, in progress": response(COMING, wishes("a"), status="in-progress"),
}  # fmt: skip

I = "QuestionnaireResponse.item"  # noqa: E741 - the beginning of every expression below

FAULTS = {
    "a linkId that is unknown": (response({"linkId": "goal-4"}, COMING), "question-unknown", f"{I}[0]"),
    "a question of the group at the top": (response(SCORE, COMING), "question-misplaced", f"{I}[0]"),
    "a question of the top in the group": (
        response(filled("goal-1", GOAL, COMING), COMING), "question-misplaced", f"{I}[0].item[1]"
    ),
    "a question that belongs within an answer": (
        response(filled("goal-1", GOAL, WHY), COMING), "question-misplaced", f"{I}[0].item[1]"
    ),
    "a question beside its answer, not within": (
        response(filled("goal-1", GOAL, {**SCORE, "item": [WHY]}), COMING), "question-misplaced", f"{I}[0].item[1].item[0]"
    ),
    "an unknown one beside an answer": (
        response(filled("goal-1", GOAL, {**SCORE, "item": [{"linkId": "x"}]}), COMING), "question-unknown", f"{I}[0].item[1].item[0]"
    ),
    "the wrong order": (response(COMING, filled("goal-1", GOAL)), "question-order", f"{I}[1]"),
    "the wrong order in a group": (response(filled("goal-1", SCORE, GOAL), COMING), "question-order", f"{I}[0].item[1]"),
    "a group twice": (response(filled("goal-1", GOAL), filled("goal-1", GOAL), COMING), "question-repeated", f"{I}[1]"),
    "a group three times that may stand twice": (
        response(SCHOOL, SCHOOL, SCHOOL, COMING), "question-repeated", f"{I}[2]"
    ),
    "a question twice": (response(COMING, COMING), "question-repeated", f"{I}[1]"),
    "a repeating question as two items": (
        response(COMING, wishes("a", "b"), wishes("c", "d")), "question-repeated", f"{I}[2]"
    ),
    "two answers where one is asked for": (
        response(answered("coming-again", True, False, name="valueBoolean")), "answer-repeated", f"{I}[0].answer[1]"
    ),
    "more answers than asked for": (
        response(COMING, wishes("a", "b", "c", "d", "e")), "answer-repeated", f"{I}[1].answer[3]"
    ),
    "fewer answers than asked for": (response(COMING, wishes("a")), "answer-missing", f"{I}[1].answer"),
    "a required question not there": (response(SCHOOL), "answer-missing", I),
    "a required question not there, amended": (response(SCHOOL, status="amended"), "answer-missing", I),
    "a required question without an answer": (response({"linkId": "coming-again"}), "answer-missing", f"{I}[0].answer"),
    "a required question with no value in its answer": (
        response({"linkId": "coming-again", "answer": [{"id": "a"}]}), "answer-missing", f"{I}[0].answer"
    ),
    "a required question of a group that is there": (
        response(filled("goal-1", SCORE), COMING), "answer-missing", f"{I}[0].item"
    ),
    "a required question within an answer": (
        response(filled("goal-1", GOAL, answered("goal-1.score", 3, name="valueDecimal")), COMING),
        "answer-missing", f"{I}[0].item[1].answer[0].item",
    ),
    "an answer to a group": (
        response({**filled("goal-1", GOAL), "answer": [{"valueString": "a"}]}, COMING), "answer-unexpected", f"{I}[0].answer"
    ),
    "an answer to a text": (response(answered("how", 1), COMING), "answer-unexpected", f"{I}[0].answer"),
}  # fmt: skip


@pytest.fixture(scope="module")
def session():
    return Form(SESSION)


@pytest.mark.parametrize("filled_in", SOUND.values(), ids=SOUND.keys())
def test_nothing_is_said_of(filled_in, session):
    assert said(session, filled_in) == []


@pytest.mark.parametrize(("filled_in", "slug", "expression"), FAULTS.values(), ids=FAULTS.keys())
def test_fault(filled_in, slug, expression, session):
    assert said(session, filled_in) == [(slug, expression)]


REVIEW = questionnaire(
    group("agency", question("agency.name", "string"), repeats=True, required=True,
          extension=having((f"{R4}questionnaire-minOccurs", "valueInteger", 2))),
    group("people", question("people.name", "string"), required=True),
)  # fmt: skip
PEOPLE = filled("people", answered("people.name", "Gran", name="valueString"))


@pytest.mark.parametrize(
    ("filled_in", "faults"),
    [
        (response(SCHOOL, SCHOOL, PEOPLE), []),
        (response(SCHOOL, PEOPLE), [("question-missing", I)]),
        (response(SCHOOL, SCHOOL), [("question-missing", I)]),
        (response(SCHOOL, SCHOOL, filled("people")), [("question-missing", f"{I}[2].item")]),
        (response(SCHOOL, filled("people"), status="in-progress"), []),
        (response(), [("question-missing", I), ("question-missing", I)]),
    ],
)
def test_required_groups(filled_in, faults):
    assert said(REVIEW, filled_in) == faults


def test_all_faults_in_one_pass(session):
    faults = said(session, response({"linkId": "x"}, filled("goal-1", SCORE), answered("coming-again", 1)))
    assert faults == [
        ("question-unknown", f"{I}[0]"),
        ("answer-missing", f"{I}[1].item"),
        ("answer-type", f"{I}[2].answer[0].value"),
    ]


def test_what_somebody_answered_is_in_no_sentence(session):
    given = response({"linkId": "secret"}, answered("coming-again", "secret", name="valueString"))
    assert all("secret" not in issue.text for issue in session.issues(given, NOBODY_KNOWS))


@pytest.mark.parametrize(
    ("item", "answered_at_all"),
    [
        ({"linkId": "a"}, False),
        ({"linkId": "a", "answer": []}, False),
        ({"linkId": "a", "answer": [{"valueInteger": 0}]}, True),
        (
            {
                "linkId": "a",
                "item": [{"linkId": "b", "item": [{"linkId": "c", "answer": [{"valueInteger": 0}]}]}],
            },
            True,
        ),
        ({"linkId": "a", "item": [7, {"linkId": "b"}]}, False),
        ({"linkId": "a", "item": 7}, False),
    ],
)
def test_whether_an_item_is_answered(item, answered_at_all):
    assert is_answered(item) is answered_at_all


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["item", "answer", "linkId", "valueDecimal", "valueReference", "reference", "extension"]), inner, max_size=3
        )
    ),
    max_leaves=15,
)  # fmt: skip
LINKS = st.sampled_from(["goal-1", "goal-1.score", "goal-1.goal", "coming-again", "wishes", "agency", "x"])
ITEMS = st.recursive(
    st.fixed_dictionaries({"linkId": LINKS}, optional={"answer": ANYTHING}),
    lambda inner: st.fixed_dictionaries(
        {"linkId": LINKS},
        optional={"item": st.lists(inner, max_size=3), "answer": st.lists(ANYTHING, max_size=2)},
    ),
    max_leaves=8,
)


@given(st.lists(ITEMS | ANYTHING, max_size=4), ANYTHING)
def test_no_response_however_broken_makes_it_fail(items, status):
    form = Form(SESSION)
    for issue in form.issues(
        {"resourceType": "QuestionnaireResponse", "status": status, "item": items}, NOBODY_KNOWS
    ):
        assert issue.is_fault
        assert issue.expression.startswith("QuestionnaireResponse.item")


@given(ANYTHING)
def test_nor_whatever_stands_for_the_items(items):
    assert all(issue.is_fault for issue in Form(SESSION).issues({"item": items}, NOBODY_KNOWS))


def test_after_very_many_faults_the_rest_is_not_looked_at(session):
    strangers = [{"linkId": f"goal-1.scored-{number}"} for number in range(5_000)]
    found = list(session.issues(response(*strangers, COMING), NOBODY_KNOWS))
    assert ENOUGH <= len(found) <= ENOUGH + 2
    assert "Did you mean goal-1.score?" in found[0].text
    assert "Did you mean" not in found[HINTED].text

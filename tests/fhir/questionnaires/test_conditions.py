"""enableWhen: which questions the answers to others rule out or call for."""

from __future__ import annotations

import pytest

from tests.fhir.questionnaires.forms import (
    SDC,
    answered,
    filled,
    group,
    having,
    question,
    questionnaire,
    response,
    said,
    slugs,
)  # fmt: skip

HELP = {"system": "urn:groupings", "code": "getting-help"}
RISK = {"system": "urn:groupings", "code": "getting-risk-support"}


def when(link, operator, **answer):
    return {"question": link, "operator": operator, **answer}


def asked(trigger, rule, **more):
    """A form with a question, and a second one that is to be answered only when the rule holds."""
    return questionnaire(
        question("first", trigger), question("then", required=True, enableWhen=[rule], **more)
    )


THEN = answered("then", 1)

# type of the first question, rule, JSON name of its answer, its answers, whether the second is to be answered
OPERATORS = [
    ("integer", when("first", "exists", answerBoolean=True), "valueInteger", [0], True),
    ("integer", when("first", "exists", answerBoolean=True), "valueInteger", [], False),
    ("integer", when("first", "exists", answerBoolean=False), "valueInteger", [], True),
    ("integer", when("first", "exists", answerBoolean=False), "valueInteger", [0], False),
    ("boolean", when("first", "=", answerBoolean=False), "valueBoolean", [False], True),
    ("boolean", when("first", "=", answerBoolean=False), "valueBoolean", [True], False),
    ("boolean", when("first", "=", answerBoolean=False), "valueBoolean", [], False),
    ("boolean", when("first", "!=", answerBoolean=False), "valueBoolean", [True], True),
    ("boolean", when("first", "!=", answerBoolean=False), "valueBoolean", [False], False),
    ("boolean", when("first", "!=", answerBoolean=False), "valueBoolean", [], True),
    ("integer", when("first", "=", answerInteger=0), "valueInteger", [0], True),
    ("integer", when("first", "=", answerInteger=0), "valueInteger", [1], False),
    ("integer", when("first", ">", answerInteger=0), "valueInteger", [1], True),
    ("integer", when("first", ">", answerInteger=0), "valueInteger", [0], False),
    ("integer", when("first", ">", answerInteger=0), "valueInteger", [], False),
    ("integer", when("first", ">=", answerInteger=0), "valueInteger", [0], True),
    ("integer", when("first", ">=", answerInteger=0), "valueInteger", [-1], False),
    ("integer", when("first", "<", answerInteger=0), "valueInteger", [-1], True),
    ("integer", when("first", "<", answerInteger=0), "valueInteger", [0], False),
    ("integer", when("first", "<=", answerInteger=0), "valueInteger", [0], True),
    ("integer", when("first", "<=", answerInteger=0), "valueInteger", [1], False),
    ("decimal", when("first", ">", answerInteger=2), "valueDecimal", [3], True),
    ("date", when("first", ">", answerDate="2026-11"), "valueDate", ["2026-12-01"], True),
    ("date", when("first", ">", answerDate="2026-11"), "valueDate", ["2026-11-30"], False),
    ("string", when("first", "=", answerString="a"), "valueString", ["a"], True),
    ("string", when("first", "=", answerString="a"), "valueString", ["A"], False),
    ("choice", when("first", "=", answerCoding=RISK), "valueCoding", [RISK | {"display": "Risk"}], True),
    ("choice", when("first", "=", answerCoding=RISK), "valueCoding", [HELP], False),
    ("quantity", when("first", ">", answerQuantity={"value": 1, "system": "http://unitsofmeasure.org", "code": "h"}),
     "valueQuantity", [{"value": 90, "system": "http://unitsofmeasure.org", "code": "min"}], True),
    ("reference", when("first", "=", answerReference={"reference": "Goal/1"}), "valueReference", [{"reference": "Goal/1"}], True),
    ("integer", when("first", "like", answerInteger=0), "valueInteger", [0], False),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "rule", "name", "values", "is_asked"), OPERATORS)
def test_operator(type_, rule, name, values, is_asked):
    first = [answered("first", *values, name=name)] if values else []
    at = len(first)
    form = asked(type_, rule)
    with_answer, without = said(form, response(*first, THEN)), said(form, response(*first))
    if is_asked:
        assert with_answer == []
        assert without == [("answer-missing", "QuestionnaireResponse.item")]
    else:
        assert with_answer == [("answer-disabled", f"QuestionnaireResponse.item[{at}]")]
        assert without == []


def test_any_of_several_answers_will_do():
    form = questionnaire(
        question("first", repeats=True), question("then", enableWhen=[when("first", "=", answerInteger=2)])
    )
    assert slugs(form, response(answered("first", 1, 2), THEN)) == []


def test_a_disabled_item_without_an_answer_is_no_fault():
    form = asked("integer", when("first", "=", answerInteger=1))
    assert slugs(form, response({"linkId": "then"})) == []


def test_in_progress_nothing_is_called_for_but_what_is_ruled_out_stays_so():
    form = asked("integer", when("first", "=", answerInteger=1))
    assert slugs(form, response(answered("first", 1), status="in-progress")) == []
    assert slugs(form, response(THEN, status="in-progress")) == ["answer-disabled"]


ONE, TWO = when("one", "=", answerInteger=1), when("two", "=", answerInteger=1)


@pytest.mark.parametrize(
    ("behaviour", "one", "two", "faults"),
    [
        ("all", 1, 1, []),
        ("all", 1, 0, ["answer-disabled"]),
        ("any", 1, 0, []),
        ("any", 0, 0, ["answer-disabled"]),
        (None, 0, 1, []),
    ],
)
def test_several_conditions(behaviour, one, two, faults):
    more = {} if behaviour is None else {"enableBehavior": behaviour}
    form = questionnaire(question("one"), question("two"), question("then", enableWhen=[ONE, TWO], **more))
    assert slugs(form, response(answered("one", one), answered("two", two), THEN)) == faults


def test_what_stands_in_a_disabled_group_is_ruled_out_with_it():
    form = questionnaire(
        question("first"),
        group("more", question("then", required=True), enableWhen=[when("first", "=", answerInteger=1)]),
    )
    more = filled("more", THEN)
    assert slugs(form, response(answered("first", 1), more)) == []
    assert said(form, response(answered("first", 0), more)) == [
        ("answer-disabled", "QuestionnaireResponse.item[1]")
    ]


AGENCIES = questionnaire(
    group(
        "agency",
        question("leaves", "boolean"),
        group("handover", question("to", "string", required=True, enableWhen=[when("leaves", "=", answerBoolean=True)])),
        repeats=True,
    ),
    question("why", "string", enableWhen=[when("leaves", "=", answerBoolean=True)]),
)  # fmt: skip


def agency(*, leaves=None, to=None):
    named = [] if to is None else [answered("to", to, name="valueString")]
    said_so = [] if leaves is None else [answered("leaves", leaves, name="valueBoolean")]
    return filled("agency", *said_so, filled("handover", *named, {"linkId": "to"}) if not named else filled("handover", *named))  # fmt: skip


WHY = answered("why", "Moved.", name="valueString")
LEAVES, STAYS = agency(leaves=True, to="School"), agency(leaves=False)


@pytest.mark.parametrize(
    ("items", "faults"),
    [
        ([LEAVES, STAYS], []),
        ([STAYS, LEAVES], []),
        ([STAYS, agency(leaves=False, to="School")], ["answer-disabled"]),
        # an unanswered question of this repetition is not answered by another's
        ([LEAVES, agency(to="School")], ["answer-disabled"]),
        # from outside, the last repetition before the question is asked
        ([STAYS, LEAVES, WHY], []),
        ([LEAVES, STAYS, WHY], ["answer-disabled"]),
    ],
)
def test_the_nearest_question_counts(items, faults):
    assert slugs(AGENCIES, response(*items, status="in-progress")) == faults


@pytest.mark.parametrize(
    ("items", "faults"),
    [
        ([WHY, LEAVES, STAYS], ["question-order", "question-order"]),  # none before: the first after it
        ([WHY, STAYS, LEAVES], ["answer-disabled", "question-order", "question-order"]),
    ],
)
def test_where_none_stands_before_the_first_after_counts(items, faults):
    assert slugs(AGENCIES, response(*items, status="in-progress")) == faults


def test_a_question_within_an_answer_depends_on_that_answer():
    form = questionnaire(
        question(
            "who", "string",
            question("phone", "string", required=True, enableWhen=[when("who", "=", answerString="Gran")]),
            repeats=True,
        )
    )  # fmt: skip
    phone = answered("phone", "none", name="valueString")

    def who(gran, friend):
        return response(
            {
                "linkId": "who",
                "answer": [{"valueString": "Gran", **gran}, {"valueString": "Friend", **friend}],
            }
        )

    assert said(form, who({"item": [phone]}, {})) == []
    assert said(form, who({}, {"item": [phone]})) == [
        ("answer-missing", "QuestionnaireResponse.item[0].answer[0].item"),
        ("answer-disabled", "QuestionnaireResponse.item[0].answer[1].item[0]"),
    ]


def test_the_question_may_stand_within_an_answer():
    form = questionnaire(
        question("who", "string", question("close", "boolean")),
        question("then", enableWhen=[when("close", "=", answerBoolean=True)]),
    )
    close = answered("close", True, name="valueBoolean")
    assert (
        slugs(form, response({"linkId": "who", "answer": [{"valueString": "Gran", "item": [close]}]}, THEN))
        == []
    )
    assert slugs(form, response(answered("who", "Gran", name="valueString"), THEN)) == ["answer-disabled"]


@pytest.mark.parametrize(
    "unknowable",
    [
        {"enableWhen": [when("elsewhere", "=", answerInteger=1)]},
        {"extension": having((f"{SDC}enableWhenExpression", "valueExpression", {}))},
    ],
)
def test_where_it_cannot_be_told_nothing_is_demanded_and_nothing_refused(unknowable):
    form = questionnaire(question("then", required=True, **unknowable))
    assert slugs(form, response()) == []
    assert slugs(form, response({"linkId": "then"})) == []
    assert slugs(form, response(THEN)) == []


def test_a_required_group_is_demanded_only_where_it_is_asked():
    form = questionnaire(
        question("first"),
        group("more", question("q"), required=True, enableWhen=[when("first", "=", answerInteger=1)]),
        question("last"),
    )
    assert slugs(form, response(answered("first", 0), answered("last", 0))) == []
    assert slugs(form, response(answered("first", 1), answered("last", 0))) == ["question-missing"]

"""Sentences are for whoever mends the response: they name the question and what it takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.questionnaires import faults

AT = "QuestionnaireResponse.item[0]"

SENTENCES = [
    (faults.question_unknown(AT, "goal1.score", ["goal-1.score", "wishes"]), "The Questionnaire has no item with this linkId. Did you mean goal-1.score?"),
    (faults.question_unknown(AT, "zzz", ["goal-1.score"]), "The Questionnaire has no item with this linkId."),
    (faults.question_unknown(AT, "goal-1.score" * 9, ["goal-1.score"]), "The Questionnaire has no item with this linkId."),
    (faults.question_misplaced(AT, "q", None, in_answer=False), "q stands at the top level."),
    (faults.question_misplaced(AT, "q", "g", in_answer=False), "q stands within the group g."),
    (faults.question_misplaced(AT, "q", "p", in_answer=True), "q stands within an answer to p."),
    (faults.question_repeated(AT, "g", 1, is_group=True), "g may stand once."),
    (faults.question_repeated(AT, "g", 3, is_group=True), "g may stand 3 times."),
    (faults.question_repeated(AT, "q", 1, is_group=False), "q must stand once, with every answer in it."),
    (faults.question_missing(AT, "g", 1), "The group g must be there, and hold an item."),
    (faults.question_missing(AT, "g", 2), "The group g must be there at least 2 times, and hold an item."),
    (faults.answer_missing(AT, "q", 1), "q must be answered."),
    (faults.answer_missing(AT, "q", 2), "q must have at least 2 answers."),
    (faults.answer_repeated(AT, "q", 1), "q takes at most one answer."),
    (faults.answer_repeated(AT, "q", 2), "q takes at most 2 answers."),
    (faults.answer_type(AT, "q", ["Coding", "String"]), "q is answered with Coding or String."),
    (faults.answer_out_of_range(AT, "q", "at most", Decimal("10.0")), "The answer to q is at most 10.0."),
    (faults.answer_out_of_range(AT, "q", "at least", "2026-01"), "The answer to q is at least 2026-01."),
    (faults.answer_out_of_range(AT, "q", "at most", {"value": 2, "unit": "kg", "code": "kg"}), "The answer to q is at most 2 kg."),
    (faults.answer_unit(AT, "q", ["kg", "g"]), "The answer to q is in kg, g."),
]  # fmt: skip


@pytest.mark.parametrize(("issue", "sentence"), SENTENCES)
def test_sentence(issue, sentence):
    assert issue.text == sentence
    assert issue.is_fault
    assert issue.expression == AT


def test_a_long_list_is_cut():
    assert (
        faults.listed(str(number) for number in range(13))
        == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and others"
    )
    assert faults.listed(["a"]) == "a"

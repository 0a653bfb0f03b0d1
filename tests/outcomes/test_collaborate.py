from __future__ import annotations

import pytest

from service.outcomes.collaborate import (
    Answers,
    CollaborateScore,
    keeps_its_scores,
    one_scale_a_response,
    read_answers,
    read_collaborate_score,
    scored_as_answered,
)
from tests.outcomes.clinic import OURS, SNOMED, concept, locate, refer, told

NINE, FOUR, BOTH, NONE = frozenset({9}), frozenset({4}), frozenset({9, 4}), frozenset()
FORM, OTHER = ("QuestionnaireResponse", "march"), ("QuestionnaireResponse", "april")
ON_NINE, ON_FOUR = f"{OURS}/Questionnaire/collaborate-0-9", f"{OURS}/Questionnaire/collaborate-0-4"
THE_FORM = "QuestionnaireResponse.questionnaire"


@pytest.mark.parametrize(
    ("what", "form", "links", "scales", "place"),
    [
        ("ten points", ON_NINE, ["listen"], NINE, THE_FORM),
        ("five points", ON_FOUR, ["listen"], FOUR, THE_FORM),
        ("some other form", f"{OURS}/Questionnaire/gbo-session", ["listen"], NONE, THE_FORM),
        (
            "a form that holds one scale",
            "urn:x",
            ["a", "collaborate-0-4.listen", "collaborate-0-4.include"],
            FOUR,
            THE_FORM,
        ),
        (
            "a form that holds both",
            "urn:x",
            ["collaborate-0-4.listen", "collaborate-0-9.listen", "b"],
            BOTH,
            "item[1]",
        ),
        ("one scale's form with the other's item", ON_NINE, ["collaborate-0-4.listen"], BOTH, "item[0]"),
    ],
)
def test_the_scales_of_a_response(what, form, links, scales, place):
    given = {"questionnaire": form, "status": "completed", "item": [{"linkId": link} for link in links]}
    where = place if place == THE_FORM else f"QuestionnaireResponse.{place}"
    assert read_answers(given) == Answers(scales, where), what


def test_an_items_definition_says_its_scale_too():
    given = {"item": [{"linkId": "a", "item": [{"linkId": "b", "definition": f"{ON_FOUR}#listen"}]}]}
    assert read_answers(given).scales == FOUR
    assert read_answers({"status": "entered-in-error"}) == Answers(NONE, THE_FORM, is_in_error=True)
    assert read_answers({}) == Answers(NONE, THE_FORM)


@pytest.mark.parametrize(
    ("method", "scales"),
    [
        (concept(f"{OURS}/CodeSystem/collaborate", "scale-0-9"), NINE),
        (concept(f"{OURS}/CodeSystem/collaborate", "scale-0-4"), FOUR),
        (concept(SNOMED, "scale-0-4"), NONE),
        (None, NONE),
    ],
)
def test_the_scale_of_a_score(method, scales):
    given = {
        "resourceType": "Observation",
        "id": "s",
        "method": method,
        "derivedFrom": [refer(FORM)],
        "status": "final",
    }
    assert read_collaborate_score(given, locate) == CollaborateScore("s", scales, (FORM,))
    assert read_collaborate_score({**given, "status": "entered-in-error"}, locate).is_in_error
    assert read_collaborate_score({}, locate) == CollaborateScore("", NONE)


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        (Answers(NONE, "here"), False),
        (Answers(NINE, "here"), False),
        (Answers(BOTH, "here"), True),
        (Answers(BOTH, "here", is_in_error=True), False),
    ],
)
def test_one_scale_a_response(answers, refused):
    expected = [("error", "collaborate-scales-mixed", "here")] if refused else []
    assert told(one_scale_a_response(answers)) == expected


def scored(scales=NINE, id_="new", sources=(FORM,), **more):
    return CollaborateScore(id_, scales, sources, **more)


# The response was given on the scale from 0 to 9. What of a score?
@pytest.mark.parametrize(
    ("what", "score", "answers", "siblings", "refused"),
    [
        ("on the same scale", scored(), Answers(NINE, ""), [], False),
        ("on the other scale", scored(FOUR), Answers(NINE, ""), [], True),
        ("that says no scale", scored(NONE), Answers(NINE, ""), [], False),
        ("on the other scale, in error", scored(FOUR, is_in_error=True), Answers(NINE, ""), [], False),
        ("of a response in error", scored(FOUR), Answers(NINE, "", is_in_error=True), [], False),
        ("of a response that says no scale", scored(FOUR), Answers(NONE, ""), [], False),
        ("of another response", scored(FOUR, sources=(OTHER,)), Answers(NINE, ""), [], False),
        ("of no response", scored(FOUR, sources=()), Answers(NINE, ""), [], False),
        ("beside a score on the same scale", scored(), Answers(NONE, ""), [scored(id_="old")], False),
        ("beside a score on the other scale", scored(FOUR), Answers(NONE, ""), [scored(id_="old")], True),
        ("beside such a one in error", scored(FOUR), Answers(NONE, ""), [scored(id_="old", is_in_error=True)], False),
        ("beside such a one of another response",
         scored(FOUR), Answers(NONE, ""), [scored(id_="old", sources=(OTHER,))], False),
        ("beside itself as it was", scored(FOUR), Answers(NONE, ""), [scored()], False),
    ],
)  # fmt: skip
def test_scores_are_on_the_scale_of_their_response(what, score, answers, siblings, refused):
    expected = [("error", "collaborate-scales-mixed", "Observation.method")] if refused else []
    assert told(scored_as_answered(score, {FORM: answers}, siblings)) == expected, what


@pytest.mark.parametrize(
    ("what", "answers", "scores", "refused"),
    [
        ("the scale of its scores", Answers(NINE, "here"), [scored()], False),
        ("the other scale than its scores'", Answers(FOUR, "here"), [scored(), scored(FOUR)], True),
        ("no scale", Answers(NONE, "here"), [scored()], False),
        ("the other scale, but in error", Answers(FOUR, "here", is_in_error=True), [scored()], False),
        ("the other scale, its scores in error", Answers(FOUR, "here"), [scored(is_in_error=True)], False),
        ("the other scale, its scores say none", Answers(FOUR, "here"), [scored(NONE)], False),
        ("no scores", Answers(FOUR, "here"), [], False),
    ],
)
def test_a_response_stays_on_the_scale_of_its_scores(what, answers, scores, refused):
    expected = [("error", "response-scored-on-another-scale", "here")] if refused else []
    assert told(keeps_its_scores(answers, scores)) == expected, what

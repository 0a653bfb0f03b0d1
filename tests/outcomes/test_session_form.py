"""The session form before it is answered, as tables: goals and ratings so far, and what stands in the form."""

from __future__ import annotations

import pytest

from service.outcomes.recognition import GOAL_SCORES, SLOT_EXTENSION
from service.outcomes.series import read_points, series_of
from service.outcomes.session_form import open_goals, prefilled

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
LEVELS = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"
YOUNG_PERSON = ("Patient", "ash")
MOTHER = ("RelatedPerson", "mother")
FATHER = ("RelatedPerson", "father")
CLINICIAN = ("Practitioner", "kit")
COLLEAGUE = ("PractitionerRole", "sam")
TEACHER = ("Organization", "school")
OWN = {1: (SNOMED, "1638531000000102"), 2: (SNOMED, "1638541000000106")}
PARENT_RATED = (GOAL_SCORES, "parent-rated-goal-score")
CLINICIAN_RATED = (GOAL_SCORES, "clinician-rated-goal-score")
QUESTIONS = ("goal", "last-score", "last-level", "last-date", "score", "level")
FORM = [
    {"linkId": f"goal-{slot}", "item": [{"linkId": f"goal-{slot}.{name}"} for name in QUESTIONS]}
    for slot in (1, 2, 3)
]


def locate(text):
    type_, _, id_ = text.partition("/")
    return type_, id_


def goal(id_, slot, status="active", *, levels=False, scored=False):
    extensions = [{"url": SLOT_EXTENSION, "valuePositiveInt": slot}] if slot else []
    extensions += [{"url": LEVELS}] if levels else []
    made = {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": {"text": f"words of {id_}"},
        "subject": {"reference": "Patient/ash"},
        "extension": extensions,
    }
    if scored:
        made["target"] = [{"measure": {"coding": [{"system": GOAL_SCORES, "code": "goal-score"}]}}]
    return made


def rated(of, code, who, when, value=None, level=None):
    system, text = code
    made = {
        "resourceType": "Observation",
        "id": f"{of}-{when}-{who[1]}",
        "status": "final",
        "code": {"coding": [{"system": system, "code": text}]},
        "subject": {"reference": "Patient/ash"},
        "focus": [{"reference": f"Goal/{of}"}],
        "performer": [{"reference": "/".join(who)}],
        "effectiveDateTime": when,
    }
    if level is not None:
        return made | {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": level}]}}
    if value is None:
        return made | {"dataAbsentReason": {"text": "not asked"}}
    return made | {"valueQuantity": {"value": value}}


def form(goals, ratings=(), who=None, items=FORM):
    points = [point for each in ratings for point in read_points(each, locate)]
    return prefilled(items, open_goals(goals, locate), series_of(points), who)


def shown(items):
    """By linkId the value of each answered item, and None for each that is to be answered."""
    found = {}
    for group in items:
        for item in group["item"]:
            answers = item.get("answer")
            found[item["linkId"]] = None if answers is None else next(iter(answers[0].values()))
    return found


def test_an_open_goal_in_its_slot():
    made = form([goal("sleep", 2)])
    assert [group["linkId"] for group in made] == ["goal-2"]
    assert shown(made) == {
        "goal-2.goal": {"reference": "Goal/sleep", "display": "words of sleep"},
        "goal-2.score": None,
    }


@pytest.mark.parametrize("status", ["proposed", "on-hold", "completed", "cancelled", "rejected"])
def test_a_goal_that_is_not_under_way_is_not_asked_about(status):
    assert form([goal("sleep", 1, status)]) == []


def test_a_goal_without_slot_is_not_in_the_form_but_known():
    assert form([goal("sleep", None)]) == []
    assert list(open_goals([goal("sleep", None), goal("school", 1)], locate)) == [None, 1]


@pytest.mark.parametrize(
    ("who", "last", "when"),
    [
        # Not known who answers: the young person's own.
        (None, 4, "2026-03-10"),
        (YOUNG_PERSON, 4, "2026-03-10"),
        (MOTHER, 6, "2026-03-11"),
        (FATHER, 7, "2026-03-12"),
        # Clinicians are one series together: a colleague sees the last one.
        (CLINICIAN, 9, "2026-03-14"),
        (COLLEAGUE, 9, "2026-03-14"),
        (("RelatedPerson", "aunt"), None, None),
        (TEACHER, None, None),
    ],
)
def test_the_last_score_is_that_of_whoever_is_about_to_answer(who, last, when):
    ratings = [
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-02-01", 2),
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-10", 4),
        rated("sleep", PARENT_RATED, MOTHER, "2026-03-11", 6),
        rated("sleep", PARENT_RATED, FATHER, "2026-03-12", 7),
        rated("sleep", CLINICIAN_RATED, CLINICIAN, "2026-03-13", 8),
        rated("sleep", CLINICIAN_RATED, COLLEAGUE, "2026-03-14", 9),
    ]
    made = shown(form([goal("sleep", 1)], ratings, who))
    assert made.get("goal-1.last-score") == last
    assert made.get("goal-1.last-date") == when
    # Never in the answer.
    assert made["goal-1.score"] is None


def test_zero_was_a_score_and_a_missed_session_was_none():
    ratings = [
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-10", 0),
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-17"),
    ]
    made = shown(form([goal("sleep", 1)], ratings))
    assert (made["goal-1.last-score"], made["goal-1.last-date"]) == (0, "2026-03-10")


def test_a_goal_that_was_only_ever_missed_stands_nowhere_yet():
    made = shown(form([goal("sleep", 1)], [rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-17")]))
    assert list(made) == ["goal-1.goal", "goal-1.score"]


def test_each_answer_is_of_its_questions_type():
    ratings = [
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-20", 5),
        rated("sleep", (LOINC, "107334-5"), YOUNG_PERSON, "2026-03-17", level="LA34483-0"),
    ]
    [group] = form([goal("sleep", 1, levels=True, scored=True)], ratings)
    answers = {item["linkId"]: item["answer"] for item in group["item"] if "answer" in item}
    assert answers == {
        "goal-1.goal": [{"valueReference": {"reference": "Goal/sleep", "display": "words of sleep"}}],
        "goal-1.last-score": [{"valueDecimal": 5}],
        "goal-1.last-level": [{"valueInteger": -1}],
        "goal-1.last-date": [{"valueDateTime": "2026-03-20"}],
    }


def test_of_two_open_goals_in_a_slot_which_no_rule_lets_stand_the_first():
    assert shown(form([goal("sleep", 1), goal("school", 1)]))["goal-1.goal"]["reference"] == "Goal/sleep"


def test_a_goal_without_words_of_its_own():
    wordless = goal("sleep", 1) | {"description": {"coding": []}}
    assert shown(form([wordless]))["goal-1.goal"] == {"reference": "Goal/sleep"}


def test_the_score_of_a_goal_that_held_the_slot_before_is_not_shown():
    ratings = [rated("old", OWN[1], YOUNG_PERSON, "2026-03-10", 3)]
    assert "goal-1.last-score" not in shown(form([goal("old", 1, "completed"), goal("new", 1)], ratings))


def test_a_goal_with_attainment_levels_is_asked_by_level():
    ratings = [
        rated("sleep", (LOINC, "112296-9"), YOUNG_PERSON, "2026-03-10", level="LA34484-8"),
        rated("sleep", (LOINC, "107334-5"), YOUNG_PERSON, "2026-03-17", level="LA34481-4"),
    ]
    made = shown(form([goal("sleep", 3, levels=True)], ratings))
    assert made == {
        "goal-3.goal": {"reference": "Goal/sleep", "display": "words of sleep"},
        "goal-3.last-level": 0,
        "goal-3.last-date": "2026-03-17",
        "goal-3.level": None,
    }


def test_a_goal_that_is_rated_in_both_ways_is_asked_in_both():
    ratings = [
        rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-20", 5),
        rated("sleep", (LOINC, "107334-5"), YOUNG_PERSON, "2026-03-17", level="LA34480-6"),
    ]
    made = shown(form([goal("sleep", 1, levels=True, scored=True)], ratings))
    assert (made["goal-1.last-score"], made["goal-1.last-level"]) == (5, 1)
    assert made["goal-1.last-date"] == "2026-03-20"
    assert {"goal-1.score", "goal-1.level"} <= made.keys()


def test_what_a_form_has_besides_stays():
    items = [{"linkId": "before"}, *FORM, {"linkId": "after", "item": []}]
    made = form([goal("sleep", 2)], items=items)
    assert [item["linkId"] for item in made] == ["before", "goal-2", "after"]
    extra = [{"linkId": "goal-1", "item": [{"linkId": "goal-1.goal"}, {"linkId": "goal-1.note"}]}]
    assert list(shown(form([goal("sleep", 1)], items=extra))) == ["goal-1.goal", "goal-1.note"]


def test_a_form_of_an_earlier_version_has_no_place_for_the_last_score():
    items = [{"linkId": "goal-1", "item": [{"linkId": "goal-1.goal"}, {"linkId": "goal-1.score"}]}]
    ratings = [rated("sleep", OWN[1], YOUNG_PERSON, "2026-03-10", 3)]
    assert list(shown(form([goal("sleep", 1)], ratings, items=items))) == ["goal-1.goal", "goal-1.score"]

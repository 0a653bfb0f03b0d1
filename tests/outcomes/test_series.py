"""Which ratings count, whose they are, and in which series they stand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.outcomes.days import days_of
from service.outcomes.series import (
    BASELINE_LEVEL,
    CLINICIAN,
    LEVEL_OF_ANSWER,
    OTHER,
    PARENT_OR_CARER,
    RATERS,
    YOUNG_PERSON,
    Point,
    is_extracted,
    rater_of_performer,
    read_points,
    series_of,
)
from tests.outcomes.clinic import (
    ASH,
    BRAMBLE,
    DAD,
    GENERIC,
    LOINC,
    MUM,
    OURS,
    PROGRESS_CHART,
    ROWAN,
    SAGE,
    SNOMED,
    about,
    concept,
    level,
    locate,
    own,
    rated_by,
    rating,
    refer,
)

FORM = ("QuestionnaireResponse", "march")
EXTRACTED = "0a1b2c3d-4e5f-8071-a273-9a4b5c6d7e8f"  # a UUID of version 8
CHOSEN = "0a1b2c3d-4e5f-4071-a273-9a4b5c6d7e8f"  # one of version 4, as a client makes it


def points(*observations):
    return [point for each in observations for point in read_points(each, locate)]


def series(*observations):
    return series_of(points(*observations))


def only(*observations):
    [found] = series(*observations)
    return found


def values(found):
    return [str(point.value) for point in found.points]


def test_what_a_rating_says_is_read():
    observation = rating(
        "1",
        "school",
        "4.50",
        "2026-03-10T23:30:00+01:00",
        own(2),
        encounter=refer(("Encounter", "e")),
        derivedFrom=[{"display": "paper"}, refer(("Observation", "x")), refer(FORM)],
    )
    assert read_points(observation, locate) == (
        Point(
            observation="1",
            goal=("Goal", "school"),
            child=ASH,
            rater="young-person",
            rated_by=ASH,
            code=(SNOMED, "1638541000000106"),
            slot=2,
            when="2026-03-10T23:30:00+01:00",
            day=days_of("2026-03-10").first,
            value=Decimal("4.50"),
            kind="score",
            response=FORM,
            encounter=("Encounter", "e"),
        ),
    )


@pytest.mark.parametrize(
    ("what", "more", "value"),
    [
        ("a whole number", {"valueQuantity": {"value": 7}}, "7"),
        ("zero is a score", {"valueQuantity": {"value": 0}}, "0"),
        ("the top", {"valueQuantity": {"value": 10}}, "10"),
        ("a decimal keeps its digits", {"valueQuantity": {"value": Decimal("2.50")}}, "2.50"),
        ("an integer", {"valueInteger": 0}, "0"),
        ("below the scale", {"valueQuantity": {"value": Decimal("-0.1")}}, None),
        ("above the scale", {"valueQuantity": {"value": Decimal("10.1")}}, None),
        ("less than, so no one value", {"valueQuantity": {"value": 7, "comparator": "<"}}, None),
        ("a unit without a value", {"valueQuantity": {"unit": "score"}}, None),
        ("words", {"valueString": "7"}, None),
    ],
)
def test_values(what, more, value):
    observation = {**rating("1", "school", None, "2026-03-10", own(1)), **more}
    del observation["dataAbsentReason"]
    assert [str(point.value) for point in points(observation)] == ([] if value is None else [value]), what


def test_what_was_not_rated_is_kept_apart_and_has_no_value():
    found = only(
        rating("1", "school", "0", "2026-03-10", own(1)),
        rating("2", "school", None, "2026-03-17", own(1)),
        rating("3", "school", "4", "2026-03-24", own(1)),
        rating("4", "school", None, "2026-03-03", own(1)),
    )
    assert values(found) == ["0", "4"]
    assert [point.observation for point in found.missed] == ["4", "2"]
    [missed] = series(rating("1", "school", None, "2026-03-10", own(1)))
    assert (missed.points, len(missed.missed)) == ((), 1)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("unknown", True),
        ("registered", False),
        ("preliminary", False),
        ("cancelled", False),
        ("entered-in-error", False),
    ],
)
def test_statuses(status, counts):
    assert bool(points(rating("1", "school", "4", "2026-03-10", own(1), status=status))) is counts


@pytest.mark.parametrize(
    ("what", "more", "counts"),
    [
        ("no score of a goal", {"code": concept(LOINC, "1")}, False),
        ("no code", {"code": {"text": "goal 1"}}, False),
        ("one of several codes", {"code": {"coding": [{"code": "x"}, *own(1)["coding"]]}}, True),
        ("a month is no day", {"effectiveDateTime": "2026-03"}, False),
        ("no day of the calendar", {"effectiveDateTime": "2026-02-30"}, False),
        ("no time of the day", {"effectiveDateTime": "2026-03-10T25:00:00Z"}, False),
        ("no date", {"effectiveDateTime": None}, False),
        ("an instant", {"effectiveDateTime": None, "effectiveInstant": "2026-03-10T10:00:00Z"}, True),
        ("no goal", {"focus": []}, False),
        ("something else than a goal", {"focus": [refer(ASH)]}, False),
        ("a goal kept elsewhere", {"focus": [{"display": "sleep"}]}, False),
        ("the same goal twice", {"focus": [refer(("Goal", "school"))] * 2}, True),
    ],
)
def test_what_is_a_rating(what, more, counts):
    observation = {**rating("1", "school", "4", "2026-03-10", own(1)), **more}
    assert len(points(observation)) == counts, what


def test_two_goals_in_one_observation_are_two_ratings():
    both = [refer(("Goal", "sleep")), refer(("Goal", "school"))]
    found = series(rating("1", "x", "4", "2026-03-10", concept(SNOMED, GENERIC), focus=both))
    assert [each.goal[1] for each in found] == ["school", "sleep"]


@pytest.mark.parametrize(
    ("what", "code", "by", "rater"),
    [
        ("newer codes of the slots", own(1), ASH, YOUNG_PERSON),
        ("older codes of the slots", own(3, PROGRESS_CHART), ASH, YOUNG_PERSON),
        ("the code goes before the performer", rated_by("parent"), ROWAN, PARENT_OR_CARER),
        ("clinicians' code", rated_by("clinician"), ROWAN, CLINICIAN),
        ("a teacher", rated_by("other"), MUM, OTHER),
        ("the generic code by the young person", concept(SNOMED, GENERIC), ASH, YOUNG_PERSON),
        ("the generic code by a parent", concept(SNOMED, GENERIC), MUM, PARENT_OR_CARER),
        ("the generic code by a clinician", concept(SNOMED, GENERIC), SAGE, CLINICIAN),
        ("the generic code by nobody named", concept(SNOMED, GENERIC), ("Organization", "x"), OTHER),
        ("the scale as such", concept(f"{OURS}/CodeSystem/goal-score", "goal-score"), ROWAN, CLINICIAN),
        ("attainment, follow-up by the practitioner", concept(LOINC, "107333-7"), ROWAN, CLINICIAN),
        ("attainment, follow-up by the patient", concept(LOINC, "107334-5"), ASH, YOUNG_PERSON),
        ("attainment, follow-up by the caregiver", concept(LOINC, "107331-1"), MUM, PARENT_OR_CARER),
        ("attainment, baseline by whoever rated", concept(LOINC, "112296-9"), ROWAN, CLINICIAN),
    ],
)
def test_raters(what, code, by, rater):
    [point] = points(rating("1", "school", None, "2026-03-10", code, by))
    assert (point.rater, point.rated_by) == (rater, by), what


def test_the_code_of_a_baseline():
    assert BASELINE_LEVEL == (LOINC, "112296-9")


def test_a_performer_known_by_an_identifier_is_a_person():
    known = {"type": "RelatedPerson", "identifier": {"system": "https://nhs.example", "value": "1"}}
    assert rater_of_performer({"performer": [known]}, locate) == (
        PARENT_OR_CARER,
        ("", "https://nhs.example|1"),
    )
    nameless = {"type": "Practitioner", "identifier": {"value": "1"}}
    assert rater_of_performer({"performer": [nameless, refer(MUM)]}, locate) == (CLINICIAN, ("", "|1"))
    assert rater_of_performer({"performer": [{"type": "Patient", "display": "A"}]}, locate) == (
        YOUNG_PERSON,
        None,
    )
    assert rater_of_performer({"performer": [{**refer(MUM), "type": "Patient"}]}, locate) == (
        PARENT_OR_CARER,
        MUM,
    )
    assert rater_of_performer({}, locate) == (OTHER, None)


@pytest.mark.parametrize(
    ("answer", "number"),
    [("LA34479-8", 2), ("LA34480-6", 1), ("LA34481-4", 0), ("LA34483-0", -1), ("LA34484-8", -2)],
)
def test_levels(answer, number):
    value = {"valueCodeableConcept": concept(LOINC, answer)}
    [point] = points({**rating("1", "school", None, "2026-03-10", concept(LOINC, "107334-5")), **value})
    assert (point.kind, point.value, point.slot) == ("level", Decimal(number), None)
    assert LEVEL_OF_ANSWER[LOINC, answer] == number


def test_an_answer_that_is_no_level_is_no_rating():
    observation = level("1", "school", 0, "2026-03-10", "107334-5")
    gap = {"valueCodeableConcept": concept(LOINC, "LA34482-2")}
    assert points({**observation, **gap, "dataAbsentReason": {}}) != []
    del observation["dataAbsentReason"]
    assert points({**observation, **gap}) == []
    several = {"coding": [{"system": "x", "code": "y"}, {"system": LOINC, "code": "LA34484-8"}]}
    assert values(only({**observation, "valueCodeableConcept": several})) == ["-2"]


def test_raters_stand_side_by_side():
    found = series(
        rating("1", "sleep", "9", "2026-03-10", rated_by("other"), MUM),
        rating("2", "school", "1", "2026-03-10", rated_by("clinician"), SAGE),
        rating("3", "school", "2", "2026-03-17", rated_by("clinician"), ROWAN),
        rating("4", "school", "3", "2026-03-10", rated_by("parent"), MUM),
        rating("5", "school", "4", "2026-03-10", rated_by("parent"), DAD),
        rating("6", "school", "5", "2026-03-10", own(1)),
        level("7", "school", 2, "2026-03-10", "107334-5"),
    )
    assert [(each.goal[1], each.kind, each.rater, each.rated_by, values(each)) for each in found] == [
        ("school", "score", "young-person", ASH, ["5"]),
        ("school", "score", "parent-or-carer", DAD, ["4"]),
        ("school", "score", "parent-or-carer", MUM, ["3"]),
        ("school", "score", "clinician", None, ["1", "2"]),
        ("school", "level", "young-person", ASH, ["2"]),
        ("sleep", "score", "other", MUM, ["9"]),
    ]
    assert RATERS == ("young-person", "parent-or-carer", "clinician", "other")


def test_the_young_person_is_one_however_they_are_named():
    by_number = [{"type": "Patient", "identifier": {"system": "https://nhs.example", "value": "1"}}]
    found = only(
        rating("1", "school", "2", "2026-03-10", own(1)),
        rating("2", "school", "6", "2026-03-17", own(1), performer=by_number),
    )
    assert (found.rated_by, values(found)) == (ASH, ["2", "6"])


def test_a_switch_of_codes_is_no_break_in_a_goals_series():
    found = only(
        rating("1", "school", "2", "2026-03-10", own(1, PROGRESS_CHART)),
        rating("2", "school", "6", "2026-03-17", own(1)),
    )
    assert values(found) == ["2", "6"]


def test_order_is_by_instant_then_by_id():
    found = only(
        rating("a", "school", "1", "2026-03-11", own(1)),
        rating("b", "school", "2", "2026-03-10T23:59:00Z", own(1)),
        rating("d", "school", "4", "2026-03-11T01:30:00+01:00", own(1)),
        rating("c", "school", "3", "2026-03-11T00:30:00Z", own(1)),
        rating("e", "school", "5", "2026-03-11T00:00:00.000001Z", own(1)),
    )
    # A day by itself is its beginning; 01:30 in summer time is 00:30.
    assert values(found) == ["2", "1", "5", "3", "4"]


def test_what_comes_from_one_response_is_one_rating():
    from_form = {"derivedFrom": [refer(FORM)]}
    sent = rating(CHOSEN, "school", "6", "2026-03-10", own(1), **from_form)
    taken = rating(EXTRACTED, "school", "6.0", "2026-03-10", own(1), **from_form)
    for order in ((sent, taken), (taken, sent)):
        found = only(*order)
        assert values(found) == ["6.0"]
    assert [is_extracted(point) for point in points(sent, taken)] == [False, True]
    assert not is_extracted(*points(rating(EXTRACTED, "school", "6", "2026-03-10", own(1))))


@pytest.mark.parametrize(
    ("what", "one", "other", "kept"),
    [
        ("a value before none", ("a", None, "2026-03-10"), ("b", "4", "2026-03-11"), "b"),
        ("the first before a later one", ("b", "3", "2026-03-10"), ("a", "4", "2026-03-11"), "b"),
        ("the first id at the same time", ("a", "3", "2026-03-10"), ("b", "4", "2026-03-10"), "a"),
        (
            "the extracted one before all",
            (EXTRACTED, None, "2026-03-11"),
            ("a", "4", "2026-03-10"),
            EXTRACTED,
        ),
    ],
)
def test_which_of_two_from_one_response_is_kept(what, one, other, kept):
    given = [
        rating(id_, "school", value, when, own(1), derivedFrom=[refer(FORM)])
        for id_, value, when in (one, other)
    ]
    for order in (given, given[::-1]):
        found = only(*order)
        assert [point.observation for point in (*found.points, *found.missed)] == [kept], what


def test_from_one_response_each_goal_rater_and_kind_has_its_own():
    from_form = {"derivedFrom": [refer(FORM)]}
    found = series(
        rating("1", "school", "1", "2026-03-10", own(1), **from_form),
        rating("2", "sleep", "2", "2026-03-10", own(2), **from_form),
        rating("3", "school", "3", "2026-03-10", rated_by("parent"), MUM, **from_form),
        rating("4", "school", "4", "2026-03-10", rated_by("parent"), DAD, **from_form),
        level("5", "school", 1, "2026-03-10", "107334-5", **from_form),
    )
    assert [values(each) for each in found] == [["1"], ["4"], ["3"], ["1"], ["2"]]
    twice = [rating(id_, "school", "4", "2026-03-10", own(1)) for id_ in "ab"]
    assert values(only(*twice)) == ["4", "4"]  # not said to be from one response: two ratings


@pytest.mark.parametrize(
    ("source", "response"),
    [
        ("QuestionnaireResponse/march", FORM),
        ("https://elsewhere/fhir/QuestionnaireResponse/1", "elsewhere"),
        ("https://elsewhere/fhir/DocumentReference/1", None),
        ("DocumentReference/1", None),
    ],
)
def test_what_a_response_is(source, response):
    def far(text):
        return ("", text) if text.startswith("https:") else locate(text)

    [point] = read_points(
        rating("1", "school", "4", "2026-03-10", own(1), derivedFrom=[{"reference": source}]), far
    )
    assert point.response == (("", source) if response == "elsewhere" else response)


def test_whose_a_rating_is():
    assert [point.child for point in points(rating("1", "school", "4", "2026-03-10", own(1)))] == [ASH]
    other = rating("1", "school", "4", "2026-03-10", own(1), **about(BRAMBLE))
    assert [point.child for point in points(other)] == [BRAMBLE]


def test_nothing_rated_is_no_series():
    assert series() == ()

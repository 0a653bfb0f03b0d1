from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from service.outcomes.takings import Taking, once_each, read_taking
from tests.outcomes.clinic import ASH, SNOMED, about, concept, locate, refer
from tests.outcomes.instruments import DAD, HAZEL, MUM, day, known, measure, taking

ORS = "716613004"
SRS = "720482000"
WHEN = "2026-03-10T16:00:00Z"


def observation(of=ORS, by=ASH, **more):
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": concept(SNOMED, of),
        **about(ASH),
        "effectiveDateTime": WHEN,
        "valueQuantity": {"value": Decimal("7.10")},
        "performer": [refer(by)],
        **more,
    }


def read(**more):
    return read_taking(observation(**more), known(), locate)


def test_what_a_score_says_is_read():
    given = read(
        encounter=refer(("Encounter", "e")),
        basedOn=[refer(("CarePlan", "p")), refer(("ServiceRequest", "r")), refer(("ServiceRequest", "s"))],
    )
    assert given == Taking(
        observation="o",
        measure=measure("ors-total"),
        code=(SNOMED, ORS),
        rater="young-person",
        given_by="young-person",
        rated_by=ASH,
        when=WHEN,
        day=day("2026-03-10"),
        value=Decimal("7.10"),
        encounter=("Encounter", "e"),
        referral=("ServiceRequest", "r"),
    )
    assert str(given.value) == "7.10"
    assert (read().encounter, read().referral) == (None, None)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("another code", {"code": concept(SNOMED, "1")}),
        ("no code", {"code": {}}),
        ("no date", {"effectiveDateTime": None}),
        ("what is no date", {"effectiveDateTime": "soon"}),
        ("a month", {"effectiveDateTime": "2026-03"}),
        ("no value", {"valueQuantity": {}}),
        ("a bound and no value", {"valueQuantity": {"value": 7, "comparator": ">"}}),
        ("not yet said", {"status": "registered"}),
        ("not yet for good", {"status": "preliminary"}),
        ("cancelled", {"status": "cancelled"}),
        ("entered in error", {"status": "entered-in-error"}),
    ],
)
def test_what_is_no_taking(what, more):
    given = {name: value for name, value in observation(**more).items() if value is not None}
    assert read_taking(given, known(), locate) is None, what


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "unknown"])
def test_what_is_said_for_good_counts(status):
    assert read(status=status) is not None


def test_nought_is_a_score():
    assert read(valueQuantity={"value": 0}).value == 0
    whole = {name: value for name, value in observation().items() if name != "valueQuantity"}
    assert read_taking({**whole, "valueInteger": 0}, known(), locate).value == 0


def test_an_instant_is_a_date_as_well():
    whole = {name: value for name, value in observation().items() if name != "effectiveDateTime"}
    assert read_taking({**whole, "effectiveInstant": WHEN}, known(), locate).when == WHEN


# The measure says who rates it, where it does; else the performer does.
@pytest.mark.parametrize(
    ("code", "by", "rater", "given_by"),
    [
        (ORS, ASH, "young-person", "young-person"),
        (ORS, MUM, "young-person", "parent-or-carer"),
        (SRS, ASH, "young-person", "young-person"),
        (SRS, MUM, "parent-or-carer", "parent-or-carer"),
        (SRS, HAZEL, "clinician", "clinician"),
        (SRS, ("Organization", "o"), "other", "other"),
        ("986151000000106", HAZEL, "teacher", "clinician"),
        ("1638531000000102", MUM, "young-person", "parent-or-carer"),
    ],
)
def test_whose_view_it_is(code, by, rater, given_by):
    found = read(of=code, by=by)
    assert (found.rater, found.given_by, found.rated_by) == (rater, given_by, by)


def test_a_goals_score_says_of_which_goals():
    focus = [refer(("Goal", "g")), refer(("Goal", "g")), refer(("Condition", "c")), {"display": "x"}]
    assert read(of="1638531000000102", focus=focus).goals == (("Goal", "g"),)
    assert read().goals == ()


@pytest.mark.parametrize(("value", "in_range"), [("-1", False), ("0", True), ("40", True), ("40.1", False)])
def test_the_range_of_the_measure(value, in_range):
    assert taking("ors-total", "2026-03-10", value).is_in_range is in_range


def test_takings_stand_in_the_order_of_their_instants_then_ids():
    given = [
        taking("ors-total", "2026-03-10T12:00:00+01:00", 1, observation="b"),
        taking("ors-total", "2026-03-10T11:30:00Z", 2, observation="a"),
        taking("ors-total", "2026-03-10", 3, observation="z"),
        taking("ors-total", "2026-03-10T11:00:00Z", 4, observation="a"),
        taking("ors-total", "2026-03-09T23:59:59Z", 5, observation="z"),
    ]
    assert [each.value for each in sorted(given, key=lambda each: each.order)] == [5, 3, 4, 1, 2]


@pytest.mark.parametrize(
    ("what", "again", "number"),
    [
        ("the same once more", {}, 1),
        ("written in another zone", {"when": "2026-03-10T17:00:00+01:00"}, 1),
        ("another score", {"value": Decimal(8)}, 2),
        ("a minute later", {"when": "2026-03-10T16:01:00Z"}, 2),
        ("by another parent", {"rated_by": DAD}, 2),
        ("as another's view", {"rater": "other"}, 2),
        ("of another measure", {"measure": measure("cors-total")}, 2),
    ],
)
def test_a_form_that_was_sent_twice_was_filled_in_once(what, again, number):
    first = taking("ors-total", WHEN, 7, by=MUM, observation="a")
    second = replace(first, **{"observation": "b", **again})
    assert len(once_each([second, first])) == number, what
    assert once_each([second, first])[0] == first
    assert once_each([second, first]) == once_each([first, second])

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.days import days_of_period, text_of_day
from service.outcomes.grouping_history import GROUPINGS, Held, history, present, read_held
from service.outcomes.recognition import GROUPING
from tests.outcomes.clinic import ASH, about, concept, locate, refer
from tests.outcomes.instruments import HAZEL, MUM, day

FIVE = (
    "thriving",
    "getting-advice-signposting",
    "getting-help",
    "getting-more-help",
    "getting-risk-support",
)
PERIOD = {"start": "2026-03-10", "end": "2026-06-01"}


def observation(**more):
    whole = {
        "resourceType": "Observation",
        "id": "g",
        "status": "final",
        "code": concept(*GROUPING),
        **about(ASH),
        "effectivePeriod": PERIOD,
        "performer": [refer(ASH), refer(HAZEL)],
        "valueCodeableConcept": concept(GROUPINGS, "getting-help"),
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_what_a_grouping_says_is_read():
    found = read_held(observation(encounter=refer(("Encounter", "e"))), locate)
    assert found == Held(
        observation="g",
        grouping="getting-help",
        status="final",
        period=PERIOD,
        days=days_of_period(PERIOD),
        decided_by=(refer(ASH), refer(HAZEL)),
        is_chosen_together=True,
        encounter=("Encounter", "e"),
    )
    assert read_held(observation(), locate).encounter is None


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("another code", {"code": concept("urn:x", "needs-based-grouping")}),
        ("entered in error", {"status": "entered-in-error"}),
        ("cancelled", {"status": "cancelled"}),
        ("without a period", {"effectivePeriod": None}),
        ("without a value", {"valueCodeableConcept": None}),
        ("a value of another system", {"valueCodeableConcept": concept("urn:x", "getting-help")}),
    ],
)
def test_what_is_no_grouping(what, more):
    assert read_held(observation(**more), locate) is None, what


def test_the_grouping_is_the_code_of_our_system_among_others():
    value = {"coding": [*concept("urn:x", "3")["coding"], *concept(GROUPINGS, "thriving")["coding"]]}
    assert read_held(observation(valueCodeableConcept=value), locate).grouping == "thriving"


# Together: the young person or their family, and somebody who works with them.
@pytest.mark.parametrize(
    ("performers", "together"),
    [
        ([refer(ASH), refer(HAZEL)], True),
        ([refer(MUM), refer(("PractitionerRole", "p"))], True),
        ([refer(MUM), refer(("CareTeam", "t"))], True),
        ([refer(ASH), refer(MUM)], False),
        ([refer(HAZEL), refer(("CareTeam", "t"))], False),
        ([refer(ASH)], False),
        ([], False),
        ([refer(ASH), refer(("Organization", "o"))], False),
        ([refer(ASH), {"type": "Practitioner", "identifier": {"value": "1"}}], True),
        ([{"type": "Patient", "identifier": {"value": "1"}}, refer(HAZEL)], True),
        ([refer(ASH), {"identifier": {"value": "1"}}], False),
        ([refer(ASH), {"reference": "nowhere", "type": "Practitioner"}], True),
    ],
)
def test_who_chose_it(performers, together):
    assert read_held(observation(performer=performers), locate).is_chosen_together is together


def test_a_target_elsewhere_is_of_the_type_that_is_stated():
    def elsewhere(text):
        return ("", text) if text.startswith("https:") else locate(text)

    away = {"reference": "https://elsewhere.example/Practitioner/1", "type": "Practitioner"}
    assert read_held(observation(performer=[refer(ASH), away]), elsewhere).is_chosen_together
    del away["type"]
    assert not read_held(observation(performer=[refer(ASH), away]), elsewhere).is_chosen_together


def test_nobody_is_named_by_more_than_a_reference():
    performer = {**refer(HAZEL), "type": "Practitioner", "identifier": {"value": "1"}, "display": "Hazel"}
    [found] = read_held(observation(performer=[performer]), locate).decided_by
    assert found == {name: value for name, value in performer.items() if name != "display"}
    assert read_held(observation(performer=None), locate).decided_by == ()


def test_who_is_masked_is_there_and_nobody():
    mask = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    role = {"url": "https://elsewhere.example/called", "valueString": "Hazel"}
    masked = {"extension": [mask, role], "type": "Practitioner"}
    found = read_held(observation(performer=[refer(ASH), masked]), locate)
    assert found.decided_by == (refer(ASH), {"extension": [mask], "type": "Practitioner"})
    assert found.is_chosen_together


def held(id_, start, end=None, grouping="getting-help"):
    period = {"start": start} if end is None else {"start": start, "end": end}
    return Held(id_, grouping, "final", period, days_of_period(period), (), True, None)


WINTER = held("winter", "2026-01-05", "2026-03-10", "getting-more-help")
SPRING = held("spring", "2026-03-10", "2026-06-01", "thriving")
AUTUMN = held("autumn", "2026-09-01", None, "getting-risk-support")


@pytest.mark.parametrize(
    ("on", "which"),
    [
        ("2026-01-04", None),
        ("2026-01-05", "winter"),
        ("2026-03-09", "winter"),
        ("2026-03-10", "spring"),  # one ends and the next begins
        ("2026-03-11", "spring"),
        ("2026-06-01", "spring"),
        ("2026-06-02", None),
        ("2026-08-31", None),
        ("2026-09-01", "autumn"),
        ("2036-09-01", "autumn"),
    ],
)
def test_the_grouping_of_a_day(on, which):
    for order in ([WINTER, SPRING, AUTUMN], [AUTUMN, SPRING, WINTER]):
        found = present(order, day(on))
        assert (found and found.observation) == which


def test_a_grouping_of_a_single_day_gives_way_to_the_one_that_begins_on_it():
    one_day = held("z", "2026-03-10", "2026-03-10")
    assert present([one_day, SPRING], day("2026-03-10")) == SPRING
    assert present([one_day], day("2026-03-10")) == one_day
    assert present([], day("2026-03-10")) is None


def test_of_two_that_are_alike_one_and_the_same_is_found():
    pair = [held("a", "2026-03-10"), held("b", "2026-03-10")]
    assert present(pair, day("2026-03-10")) == present(pair[::-1], day("2026-03-10")) == pair[1]


def test_history_begins_with_the_earliest():
    assert history([AUTUMN, SPRING, WINTER]) == (WINTER, SPRING, AUTUMN)
    assert history([SPRING, held("a", "2026-03-10", "2026-04-01")])[0].observation == "a"
    assert [each.observation for each in history([held("b", "2026-01-01"), held("a", "2026-01-01")])] == [
        "a",
        "b",
    ]


STARTS = st.integers(day("2026-01-01"), day("2026-12-31"))


@given(
    st.lists(st.tuples(STARTS, st.integers(0, 60), st.sampled_from(FIVE)), max_size=8),
    st.permutations(FIVE),
    STARTS,
)
def test_which_of_the_five_it_is_takes_no_part(given_, others, on):
    """With the five exchanged for one another, the same Observations stand in the same places."""
    exchanged = dict(zip(FIVE, others, strict=True))

    def read(names):
        return [
            held(str(number), text_of_day(start), text_of_day(start + length), names[which])
            for number, (start, length, which) in enumerate(given_)
        ]

    same = {which: which for which in FIVE}
    one, other = read(same), read(exchanged)
    assert [each.observation for each in history(one)] == [each.observation for each in history(other)]
    found, again = (present(each, on) for each in (one, other))
    assert (found and found.observation) == (again and again.observation)

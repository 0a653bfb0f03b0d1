"""Who sees what: the table of docs/sharing.md, and what no combination of rows may do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes import labels
from service.outcomes.moments import LONG_AGO, NEVER
from service.outcomes.sharing import (
    Effect,
    Facts,
    Ground,
    Row,
    Viewer,
    decide,
    facts,
    is_denied,
    is_named_in_denial,
    withholds,
)
from tests.outcomes.clinic import locate, refer
from tests.outcomes.sharing_cases import (
    CAMHS,
    CASES,
    CHILD,
    NOON,
    SCHOOL,
    TO_ALL,
    consent,
    goal,
    labelled,
    patient,
    plan,
    table,
    team,
    to,
)
from tests.outcomes.sharing_cases import labels as narrowed

PAGE = Path(__file__).parents[2] / "docs" / "sharing.md"
GOAL = Facts("ash", closed=False, label=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_who_sees_what(case):
    assert case.decided is case.ground


def test_the_page_shows_these_cases():
    assert table() in PAGE.read_text()


@pytest.mark.parametrize(
    ("label", "there", "withheld"),
    [
        ((), (), False),
        (("R",), (), True),
        (("V",), (), True),
        (("N",), (), False),
        (("R",), (consent("permit", to(SCHOOL)),), True),
        (("R",), (consent("permit", to(SCHOOL), **narrowed("R")),), False),
        (("V",), (consent("permit", to(SCHOOL), **narrowed("R")),), True),
        (("V",), (consent("permit", to(SCHOOL), **narrowed("R", "V")),), False),
        (
            ("R",),
            (consent("permit", TO_ALL, **narrowed("R")), consent("deny", to(SCHOOL), **narrowed("R"))),
            True,
        ),
        (("R",), (consent("permit", to(SCHOOL), **narrowed("R"), period={"end": "2026-11-26"}),), True),
        (("R",), (plan(),), True),
    ],
)
def test_where_a_restricted_young_person_is_is_told_to_those_named_for_it(label, there, withheld):
    rows = [row for each in (patient(*label), team(SCHOOL), *there) for row in facts(each, locate).rows]
    school = Viewer("school", frozenset(), "TREAT", NOON)
    assert decide(GOAL, "Goal", "camhs", rows, school) is not Ground.NONE
    assert withholds(GOAL, "Goal", "camhs", rows, school) is withheld
    assert not withholds(GOAL, "Goal", "school", rows, school), "an author knows what it wrote"


NO = Row("ash", "school", Effect.PARENT_DENY)


@pytest.mark.parametrize(
    ("what", "rows", "denied", "named"),
    [
        ("nothing", [], False, False),
        ("a place in a team", [Row("ash", "school", Effect.TEAM)], False, False),
        ("a parent's denial", [NO], True, True),
        ("the young person's", [replace(NO, effect=Effect.YOUNG_DENY)], True, True),
        ("of its sector", [replace(NO, party="sector|school")], True, True),
        ("of everybody", [replace(NO, party="*")], True, True),
        (
            "of a team that it is in",
            [replace(NO, party="", team="t"), Row("ash", "school", Effect.TEAM, team="t")],
            True,
            True,
        ),
        ("of a team that it is not in", [replace(NO, party="", team="t")], False, False),
        ("of goals", [replace(NO, type="Goal")], False, True),
        ("of what is labelled", [replace(NO, mask=1)], False, True),
        ("for research", [replace(NO, purpose="HRESCH")], False, True),
        ("of another", [replace(NO, party="charity")], False, False),
        ("about another young person", [replace(NO, child="birch")], False, False),
        ("that is over", [replace(NO, high=NOON)], False, False),
        ("by a parent, and of age", [NO, Row("ash", "", Effect.COMING_OF_AGE, low=NOON)], False, False),
        (
            "by a parent, and the young person permits",
            [NO, Row("ash", "school", Effect.YOUNG_PERMIT)],
            False,
            True,
        ),
    ],
)
def test_what_is_denied_to_an_agency(what, rows, denied, named):
    school = Viewer("school", frozenset({"school"}), "TREAT", NOON)
    assert is_denied("ash", "Patient", rows, school) is denied, what
    assert is_named_in_denial("ash", rows, school) is named, what


def test_a_restricted_patient_is_known_to_their_circle_and_a_very_restricted_one_is_not():
    assert facts(patient("R"), locate).label == 0
    assert facts(patient("V"), locate).label == labels.VERY_RESTRICTED
    assert facts(patient("R", "V"), locate).label == labels.VERY_RESTRICTED


@pytest.mark.parametrize(
    ("born", "of_age"),
    [
        ("2010-11-27", "2026-11-27"),
        ("2010-11", "2026-11-30"),
        ("2010", "2026-12-31"),
        ("2084-02-29", "2100-03-01"),
        ("2012-02-29", "2028-02-29"),
    ],
)
def test_somebody_comes_of_age_on_the_day_on_which_they_certainly_are(born, of_age):
    [row] = facts(patient(born=born), locate).rows
    [again] = (
        facts(patient(born=f"{int(of_age[:4]) - 16}{of_age[4:]}"), locate).rows
        if born[5:] != "02-29"
        else [row]
    )
    assert row.effect == Effect.COMING_OF_AGE
    assert row.low == again.low
    assert row.high == NEVER


@pytest.mark.parametrize("born", [None, "", "unknown", "9990"])
def test_without_a_birth_date_that_can_be_used_nobody_comes_of_age(born):
    assert facts({**patient(), "birthDate": born}, locate).rows == ()


def test_what_a_resource_says_of_sharing_is_about_its_child():
    rows = facts(team(SCHOOL, CAMHS), locate).rows
    assert {(row.child, row.party, row.effect, row.team) for row in rows} == {
        ("ash", "school", Effect.TEAM, "t"),
        ("ash", "camhs", Effect.TEAM, "t"),
    }
    assert facts({**team(SCHOOL), "subject": refer(("Group", "all"))}, locate).rows == ()


def test_a_plan_of_another_kind_brings_nobody_in():
    other = {key: value for key, value in plan().items() if key != "extension"}
    assert facts(other, locate).rows == ()


def test_what_is_said_of_another_child_does_not_count():
    [row] = facts(team(SCHOOL), locate).rows
    school = Viewer("school", frozenset(), "TREAT", NOON)
    assert decide(GOAL, "Goal", "camhs", [replace(row, child="bramble")], school) is Ground.NONE


def test_labels_of_other_types_stay():
    assert facts(goal("R"), locate).label == labels.RESTRICTED
    assert facts({**goal(), **labelled("SDV", system=labels.SENSITIVITY)}, locate).label not in {
        0,
        labels.UNKNOWN,
    }


AGENCIES = ("camhs", "school", "charity")
MASKS = st.sampled_from((0, 1, 2, 3))
LOWS, HIGHS = st.sampled_from((LONG_AGO, NOON - 1, NOON, NOON + 1)), st.sampled_from((NOON, NOON + 1, NEVER))
ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(("ash", "bramble")),
        st.sampled_from((*AGENCIES, "*", "sector|school", "")),
        st.sampled_from(list(Effect)).map(int),
        st.sampled_from(("", "Goal", "Observation")),
        st.sampled_from(("", "TREAT", "HRESCH")),
        MASKS,
        LOWS,
        HIGHS,
        st.sampled_from(("", "t")),
    ),
    max_size=8,
)
VIEWERS = st.builds(
    Viewer,
    st.sampled_from(AGENCIES),
    st.sampled_from((frozenset(), frozenset({"school"}))),
    st.just("TREAT"),
    st.just(NOON),
)
LABELS = MASKS.map(lambda label: GOAL._replace(label=label))
DENIAL = Row("ash", "*", Effect.YOUNG_DENY)


@given(ROWS, VIEWERS, LABELS)
def test_an_author_always_sees_it_and_a_denial_keeps_everybody_else_out(rows, viewer, of):
    assert decide(of, "Goal", viewer.agency, rows, viewer) is Ground.AUTHOR
    assert decide(of, "Goal", "nobody", [*rows, DENIAL], viewer) is Ground.NONE


@given(ROWS, VIEWERS, LABELS, MASKS)
def test_a_further_label_opens_nothing_and_a_further_denial_does_not(rows, viewer, of, further):
    more = of._replace(label=of.label | further)
    if decide(of, "Goal", "nobody", rows, viewer) is Ground.NONE:
        assert decide(more, "Goal", "nobody", rows, viewer) is Ground.NONE
        assert decide(of, "Goal", "nobody", [*rows, replace(DENIAL, mask=further)], viewer) is Ground.NONE


@given(ROWS, VIEWERS, LABELS)
def test_nobody_sees_a_record_of_which_nothing_names_them(rows, viewer, of):
    named = {viewer.agency, "*", *(f"sector|{code}" for code in viewer.sectors)}
    foreign = [row for row in rows if row.party not in named and row.team == ""]
    assert decide(of, "Goal", "nobody", foreign, viewer) is Ground.NONE


@given(ROWS, VIEWERS)
def test_it_makes_no_difference_in_which_order_things_are_said(rows, viewer):
    assert decide(GOAL, "Goal", "nobody", rows, viewer) is decide(GOAL, "Goal", "nobody", rows[::-1], viewer)


def test_the_child_of_a_resource_is_who_it_says():
    assert facts(goal(), locate).child == CHILD[1]

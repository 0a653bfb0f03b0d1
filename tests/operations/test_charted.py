"""Which panels a chart has, who is in them, and where sessions were missed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.operations.charted import ATTENDANCE, Wanted, missed_days, panels
from service.operations.rated import Rated
from service.outcomes.days import ALWAYS, days_of_period
from service.outcomes.series import RATERS, read_points
from tests.outcomes.clinic import (
    DAD,
    MUM,
    ROWAN,
    SAGE,
    concept,
    extension,
    level,
    locate,
    own,
    rated_by,
    rating,
)
from tests.pages.charts.drawings import day

ALL = Wanted(frozenset(RATERS), ALWAYS, titles=True, whole=False)
WORDING = {"text": "Sleep through the night"}


def goal(id_, slot=None, status="active", **more):
    slots = [extension("goal-slot", valuePositiveInt=slot)] if slot else []
    extensions = slots + more.pop("extension", [])
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": WORDING,
        **({"extension": extensions} if extensions else {}),
        **more,
    }


def rated(goals, *observations):
    points = tuple(point for one in observations for point in read_points(one, locate))
    return Rated({one["id"]: one for one in goals}, points)


def shown(found):
    return [
        [(line.rater, line.number, [str(mark.value) for mark in line.marks]) for line in panel.lines]
        for panel in found
    ]


def test_a_panel_a_goal_with_raters_side_by_side():
    found = panels(
        rated(
            [goal("g", 2)],
            rating("o3", "g", "5", "2026-03-19", rated_by("clinician"), SAGE),
            rating("o1", "g", "0", "2026-03-05", own(2)),
            rating("o2", "g", "2", "2026-03-12", own(2)),
            rating("p1", "g", "3", "2026-03-05", rated_by("parent"), MUM),
            rating("c1", "g", "4", "2026-03-05", rated_by("clinician"), ROWAN),
        ),
        [],
        ALL,
    )
    assert shown(found) == [
        [
            ("young-person", 0, ["0", "2"]),
            ("parent-or-carer", 0, ["3"]),
            # Staff change; clinicians are one line.
            ("clinician", 0, ["4", "5"]),
        ]
    ]
    [panel] = found
    assert (panel.kind, panel.slot, panel.state, panel.band) == ("score", 2, "open", Decimal(3))
    assert panel.wording == WORDING["text"]


def test_two_parents_are_numbered_by_who_came_first_in_all_goals():
    found = panels(
        rated(
            [goal("g", 1), goal("h", 2)],
            rating("d1", "g", "3", "2026-03-12", rated_by("parent"), DAD),
            rating("m2", "g", "4", "2026-03-19", rated_by("parent"), MUM),
            rating("m1", "h", "5", "2026-03-05", rated_by("parent"), MUM),
        ),
        [],
        ALL,
    )
    # Mum, who rated first, is the first of them in every goal.
    assert shown(found) == [
        [("parent-or-carer", 1, ["4"]), ("parent-or-carer", 2, ["3"])],
        [("parent-or-carer", 1, ["5"])],
    ]


@pytest.mark.parametrize(
    ("raters", "expected"),
    [
        (RATERS, ["young-person", "parent-or-carer"]),
        (("young-person",), ["young-person"]),
        (("parent-or-carer",), ["parent-or-carer"]),
        (("other",), []),
    ],
)
def test_raters_that_are_wanted(raters, expected):
    observations = [
        rating("o", "g", "2", "2026-03-12", own(1)),
        rating("p", "g", "3", "2026-03-05", rated_by("parent"), MUM),
    ]
    wanted = Wanted(frozenset(raters), ALWAYS, titles=True, whole=False)
    [panel] = panels(rated([goal("g", 1)], *observations), [], wanted)
    assert [line.rater for line in panel.lines] == expected


def test_days_that_are_wanted_and_a_baseline_in_them():
    observations = [rating(f"o{n}", "g", str(n), f"2026-03-0{n}", own(1)) for n in range(1, 6)]
    days = days_of_period({"start": "2026-03-02", "end": "2026-03-04"})
    [panel] = panels(
        rated([goal("g", 1)], *observations), [], Wanted(frozenset(RATERS), days, titles=True, whole=False)
    )
    assert shown([panel]) == [[("young-person", 0, ["2", "3", "4"])]]


def test_without_titles_no_wording():
    wanted = Wanted(frozenset(RATERS), ALWAYS, titles=False, whole=False)
    [panel] = panels(rated([goal("g", 1)], rating("o", "g", "2", "2026-03-12", own(1))), [], wanted)
    assert panel.wording == ""


@pytest.mark.parametrize(
    ("description", "wording"),
    [
        (WORDING, WORDING["text"]),
        ({"coding": [{"code": "x"}, {"display": "Sleep"}]}, "Sleep"),
        ({"text": "Own words", "coding": [{"display": "Sleep"}]}, "Own words"),
        ({"coding": [{"code": "x"}]}, ""),
    ],
)
def test_what_a_goal_says(description, wording):
    [panel] = panels(rated([goal("g", 1, description=description)]), [], ALL)
    assert panel.wording == wording


@pytest.mark.parametrize(
    ("status", "state", "unrated"),
    [
        ("proposed", "open", True),
        ("planned", "open", True),
        ("accepted", "open", True),
        ("active", "open", True),
        ("on-hold", "on-hold", False),
        ("completed", "completed", False),
        ("cancelled", "ended", False),
        ("rejected", "ended", False),
    ],
)
def test_goals_that_nobody_rated_are_shown_while_they_are_worked_on(status, state, unrated):
    assert [panel.state for panel in panels(rated([goal("g", 1, status)]), [], ALL)] == [state] * unrated
    # Asked for itself a goal is always shown.
    whole = Wanted(frozenset(RATERS), ALWAYS, titles=True, whole=True)
    assert [panel.state for panel in panels(rated([goal("g", 1, status)]), [], whole)] == [state]
    one = rating("o", "g", "2", "2026-03-12", own(1))
    assert [panel.state for panel in panels(rated([goal("g", 1, status)], one), [], ALL)] == [state]


def test_open_goals_by_slot_then_those_that_ended_by_their_first_rating():
    goals = [
        goal("old", 1, "cancelled"),
        goal("third", 3),
        goal("older", 2, "completed"),
        goal("none"),
        goal("first", 1),
    ]
    observations = [
        rating("a", "old", "2", "2026-02-12", own(1)),
        rating("b", "older", "2", "2026-01-12", own(2)),
        rating("c", "third", "2", "2026-03-12", own(3)),
        rating("d", "first", "2", "2026-04-12", own(1)),
    ]
    found = panels(rated(goals, *observations), [], ALL)
    assert [(panel.slot, panel.state) for panel in found] == [
        (1, "open"),
        (3, "open"),
        (None, "open"),
        (2, "completed"),
        (1, "ended"),
    ]


def test_levels_have_a_panel_of_their_own_without_a_band():
    attained = {"url": "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"}
    assert [panel.kind for panel in panels(rated([goal("g", 1, extension=[attained])]), [], ALL)] == ["level"]
    found = panels(
        rated(
            [goal("g", 1, extension=[attained])],
            level("l1", "g", -2, "2026-03-05", "112296-9"),
            level("l2", "g", 1, "2026-04-05", "107334-5"),
            rating("s", "g", "4", "2026-03-05", own(1)),
        ),
        [],
        ALL,
    )
    assert [(panel.kind, panel.band) for panel in found] == [("score", Decimal(3)), ("level", None)]
    assert shown(found)[1] == [("young-person", 0, ["-2", "1"])]


def test_a_rating_that_was_due_and_not_given_is_missed_unless_it_was_given_that_day():
    found = panels(
        rated(
            [goal("g", 1)],
            rating("o1", "g", "2", "2026-03-05", own(1)),
            rating("o2", "g", None, "2026-03-12", own(1)),
            rating("o3", "g", None, "2026-03-19T10:00:00Z", own(1)),
            rating("o4", "g", "4", "2026-03-19T11:00:00Z", own(1)),
        ),
        [],
        ALL,
    )
    assert found[0].lines[0].missed == (day("2026-03-12"),)


def test_sessions_that_were_missed_between_ratings():
    days = [day(f"2026-03-{number:02}") for number in (1, 5, 9, 9, 12, 19, 25)]
    observations = [rating("a", "g", "2", "2026-03-05", own(1)), rating("b", "g", "4", "2026-03-19", own(1))]
    [panel] = panels(rated([goal("g", 1)], *observations), days, ALL)
    assert panel.missed == (day("2026-03-09"), day("2026-03-12"))
    assert panels(rated([goal("g", 1)]), days, ALL)[0].missed == ()


def encounter(status, code=None, start="2026-03-12T10:00:00Z"):
    attended = [{"url": ATTENDANCE, "valueCodeableConcept": concept("x", code)}] if code else []
    return {
        "resourceType": "Encounter",
        "status": status,
        **({"period": {"start": start}} if start else {}),
        **({"extension": attended} if attended else {}),
    }


@pytest.mark.parametrize(
    ("one", "missed"),
    [
        (encounter("cancelled"), True),
        (encounter("cancelled", "3"), True),
        (encounter("finished"), False),
        (encounter("finished", "5"), False),
        (encounter("finished", "6"), False),
        (encounter("finished", "2"), True),
        (encounter("finished", "3"), True),
        (encounter("finished", "4"), True),
        (encounter("finished", "7"), True),
        (encounter("planned"), False),
        (encounter("cancelled", start=None), False),
        (encounter("cancelled", start="2026-03"), False),
    ],
)
def test_sessions_that_did_not_take_place(one, missed):
    assert list(missed_days([one])) == [day("2026-03-12")] * missed


def test_the_language_of_a_goal_is_kept():
    assert panels(rated([goal("g", 1, language="cy")]), [], ALL)[0].language == "cy"

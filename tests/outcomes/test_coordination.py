from __future__ import annotations

from datetime import date

import pytest

from service.outcomes.coordination import coordinators, named, stand_for, without_coordinator
from service.outcomes.days import ALWAYS, Days
from tests.outcomes.clinic import SNOMED, concept, extension, locate, refer

ON = date(2026, 11, 27).toordinal()
FERN = ("Practitioner", "fern")
MOSS = ("Practitioner", "moss")
ROLE = ("PractitionerRole", "fern-role")
AUNT = ("RelatedPerson", "aunt")
TEAM = ("CareTeam", "t1")
COORDINATOR = concept(SNOMED, "768820003")


def plan(coordinator=FERN, *teams, status: str = "active"):
    names = [] if coordinator is None else [extension("plan-coordinator", valueReference=refer(coordinator))]
    return {
        "resourceType": "CarePlan",
        "status": status,
        "extension": [*names, extension("plan-coordinating-agency")],
        "careTeam": [refer(team) for team in teams or (TEAM,)],
    }


def team(*participants, status: str = "active", **more):
    return {"resourceType": "CareTeam", "status": status, "participant": list(participants), **more}


def coordinates(who=FERN, start: str | None = "2026-01-01", end: str | None = None, role=COORDINATOR):
    period = {name: day for name, day in (("start", start), ("end", end)) if day is not None}
    return {"role": [role], "period": period} | ({} if who is None else {"member": refer(who)})


PERSON = {"resourceType": "Practitioner"}
GOOD_ROLE = {"resourceType": "PractitionerRole", "practitioner": refer(FERN)}


def told(made, known, on: int = ON):
    return [(reason.code, reason.days) for reason in without_coordinator(made, known, on, locate)]


def test_a_plan_with_a_coordinator_in_their_time_is_on_no_list():
    assert told(plan(), {FERN: PERSON, TEAM: team(coordinates())}) == []


# what is known of the person, what is wrong
PEOPLE = [
    (PERSON | {"active": True}, []),
    (PERSON | {"active": False}, [("coordinator-inactive", None)]),
    (PERSON | {"period": {"end": "2026-11-27"}}, []),
    (PERSON | {"period": {"end": "2026-11-26"}}, [("coordinator-inactive", 1)]),
    (PERSON | {"period": {"start": "2026-11-27"}}, []),
    (PERSON | {"period": {"start": "2026-11-28"}}, [("coordinator-inactive", -1)]),
    (None, [("coordinator-gone", None)]),
]


@pytest.mark.parametrize(("person", "expected"), PEOPLE)
def test_the_person_named_is_there_and_at_work(person, expected):
    known = {TEAM: team(coordinates(AUNT))} | ({} if person is None else {AUNT: person})
    assert told(plan(AUNT), known) == expected


# the role, the person behind it, what is wrong
ROLES = [
    (GOOD_ROLE, PERSON, []),
    (GOOD_ROLE, None, [("coordinator-gone", None)]),
    (GOOD_ROLE, PERSON | {"active": False}, [("coordinator-inactive", None)]),
    (GOOD_ROLE | {"active": False}, PERSON, [("coordinator-inactive", None)]),
    (GOOD_ROLE | {"period": {"end": "2026-11-26"}}, PERSON, [("coordinator-inactive", 1)]),
    ({"resourceType": "PractitionerRole"}, None, []),
    (GOOD_ROLE | {"practitioner": {"display": "invented"}}, None, []),
]


@pytest.mark.parametrize(("role", "person", "expected"), ROLES)
def test_a_role_is_as_active_as_the_person_behind_it(role, person, expected):
    known = {ROLE: role, TEAM: team(coordinates(ROLE))} | ({} if person is None else {FERN: person})
    assert told(plan(ROLE), known) == expected


# participants of the team, what is wrong
TEAMS = [
    ([coordinates()], []),
    ([coordinates(end="2026-11-27")], []),
    ([coordinates(end="2026-11-26")], [("team-coordinator-missing", 1)]),
    ([coordinates(start="2026-11-27")], []),
    ([coordinates(start="2026-11-28")], [("team-coordinator-missing", None)]),
    ([coordinates(start=None)], []),
    ([], [("team-coordinator-missing", None)]),
    ([coordinates(role=concept(SNOMED, "1"))], [("team-coordinator-missing", None)]),
    (
        [coordinates(end="2026-06-01"), coordinates(MOSS, end="2026-11-01")],
        [("team-coordinator-missing", 26)],
    ),
    ([coordinates(MOSS)], [("team-coordinator-differs", None)]),
    ([coordinates(MOSS, end="2026-11-27"), coordinates(start="2026-11-27")], []),  # the day of a handover
    (
        [coordinates(end="2026-11-20"), coordinates(MOSS, start="2026-11-20")],
        [("team-coordinator-differs", None)],
    ),
    ([coordinates(None)], []),  # somebody who is told in another way than by a reference
]


@pytest.mark.parametrize(("participants", "expected"), TEAMS)
def test_the_team_has_the_coordinator_for_the_day(participants, expected):
    assert told(plan(), {FERN: PERSON, MOSS: PERSON, TEAM: team(*participants)}) == expected


# the team, what is wrong
STATES = [
    (team(coordinates(), status="inactive"), [("team-inactive", None)]),
    (team(coordinates(), status="proposed"), [("team-inactive", None)]),
    (team(coordinates(), period={"end": "2026-11-27"}), []),
    (team(coordinates(), period={"end": "2026-11-26"}), [("team-inactive", None)]),
    (team(coordinates(), period={"start": "2026-11-27"}), []),
    (team(coordinates(), period={"start": "2026-11-28"}), [("team-inactive", None)]),
    (None, [("team-inactive", None)]),
]


@pytest.mark.parametrize(("state", "expected"), STATES)
def test_the_team_is_there_and_active(state, expected):
    assert told(plan(), {FERN: PERSON} | ({} if state is None else {TEAM: state})) == expected


def test_one_active_team_of_several_is_enough():
    other = ("CareTeam", "t2")
    known = {FERN: PERSON, TEAM: team(coordinates(MOSS), status="inactive"), other: team(coordinates())}
    assert told(plan(FERN, TEAM, other), known) == []
    [reason] = without_coordinator(plan(FERN, TEAM, other), {FERN: PERSON}, ON, locate)
    assert reason.about == (TEAM, other)


@pytest.mark.parametrize(("named_as", "listed_as"), [(ROLE, FERN), (FERN, ROLE), (ROLE, ROLE), (FERN, FERN)])
def test_a_person_and_their_role_are_one_coordinator(named_as, listed_as):
    known = {FERN: PERSON, ROLE: GOOD_ROLE, TEAM: team(coordinates(listed_as))}
    assert told(plan(named_as), known) == []


def test_what_is_kept_elsewhere_counts_as_it_should_be():
    elsewhere = ("", "https://other.example.org/fhir/Practitioner/1")
    team_elsewhere = ("", "https://other.example.org/fhir/CareTeam/1")

    def find(text):
        return ("", text) if text.startswith("https:") else locate(text)

    def away(target):
        return {"reference": target[1]}

    made = plan()
    made["extension"][0]["valueReference"] = away(elsewhere)
    made["careTeam"] = [away(team_elsewhere)]
    assert without_coordinator(made, {}, ON, find) == ()
    assert named(made, find) == ()
    made["careTeam"] = [refer(TEAM)]
    reasons = without_coordinator(made, {TEAM: team(coordinates(FERN)), FERN: PERSON}, ON, find)
    assert [reason.code for reason in reasons] == ["team-coordinator-differs"]


def test_a_plan_that_names_nobody():
    assert told(plan(None), {TEAM: team(coordinates())}) == [("coordinator-missing", None)]


def test_both_faults_are_told():
    assert told(plan(), {}) == [("coordinator-gone", None), ("team-inactive", None)]


@pytest.mark.parametrize(
    ("status", "followed"),
    [("active", True), ("on-hold", True), ("draft", False), ("completed", False), ("revoked", False)],
)
def test_only_plans_that_are_followed_want_a_coordinator(status, followed):
    assert bool(told(plan(status=status), {})) is followed


def test_somebody_elses_plan_is_none_of_ours():
    assert told({"resourceType": "CarePlan", "status": "active"}, {}) == []


def test_reasons_name_whom_they_are_about():
    [gone] = without_coordinator(plan(), {TEAM: team(coordinates())}, ON, locate)
    assert gone.about == (FERN,)
    [behind] = without_coordinator(plan(ROLE), {ROLE: GOOD_ROLE, TEAM: team(coordinates(ROLE))}, ON, locate)
    assert behind.about == (ROLE, FERN)
    known = {ROLE: GOOD_ROLE, FERN: PERSON | {"active": False}, TEAM: team(coordinates(ROLE))}
    [inactive] = without_coordinator(plan(ROLE), known, ON, locate)
    assert inactive.about == (ROLE, FERN)
    [differs] = without_coordinator(plan(), {FERN: PERSON, TEAM: team(coordinates(MOSS))}, ON, locate)
    assert differs.about == (TEAM, MOSS)
    [ended] = without_coordinator(
        plan(), {FERN: PERSON, TEAM: team(coordinates(end="2026-11-01"))}, ON, locate
    )
    assert ended.about == (TEAM,)
    assert (
        ended.text
        == "The time of the last coordinator of the care team ended on 2026-11-01, 26 days before 2026-11-27."
    )
    [nobody] = without_coordinator(plan(), {FERN: PERSON, TEAM: team()}, ON, locate)
    assert nobody.about == (TEAM,)
    [over] = without_coordinator(
        plan(AUNT), {AUNT: {"period": {"end": "2026-11-20"}}, TEAM: team(coordinates(AUNT))}, ON, locate
    )
    assert (over.day, over.about) == (ON - 7, (AUNT,))
    [ahead] = without_coordinator(
        plan(AUNT), {AUNT: {"period": {"start": "2026-12-01"}}, TEAM: team(coordinates(AUNT))}, ON, locate
    )
    assert (ahead.day, ahead.about) == (ON + 4, (AUNT,))


def test_the_coordinator_is_found_among_other_extensions():
    made = plan()
    made["extension"].insert(0, extension("plan-coordinating-agency", valueReference=refer(MOSS)))
    assert named(made, locate) == (FERN, TEAM)
    assert told(made, {FERN: PERSON, TEAM: team(coordinates())}) == []


def test_what_is_to_be_read_of_a_plan():
    assert named(plan(), locate) == (FERN, TEAM)
    assert named(plan(None), locate) == (TEAM,)
    assert named(plan(FERN, TEAM, TEAM), locate) == (FERN, TEAM)
    assert named({}, locate) == ()


def test_who_stands_behind_roles():
    assert stand_for([GOOD_ROLE, GOOD_ROLE, PERSON, {"resourceType": "PractitionerRole"}], locate) == (FERN,)
    assert stand_for([{"resourceType": "Goal", "practitioner": refer(FERN)}], locate) == ()


def test_the_coordinators_of_a_team():
    made = team(coordinates(), coordinates(None, None), {"member": refer(MOSS)})
    assert coordinators(made, locate) == (
        (FERN, Days(date(2026, 1, 1).toordinal(), ALWAYS.last)),
        (None, ALWAYS),
    )
    assert coordinators({}, locate) == ()

from __future__ import annotations

import pytest

from service.outcomes.circles import is_in_circle, rows_of_team
from service.outcomes.days import days_of
from service.outcomes.grants import MOST_ROWS, Effect
from service.outcomes.moments import EVER, Span, span_of
from tests.outcomes.clinic import locate, refer

SCHOOL, TRUST = ("Organization", "school"), ("Organization", "trust")
FERN = ("Practitioner", "fern")
TODAY = days_of("2026-11-27").first


def team(*participants, status="active", **more):
    return {"resourceType": "CareTeam", "status": status, "participant": list(participants), **more}


def member(who, **more):
    return {"member": refer(who), **more}


ENDED, TO_COME = {"period": {"end": "2026-11-26"}}, {"period": {"start": "2026-11-28"}}


@pytest.mark.parametrize(
    ("what", "teams", "included"),
    [
        ("no team", [], False),
        ("a team of others", [team(member(TRUST), member(FERN))], False),
        ("a member", [team(member(TRUST), member(SCHOOL))], True),
        ("a member of the second team", [team(member(TRUST)), team(member(SCHOOL))], True),
        ("whom a member acts for", [team(member(FERN, onBehalfOf=refer(SCHOOL)))], True),
        ("who manages it", [team(managingOrganization=[refer(TRUST), refer(SCHOOL)])], True),
        ("a member of a team that is over", [team(member(SCHOOL), status="inactive")], False),
        ("a member of a team that is planned", [team(member(SCHOOL), status="proposed")], False),
        (
            "who manages a team that is over",
            [team(status="inactive", managingOrganization=[refer(SCHOOL)])],
            False,
        ),
        ("a member until yesterday", [team(member(SCHOOL, **ENDED))], False),
        ("a member until today", [team(member(SCHOOL, period={"end": "2026-11-27"}))], True),
        ("a member from today", [team(member(SCHOOL, period={"start": "2026-11-27"}))], True),
        ("a member from tomorrow", [team(member(SCHOOL, **TO_COME))], False),
        (
            "whom a member acted for until yesterday",
            [team(member(FERN, onBehalfOf=refer(SCHOOL), **ENDED))],
            False,
        ),
        ("a team of which nothing is said", [{"status": "active"}], False),
    ],
)
def test_who_is_in_the_circle(what, teams, included):
    assert is_in_circle(SCHOOL, teams, TODAY, locate) is included, what


def test_a_team_of_more_agencies_than_are_read_brings_none_in():
    agencies = [("Organization", f"a{number}") for number in range(MOST_ROWS + 1)]
    most = [member(agency) for agency in agencies[:-1]]
    assert len(list(rows_of_team(team(*most, *most), "ash", locate))) == MOST_ROWS
    assert list(rows_of_team(team(*map(member, agencies)), "ash", locate)) == []


SPRING, SUMMER = {"start": "2026-03-01", "end": "2026-05-31"}, {"start": "2026-06-01", "end": "2026-08-31"}


@pytest.mark.parametrize(
    ("what", "made", "rows"),
    [
        ("a member", team(member(SCHOOL)), [("school", EVER)]),
        ("whom a member acts for", team(member(FERN, onBehalfOf=refer(SCHOOL))), [("school", EVER)]),
        ("who manages it", team(managingOrganization=[refer(TRUST)]), [("trust", EVER)]),
        ("a person, or a role", team(member(FERN), member(("PractitionerRole", "r"))), []),
        ("an agency kept elsewhere", team(member(("", "https://elsewhere.example/Organization/1"))), []),
        ("a member for a time", team(member(SCHOOL, period=SPRING)), [("school", span_of(SPRING))]),
        ("a member of a team for a time", team(member(SCHOOL), period=SPRING), [("school", span_of(SPRING))]),
        ("a member before the team's time", team(member(SCHOOL, period=SPRING), period=SUMMER), []),
        ("a time that cannot be read", team(member(SCHOOL, period={"start": "soon"})), []),
        ("a team's time that cannot be read", team(member(SCHOOL), period={"start": "soon"}), []),
        ("a team that is over", team(member(SCHOOL), status="inactive"), []),
    ],
)
def test_the_rows_of_a_team(what, made, rows):
    found = list(rows_of_team({**made, "id": "t"}, "ash", locate))
    assert [(row.party, Span(row.low, row.high)) for row in found] == rows, what
    assert {(row.child, row.effect, row.team, row.type, row.purpose, row.mask) for row in found} <= {
        ("ash", Effect.TEAM, "t", "", "", 0)
    }

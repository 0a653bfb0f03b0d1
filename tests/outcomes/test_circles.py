from __future__ import annotations

import pytest

from service.outcomes.circles import is_in_circle
from service.outcomes.days import days_of
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

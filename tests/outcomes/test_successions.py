from __future__ import annotations

import pytest

from service.outcomes.days import days_of
from service.outcomes.successions import (
    Succession,
    agency_of,
    coordinated_team,
    coordinates_now,
    coordinator_of,
    is_at_work,
    permission_wanted,
    review_date,
    revived_team,
    successor,
    without_generated,
)
from tests.outcomes.clinic import SNOMED, concept, extension, locate, refer

FERN, MOSS, HAZEL = ("Practitioner", "fern"), ("Practitioner", "moss"), ("PractitionerRole", "hazel")
TRUST, SCHOOL = ("Organization", "trust"), ("Organization", "school")
DAY = "2026-11-27"
NOW = Succession(refer(MOSS), refer(SCHOOL), DAY, "2027-02-19")
ORDINAL = days_of(DAY).first
GROUPING = extension("plan-grouping", valueCodeableConcept={"text": "Getting Help"})
ENDING = extension("plan-agreed-ending", valueString="when school is managed again")


def plan(**more):
    return {
        "resourceType": "CarePlan",
        "id": "old",
        "language": "en-GB",
        "text": {"status": "generated"},
        "identifier": [{"value": "1"}],
        "extension": [
            extension("plan-coordinator", valueReference=refer(FERN)),
            extension("plan-coordinating-agency", valueReference=refer(TRUST)),
            extension("plan-review-date", valueDate="2026-12-20"),
            GROUPING,
            ENDING,
        ],
        "basedOn": [refer(("CarePlan", "older"))],
        "replaces": [refer(("CarePlan", "oldest"))],
        "status": "active",
        "_status": {"id": "s"},
        "encounter": refer(("Encounter", "e")),
        "period": {"start": "2026-09-01"},
        "created": "2026-09-01",
        "_created": {"id": "c"},
        "author": refer(FERN),
        "goal": [refer(("Goal", "g"))],
        "activity": [{"detail": {"description": "the next step"}}],
        "note": [{"text": "of long ago"}],
        "meta": {"security": [{"code": "R"}]},
        **more,
    }


def coordinated(*more):
    return [
        extension("plan-coordinator", valueReference=refer(MOSS)),
        extension("plan-coordinating-agency", valueReference=refer(SCHOOL)),
        extension("plan-review-date", valueDate="2027-02-19"),
        *more,
    ]


@pytest.mark.parametrize("way", ["replaces", "basedOn"])
def test_what_was_agreed_goes_over_and_what_is_the_old_plans_own_does_not(way):
    assert successor(plan(), "new", NOW, way) == {
        "resourceType": "CarePlan",
        "id": "new",
        "language": "en-GB",
        "extension": coordinated(GROUPING, ENDING),
        way: [refer(("CarePlan", "old"))],
        "status": "active",
        "period": {"start": DAY},
        "created": DAY,
        "author": refer(MOSS),
        "goal": [refer(("Goal", "g"))],
        "activity": [{"detail": {"description": "the next step"}}],
        "note": [{"text": "of long ago"}],
        "meta": {"security": [{"code": "R"}]},
    }


def test_a_plan_that_says_little():
    assert successor({"id": "old"}, "new", NOW, "replaces")["extension"] == coordinated()


@pytest.mark.parametrize(
    ("way", "planned", "kept"),
    [
        ("replaces", None, False),
        ("replaces", "2026-11-26", False),
        ("replaces", DAY, False),
        ("replaces", "2026-11-28", True),
        ("replaces", "2026-11", True),
        ("replaces", "2026-12", True),
        ("basedOn", "2026-12", False),
    ],
)
def test_a_planned_end(way, planned, kept):
    period = {"start": "2026-09-01"} | ({} if planned is None else {"end": planned})
    new = successor(plan(period=period), "new", NOW, way)
    assert new["period"] == {"start": DAY} | ({"end": planned} if kept else {})


def test_what_a_plan_says_of_its_coordination():
    assert (coordinator_of(plan()), agency_of(plan()), review_date(plan())) == (
        refer(FERN), refer(TRUST), "2026-12-20",
    )  # fmt: skip
    for bare in ({}, plan(extension=[GROUPING])):
        assert (coordinator_of(bare), agency_of(bare), review_date(bare)) == (None, None, None)


@pytest.mark.parametrize(("day", "ordinal"), [(DAY, ORDINAL), ("soon", 0)])
def test_the_day_in_numbers(day, ordinal):
    assert Succession({}, {}, day, "").ordinal == ordinal


def test_narratives():
    assert without_generated({"text": {"status": "generated"}, "id": "x"}) == {"id": "x"}
    for kept in ({"text": {"status": "additional"}, "id": "x"}, {"id": "x"}):
        assert without_generated(kept) == kept


ROLE = concept(SNOMED, "768820003")


def coordinator(who=FERN, **period):
    made = {"role": [{"text": "psychologist"}, ROLE], "member": refer(who)}
    return made | ({"period": period} if period else {})


def involved(who, **more):
    return {"role": [{"text": "Agency involved"}], "member": refer(who), **more}


def team(*participants, **more):
    return {"resourceType": "CareTeam", "status": "active", "participant": list(participants), **more}


@pytest.mark.parametrize(
    ("what", "participant", "now"),
    [
        ("without period", coordinator(), True),
        ("since long", coordinator(start="2026-09-01"), True),
        ("from today", coordinator(start=DAY), True),
        ("from tomorrow", coordinator(start="2026-11-28"), False),
        ("until yesterday", coordinator(end="2026-11-26"), False),
        ("until today", coordinator(end=DAY), False),
        ("until tomorrow", coordinator(end="2026-11-28"), True),
        ("another role", involved(TRUST), False),
        ("no role", {"member": refer(FERN)}, False),
    ],
)
def test_who_coordinates_on_a_day(what, participant, now):
    assert coordinates_now(team(involved(SCHOOL), participant), ORDINAL) is now, what


def test_a_team_of_nobody():
    assert not coordinates_now({}, ORDINAL)


@pytest.mark.parametrize(
    ("status", "at_work"),
    [("proposed", True), ("active", True), ("suspended", True), ("inactive", False), ("entered-in-error", False), (None, False)],
)  # fmt: skip
def test_teams_at_work(status, at_work):
    assert is_at_work({"status": status}) is at_work


def new_coordinator(who=MOSS, **more):
    role = {"coding": [{"system": SNOMED, "code": "768820003", "display": "Care coordinator (occupation)"}]}
    return {"role": [role], "member": refer(who), "period": {"start": DAY}, **more}


def test_a_team_gets_its_new_coordinator():
    earlier, later = coordinator(HAZEL, end="2026-09-01"), coordinator(HAZEL, start="2026-12-24")
    before = team(
        earlier, coordinator(start="2026-09-01"), later, involved(TRUST), text={"status": "generated"}
    )
    assert coordinated_team(before, NOW, locate, TRUST) == team(
        earlier,
        coordinator(start="2026-09-01", end=DAY),
        later,
        involved(TRUST),
        new_coordinator(onBehalfOf=refer(SCHOOL)),
        involved(SCHOOL),
    )


@pytest.mark.parametrize(
    ("what", "member", "added"),
    [
        ("is a member", involved(SCHOOL), False),
        ("is one until today", involved(SCHOOL, period={"end": DAY}), False),
        ("was one until yesterday", involved(SCHOOL, period={"end": "2026-11-26"}), True),
        ("is none", involved(TRUST), True),
    ],
)
def test_the_agency_becomes_a_member(what, member, added):
    participants = coordinated_team(team(member), NOW, locate, None)["participant"]
    assert participants == [
        member,
        new_coordinator(onBehalfOf=refer(SCHOOL)),
        *([involved(SCHOOL)] if added else []),
    ], what


def test_only_a_practitioner_acts_on_behalf_of_an_agency():
    now = Succession(refer(HAZEL), refer(SCHOOL), DAY, DAY)
    assert coordinated_team({}, now, locate, None)["participant"] == [
        new_coordinator(HAZEL),
        involved(SCHOOL),
    ]
    nowhere = Succession({"display": "somebody"}, refer(SCHOOL), DAY, DAY)
    assert "onBehalfOf" not in coordinated_team({}, nowhere, locate, None)["participant"][0]


@pytest.mark.parametrize(
    ("before", "managing", "after"),
    [
        (TRUST, [TRUST], [SCHOOL]),
        (TRUST, [("Organization", "other"), TRUST, SCHOOL], [SCHOOL, ("Organization", "other")]),
        (TRUST, [("Organization", "other")], [("Organization", "other")]),
        (None, [TRUST], [TRUST]),
    ],
)
def test_who_manages_the_team(before, managing, after):
    changed = coordinated_team(team(managingOrganization=list(map(refer, managing))), NOW, locate, before)
    assert changed["managingOrganization"] == list(map(refer, after))


def test_who_manages_in_words_stays():
    managed = team(managingOrganization=[{"display": "a charity"}])
    assert coordinated_team(managed, NOW, locate, None)["managingOrganization"] == [{"display": "a charity"}]


def test_a_team_that_nobody_manages():
    assert "managingOrganization" not in coordinated_team(team(), NOW, locate, TRUST)


def test_a_team_at_work_again():
    over = team(status="inactive", period={"start": "2026-01-01", "end": "2026-09-01"})
    assert revived_team(over) == team(period={"start": "2026-01-01"})
    for little in (team(status="inactive"), team(status="inactive", period={"end": "2026-09-01"})):
        assert revived_team(little) == team()


def labelled(type_, *codes, system="http://terminology.hl7.org/CodeSystem/v3-Confidentiality"):
    return {"resourceType": type_, "meta": {"security": [{"system": system, "code": code} for code in codes]}}


@pytest.mark.parametrize(
    ("plan", "patient", "said"),
    [
        (labelled("CarePlan"), labelled("Patient"), []),
        (labelled("CarePlan", "N"), labelled("Patient", "N"), []),
        (labelled("CarePlan"), None, []),
        (labelled("CarePlan"), labelled("Patient", "R"), [(None, "for R.")]),
        (labelled("CarePlan"), labelled("Patient", "V"), [(None, "for V.")]),
        (labelled("CarePlan"), labelled("Patient", "V", "R"), [(None, "for R and V.")]),
        (labelled("CarePlan", "R"), labelled("Patient"), [("CarePlan.meta.security", "for each of them.")]),
        (
            labelled("CarePlan", "R"),
            labelled("Patient", "R"),
            [("CarePlan.meta.security", "for each of them."), (None, "for R.")],
        ),
        # What is sensitive in another way does not make the young person restricted.
        (
            labelled("CarePlan", "PSY", system="http://terminology.hl7.org/CodeSystem/v3-ActCode"),
            labelled("Patient", "PSY", system="http://terminology.hl7.org/CodeSystem/v3-ActCode"),
            [("CarePlan.meta.security", "for each of them.")],
        ),
    ],
)
def test_what_a_new_coordinator_needs_a_permission_for(plan, patient, said):
    issues = permission_wanted(plan, patient)
    assert [(issue.expression, issue.text.rpartition("names that agency ")[2]) for issue in issues] == said
    assert {(issue.severity, issue.slug) for issue in issues} <= {
        ("warning", "coordinator-permission-wanted")
    }

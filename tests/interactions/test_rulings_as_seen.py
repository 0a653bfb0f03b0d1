"""The rules of the clinic tell nobody what they do not see: their answers are alike whatever is hidden.

Source: ADR 0022, ADR 0023, docs/sharing.md
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Problem
from service.fhir.validation.validator import Validator
from service.interactions.content import content
from tests.interactions import clinic
from tests.interactions.clinic import extension, refer
from tests.interactions.sessions import session
from tests.outcomes.sharing_cases import labelled

HIDDEN = {"resourceType": "Patient", "id": "ash", "birthDate": "2011-03-04"}


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


@pytest.fixture
def context(context):
    return replace(context, references=True)


async def outcome(doing):
    """Everything that an act is told."""
    try:
        answer = await doing
    except Problem as problem:
        return problem.status, [(issue.slug, issue.text, issue.expression) for issue in problem.issues]
    return answer.status, [(issue.slug, issue.text, issue.expression) for issue in answer.issues]


def plan(agency="camhs", id_="p1", whose="ash", coordinator="fern", **more):
    made = clinic.plan(id_, coordinator, **more) | {"subject": refer(f"Patient/{whose}")}
    named = extension("plan-coordinating-agency", valueReference=refer(f"Organization/{agency}"))
    return made | {"extension": [*made["extension"], named]}


def episode(id_="e1", status="finished", whose="ash", agency="school"):
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": status,
        "patient": refer(f"Patient/{whose}"),
        "managingOrganization": refer(f"Organization/{agency}"),
    }


def of(whose, resource):
    return {**resource, "subject": refer(f"Patient/{whose}")}


# What there is of a young person, and what the school writes of one whom it does not see.
UNSEEN = [
    ("an active goal in the slot", [clinic.goal()], lambda whose: clinic.goal("g2", whose)),
    ("a plan in the period", [plan()], lambda whose: plan("school", "p2", whose, "moss")),
    ("a grouping in the period", [clinic.grouping("n1", "2026-01-01")],
     lambda whose: clinic.grouping("n2", "2026-01-01", whose=whose)),
    ("an ended episode", [episode()], lambda whose: episode("e2", "active", whose)),
    ("a score of the response", [clinic.answers(subject=refer("Patient/ash")), of("ash", clinic.collaborate_score())],
     lambda whose: of(whose, clinic.collaborate_score("cs2", "c1" if whose == "ash" else "c9", "0-4"))),
    ("a level of the goal", [clinic.goal(), clinic.score()],
     lambda whose: clinic.session("r2", "g1" if whose == "ash" else "g9", whose)),
]  # fmt: skip


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a transaction"])
@pytest.mark.parametrize(("what", "there", "written"), UNSEEN, ids=[row[0] for row in UNSEEN])
async def test_of_a_young_person_whom_one_does_not_see_the_rules_know_nothing(
    school, admin, what, there, written, together
):
    for id_ in ("camhs", "school"):
        await admin.put({"resourceType": "Organization", "id": id_, "name": id_})
    for id_ in ("fern", "moss"):
        await admin.put({"resourceType": "Practitioner", "id": id_})
    for resource in (HIDDEN, *there):
        await admin.put(resource)

    async def told(whose):
        resource = written(whose)
        doing = school.together(clinic.entry_of(resource)) if together else school.put(resource)
        status, issues = await outcome(doing)
        return status, str(issues).replace("c9", "c1").replace("g9", "g1")

    status, issues = hidden = await told("ash")
    assert status == 422
    assert "reference-missing" in issues
    assert hidden == await told("nobody"), what


@pytest.mark.parametrize(("what", "there", "written"), UNSEEN, ids=[row[0] for row in UNSEEN])
async def test_nor_where_references_are_not_enforced(school, admin, what, there, written):
    """Then it is the young person alone who must be seen, and all is told of whoever is not."""
    free = replace(school, context=replace(school.context, references=False))
    for resource in (HIDDEN, *there):
        await replace(admin, context=free.context).put(resource)
    assert await outcome(free.put(written("ash"))) == await outcome(free.put(written("nobody"))), what


@pytest.fixture
async def restricted(admin):
    """A young person whose whereabouts are withheld from the school, which is in their team."""
    for id_ in ("camhs", "school", "charity"):
        await admin.put({"resourceType": "Organization", "id": id_, "name": id_})
    for id_ in ("fern", "moss"):
        await admin.put({"resourceType": "Practitioner", "id": id_})
    await admin.put({**HIDDEN, **labelled("R")})
    await admin.put(
        {
            "resourceType": "CareTeam",
            "id": "t1",
            "status": "active",
            "subject": refer("Patient/ash"),
            "participant": [{"member": refer(f"Organization/{agency}")} for agency in ("camhs", "school")],
        }
    )


CLAIMS = [plan(agency, "p2", "ash", who) for agency in ("camhs", "charity") for who in ("fern", "moss")]
OVERLAP = (422, "plan-coordinator-overlap")


def told_of(outcome):
    """Status and slug of an outcome of one issue at most."""
    status, issues = outcome
    return status, *(slug for slug, *_ in issues)


@pytest.mark.parametrize("label", ["N", "R", "V"])
async def test_a_plan_that_one_does_not_see_whole_is_in_the_way_of_any_other(
    school, admin, restricted, label
):
    for agency, who in (("camhs", "fern"), ("charity", "moss")):
        await admin.put(plan(agency, "p1", "ash", who) | labelled(label))
        outcomes = [await outcome(school.put(claim)) for claim in CLAIMS]
        outcomes += [await outcome(school.together(clinic.entry_of(claim))) for claim in CLAIMS]
        assert {told_of(each) for each in outcomes} == {OVERLAP}
        assert not any(name in str(outcomes) for name in ("p1", "camhs", "charity", "fern", "moss"))


async def test_a_plan_that_goes_on_is_not_held_up_by_one_that_is_not_seen(school, admin, restricted):
    """Both ran before the label came; the answer is the same whoever coordinates the other."""
    await admin.put(HIDDEN | labelled("N"))
    mine = plan("camhs", "p2", "ash", "fern", period={"start": "2026-03-01", "end": "2026-06-01"})
    assert told_of(await outcome(school.put(mine))) == (201,)
    await admin.put(plan("camhs", "p1", "ash", "fern"))
    await admin.put(HIDDEN | labelled("R"))
    for other in (plan("camhs", "p1", "ash", "fern"), plan("camhs", "p1", "ash", "fern") | labelled("V")):
        await admin.put(other)
        note = {"note": [{"text": str(len(other))}]}
        assert told_of(await outcome(school.put(mine | note))) == (200,)
        assert told_of(await outcome(school.put(mine | {"status": "on-hold"}))) == (200,)
        shorter, longer = ({"period": mine["period"] | {"end": day}} for day in ("2026-05-01", "2026-07-01"))
        assert told_of(await outcome(school.put(mine | longer))) == OVERLAP
        assert told_of(await outcome(school.put(plan("charity", "p2", "ash", "fern", **shorter)))) == OVERLAP


@pytest.mark.parametrize("agency", ["camhs", "charity"])
async def test_an_episode_whose_agency_is_withheld_is_not_warned_of(school, admin, restricted, agency):
    await admin.put(episode("e1", agency=agency))
    assert await outcome(school.put(episode("e2", "active", agency="camhs"))) == (201, [])


async def test_the_level_of_a_goal_that_one_does_not_see_is_not_told_of(school, admin, restricted):
    """The code of a level says whether it is the first one; of a hidden goal nobody learns that there were any."""
    context = replace(school.context, references=False)
    await replace(admin, context=context).put(clinic.goal() | labelled("V"))
    loose = replace(school, context=context)
    for number in (1, 2):
        form = session({}, {1: 2}, id=f"r{number}", authored=f"2026-03-0{number}T16:00:00Z")
        form.pop("encounter", None)
        await (loose if number == 2 else replace(admin, context=context)).put(form | labelled("V"))
    stored = context.store.everything(school.act.caller.locality, ["Observation"])
    codes = [(one.author, content(one)["code"]["coding"][0]["code"]) async for one in stored]
    assert sorted(codes) == [("school", "112296-9"), ("service", "112296-9")]


async def test_the_scale_of_a_response_that_one_does_not_see_is_not_told_of(school, admin, restricted):
    context = replace(school.context, references=False)
    hidden = (clinic.answers(subject=refer("Patient/ash")), of("ash", clinic.collaborate_score()))
    for resource in hidden:
        await replace(admin, context=context).put(resource | labelled("V"))
    loose = replace(school, context=context)
    for source in ("c1", "never-was"):
        claim = of("ash", clinic.collaborate_score(f"of-{source}", source, "0-4"))
        assert await outcome(loose.put(claim)) == (201, [])

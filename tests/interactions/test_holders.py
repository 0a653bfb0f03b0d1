"""Who coordinates, and what help there was: told to those only who may know.

Source: docs/rules.md
"""

from __future__ import annotations

import pytest

from service.access.callers import Caller
from service.fhir.problems import Invalid
from service.fhir.validation.validator import Validator
from service.interactions.context import Act
from service.interactions.holders import may_know
from service.interactions.surroundings import Surroundings
from service.interactions.transaction import rehearse
from tests.interactions.builders import bundle
from tests.interactions.clinic import entry_of, extension, given, plan, put, refer, together

ASH = ("Patient", "ash")
TRUST = ("Organization", "trust")
YESTERDAY, TODAY = "2023-11-13", "2023-11-14"  # by the tests' clock


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


def by(act, agency, *, administrator=False):
    return Act(Caller("their system", agency, act.caller.locality, administrator), "request-9")


def team(agency="school", whose="ash", status="active", **period):
    member = {"member": refer(f"Organization/{agency}")} | ({"period": period} if period else {})
    return {
        "resourceType": "CareTeam",
        "id": f"around-{whose}",
        "status": status,
        "subject": refer(f"Patient/{whose}"),
        "participant": [member],
    }


@pytest.mark.parametrize(
    ("what", "agency", "there", "knows"),
    [
        ("the agency itself", "trust", [], True),
        ("another", "school", [], False),
        ("one in a team of the young person", "school", [team()], True),
        ("one in a team of another", "school", [team(whose="birch")], False),
        ("one in a team that is over", "school", [team(status="inactive")], False),
        ("one that was in it until yesterday", "school", [team(end=YESTERDAY)], False),
        ("one that is in it until today", "school", [team(end=TODAY)], True),
        ("one beside another in the team", "school", [team("charity")], False),
    ],
)
async def test_who_may_know(context, act, what, agency, there, knows):
    await given(context, act, *there)
    around = Surroundings(context, by(act, agency), ())
    assert await may_know(TRUST, ASH, around) is knows, what
    assert around.expectations == ()


async def test_administrators_may(context, act):
    assert await may_know(TRUST, ASH, Surroundings(context, by(act, "desk", administrator=True), ()))


async def test_of_nobody_in_particular_only_the_agency_knows(context, act):
    await given(context, act, team())
    assert not await may_know(TRUST, None, Surroundings(context, by(act, "school"), ()))
    assert await may_know(TRUST, None, Surroundings(context, by(act, "trust"), ()))


def held(id_="p1", coordinator="fern", agency="trust"):
    made = plan(id_, coordinator)
    made["extension"].append(
        extension("plan-coordinating-agency", valueReference=refer(f"Organization/{agency}"))
    )
    return made


async def refusal(attempt):
    with pytest.raises(Invalid) as refused:
        await attempt
    [issue] = refused.value.issues
    assert issue.slug == "plan-coordinator-overlap"
    return issue.text


SAID = "It is CarePlan/p1, coordinated by Practitioner/fern, for Organization/trust."


@pytest.mark.parametrize(("agency", "knows"), [("trust", True), ("school", True), ("charity", False)])
async def test_a_refused_claim_says_who_coordinates_to_who_may_know(context, act, agency, knows):
    await given(context, act, team(), held())
    text = await refusal(put(context, by(act, agency), held("p2", "moss", "charity")))
    assert (SAID in text) is knows
    for name in ("p1", "fern", "trust"):
        assert (name in text) is knows


async def test_nobody_comes_to_know_by_the_team_that_they_bring(context, act):
    await given(context, act, held())
    claim = (team("charity"), held("p2", "moss", "charity"))
    text = await refusal(together(context, by(act, "charity"), *claim))
    assert "fern" not in text
    resource = bundle(*map(entry_of, claim))
    assert "fern" not in await refusal(rehearse(context, by(act, "charity"), resource))


async def test_of_several_in_the_way_one_that_may_be_known_is_named(context, act):
    other = held("p0", "hazel", "practice") | {"period": {"start": "2026-01-01", "end": "2026-03-10"}}
    await given(context, act, other, held())
    claim = held("p2", "moss", "charity") | {"period": {"start": "2026-01-01"}}
    assert SAID in await refusal(put(context, by(act, "trust"), claim))
    text = await refusal(put(context, by(act, "practice"), claim))
    assert "hazel" in text
    assert "fern" not in text


def episode(id_="new", status="active", agency="trust", whose="ash", **more):
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": status,
        "patient": refer(f"Patient/{whose}"),
        "managingOrganization": refer(f"Organization/{agency}"),
        **more,
    }


WARNED = [("warning", "episode-could-be-reopened")]


@pytest.mark.parametrize(
    ("what", "there", "written", "agency", "warned"),
    [
        ("beside an ended one", [episode("old", "finished")], episode(), "trust", True),
        ("beside one that never began", [episode("old", "cancelled")], episode(), "trust", True),
        ("beside one that goes on", [episode("old")], episode(), "trust", False),
        ("beside another agency's", [episode("old", "finished", agency="school")], episode(), "trust", False),
        ("beside another young person's", [episode("old", "finished", whose="birch")], episode(), "trust", False),
        ("of which nobody is told", [episode("old", "finished")], episode(), "charity", False),
        ("in a team of the young person", [team(), episode("old", "finished")], episode(), "school", True),
        ("that has ended already", [episode("old", "finished")], episode(status="finished"), "trust", False),
        ("that was there before", [episode("old", "finished"), episode()], episode(careManager=refer("Practitioner/x")),
         "trust", False),
    ],
)  # fmt: skip
async def test_a_new_episode(context, act, what, there, written, agency, warned):
    await given(context, act, *there)
    answer = await put(context, by(act, agency), written)
    assert [(issue.severity, issue.slug) for issue in answer.issues] == (WARNED if warned else []), what


async def test_an_episode_without_agency_or_young_person_is_nobodys_again(context, act):
    nameless = {
        name: value for name, value in episode("old", "finished").items() if name != "managingOrganization"
    }
    await given(context, act, nameless)
    written = {name: value for name, value in episode().items() if name != "managingOrganization"}
    assert (await put(context, by(act, "trust"), written)).issues == ()


async def test_an_episode_in_error_stays_so(context, act):
    await given(context, act, episode("old", "entered-in-error"))
    with pytest.raises(Invalid) as refused:
        await put(context, act, episode("old"))
    assert [(issue.slug, issue.expression) for issue in refused.value.issues] == [
        ("status-after-error", "EpisodeOfCare.status")
    ]

"""Whose a Provenance, a task without a young person or a document is: what they are about says it.

Source: ADR 0022
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.search.sight import Sight
from service.fhir.validation.validator import Validator
from service.interactions.belonging import owned
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.update import update
from service.outcomes.labels import CONFIDENTIALITY
from service.storage.store import CLOSED, Change, Stored

ASH, BIRCH = ({"resourceType": "Patient", "id": id_} for id_ in ("ash", "birch"))
RESTRICTED = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
VERY = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}}


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


def score(id_, whose="ash", **more):
    code = {"coding": [{"system": "https://elsewhere.example/codes", "code": "mood"}]}
    subject = {"reference": f"Patient/{whose}"}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": code,
        "subject": subject,
        **more,
    }


def new(resource):
    return Change(resource["resourceType"], resource["id"], "POST", None, None, resource)


def provenance(*targets, id_="w"):
    return {"resourceType": "Provenance", "id": id_, "target": [{"reference": target} for target in targets]}


async def given(context, act, *resources):
    for resource in resources:
        await update(context, act, resource["resourceType"], resource["id"], resource)


async def whose(context, act, *changes):
    """Of the last change; the others are of the same unit."""
    return (await owned(context, act.caller.locality, changes))[-1].child


@pytest.mark.parametrize(
    ("targets", "child"),
    [
        (["Observation/s1"], "ash"),
        (["Patient/ash"], "ash"),
        (["Patient/restricted"], "restricted"),
        (["Patient/secret"], CLOSED),
        (["Observation/s1/_history/1"], "ash"),
        (["Observation/s1", "Patient/ash"], "ash"),
        (["Observation/s1", "Observation/s2"], CLOSED),
        (["Observation/s1", "Patient/birch"], CLOSED),
        (["Observation/secret"], CLOSED),
        (["Observation/never"], CLOSED),
        (["Organization/camhs"], CLOSED),
        (["Organization/camhs", "Observation/s1"], "ash"),
    ],
)
async def test_a_provenance_is_whose_its_targets_are(context, act, targets, child):
    organization = {"resourceType": "Organization", "id": "camhs", "name": "A clinic"}
    restricted = {**ASH, "id": "restricted", **RESTRICTED}
    await given(context, act, restricted, {**ASH, "id": "secret", **VERY})
    known_child = (ASH, BIRCH, score("s1"), score("s2", "birch"), score("secret", **VERY), organization)
    await given(context, act, *known_child)
    assert await whose(context, act, new(provenance(*targets))) == child


async def test_what_the_caller_does_not_see_is_not_there(context, act):
    """Where references are free, anything can be named: whose it is, is found out by nobody."""
    await given(context, act, ASH, score("s1"))
    school = replace(act, caller=replace(act.caller, agency="school"))
    eyes = context.seen_by(school, Sight("school"))
    for target in ("Observation/s1", "Patient/ash", "Observation/never"):
        assert await whose(eyes, act, new(provenance(target))) == CLOSED
    mine = context.seen_by(act, Sight(act.caller.agency))
    assert await whose(mine, act, new(provenance("Observation/s1"))) == "ash"


async def test_what_something_was_about_already_stays_so_for_who_does_not_see_it(context, act):
    await given(context, act, ASH, BIRCH, score("s1"), score("s2"), score("s3", "birch"))
    school = replace(act, caller=replace(act.caller, agency="school"))
    eyes = context.seen_by(school, Sight("school"))

    def change(child, *targets):
        before = Stored("Provenance", "w", 1, 0, "PUT", b"", 1, author="camhs", child=child)
        was = provenance("Observation/s1")
        return Change("Provenance", "w", "PUT", before, was, provenance(*targets))

    assert await whose(eyes, act, change("ash", "Observation/s1")) == "ash"
    assert await whose(eyes, act, change(CLOSED, "Observation/s1")) == CLOSED, "it would be found out"
    assert await whose(eyes, act, change("ash", "Observation/s2")) == CLOSED
    assert await whose(eyes, act, change("ash", "Observation/s3")) == CLOSED


async def test_what_the_unit_itself_writes_is_looked_at_as_well(context, act):
    await given(context, act, ASH)
    mine = provenance("Observation/s1", id_="p1")
    about_it = provenance("Provenance/p1", id_="p2")
    assert await whose(context, act, new(score("s1")), new(mine)) == "ash"
    assert await whose(context, act, new(score("s1", **VERY)), new(mine)) == CLOSED
    assert await whose(context, act, new(score("s1")), new(mine), new(about_it)) == "ash"
    for_ever = provenance("Provenance/p3", id_="p3")
    assert await whose(context, act, new(for_ever)) == CLOSED


async def test_what_a_deletion_takes_away_is_still_whose_it_was(context, act):
    await given(context, act, ASH, score("s1"))
    before = await context.store.read(act.caller.locality, "Observation", "s1")
    gone = Change("Observation", "s1", "DELETE", before, score("s1"), None)
    assert await whose(context, act, gone, new(provenance("Observation/s1"))) == "ash"
    await delete(context, act, "Observation", "s1")
    assert await whose(context, act, new(provenance("Observation/s1/_history/2"))) == "ash"


async def test_what_says_itself_whose_it_is_is_left_alone(context, act):
    assert await whose(context, act, new(score("s1"))) is None


async def test_it_is_stored_with_whatever_an_interaction_writes(context, act):
    await given(context, act, ASH, score("s1"))
    agent = [{"who": {"display": "a clinician"}}]
    said = {**provenance("Observation/s1"), "recorded": "2026-11-27T12:00:00Z", "agent": agent}
    del said["id"]
    answer = await create(context, act, "Provenance", said)
    beside = await update(
        context,
        act,
        "Observation",
        "s2",
        score("s2"),
        provenance={**said, "target": []} | {"target": said["target"]},
    )
    assert answer.stored.child == "ash"
    assert beside.stored.child == "ash"
    found = [one async for one in context.store.everything(act.caller.locality, ["Provenance"])]
    assert [one.child for one in found] == ["ash", "ash"]

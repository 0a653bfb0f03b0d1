"""What was rated, as it comes from a store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Gone, Invalid, Malformed, Missing
from service.fhir.search.expressions import Reference
from service.interactions.content import content
from service.operations import rated
from service.operations.rated import (
    rated_for_child,
    rated_for_goal,
    ratings_where,
    resources_where,
)
from service.storage.store import AuditEntry, Change, Unit
from tests.outcomes.clinic import (
    ASH,
    BRAMBLE,
    GENERIC,
    LOINC,
    MUM,
    SNOMED,
    about,
    concept,
    level,
    own,
    rated_by,
    rating,
    refer,
)


def patient(id_):
    return {"resourceType": "Patient", "id": id_}


def goal(id_, child=ASH, status="active"):
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": {"text": "invented"},
        **about(child),
    }


@pytest.fixture
def put(context, act):
    """Stores resources as they are; None as content deletes."""

    async def putting(*resources, who=act, deletes=()):
        store, locality = context.store, who.caller.locality
        changes = [await change_of(store, locality, each) for each in resources]
        for type_, id_ in deletes:
            before = await store.read(locality, type_, id_)
            changes.append(Change(type_, id_, "DELETE", before, content(before), None))
        await store.commit(locality, Unit(tuple(changes), AuditEntry("epr", "camhs", "update", "request-1")))

    async def change_of(store, locality, resource):
        before = await store.read(locality, resource["resourceType"], resource["id"])
        former = None if before is None else content(before)
        return Change(resource["resourceType"], resource["id"], "PUT", before, former, resource)

    return putting


def ids(found):
    return sorted(point.observation for point in found.points)


EVERY_CODE = [
    own(1),
    concept(SNOMED, "1034371000000105"),
    concept(SNOMED, GENERIC),
    rated_by("parent"),
    rated_by("clinician"),
    rated_by("other"),
    *(concept(LOINC, code) for code in ("112296-9", "107331-1", "107333-7", "107334-5")),
]


async def test_every_code_of_a_goals_score_is_found(put, context, act):
    await put(
        patient("ash"),
        goal("school"),
        *(rating(str(n), "school", None, "2026-03-01", code) for n, code in enumerate(EVERY_CODE)),
        rating("other", "school", "4", "2026-03-01", concept(LOINC, "1")),
    )
    for found in (await rated_for_child(context, act, "ash"), await rated_for_goal(context, act, "school")):
        assert ids(found) == sorted(map(str, range(len(EVERY_CODE))))
        assert set(found.goals) == {"school"}


async def test_whose_ratings_are_told_of(put, context, act, elsewhere):
    await put(
        patient("ash"),
        patient("bramble"),
        goal("school"),
        goal("sleep"),
        goal("theirs", BRAMBLE),
        rating("1", "school", "4", "2026-03-01", own(1)),
        rating("2", "sleep", "4", "2026-03-01", rated_by("parent"), MUM),
        rating("3", "theirs", "4", "2026-03-01", own(1), **about(BRAMBLE)),
    )
    await put(patient("ash"), goal("school"), rating("9", "school", "9", "2026-03-01", own(1)), who=elsewhere)
    everything = await rated_for_child(context, act, "ash")
    assert (ids(everything), sorted(everything.goals)) == (["1", "2"], ["school", "sleep"])
    alone = await rated_for_goal(context, act, "sleep")
    assert (ids(alone), list(alone.goals)) == (["2"], ["sleep"])
    assert ids(await rated_for_child(context, elsewhere, "ash")) == ["9"]


async def test_of_two_goals_in_one_observation_only_the_one_asked_about(put, context, act):
    both = [refer(("Goal", "school")), refer(("Goal", "sleep"))]
    await put(
        goal("school"),
        goal("sleep"),
        rating("1", "x", "4", "2026-03-01", concept(SNOMED, GENERIC), focus=both),
    )
    assert [point.goal[1] for point in (await rated_for_goal(context, act, "sleep")).points] == ["sleep"]


async def test_goals_in_error_or_gone_have_no_ratings(put, context, act):
    await put(
        patient("ash"),
        goal("school"),
        goal("mistaken"),
        goal("gone"),
        rating("1", "school", "4", "2026-03-01", own(1)),
        rating("2", "mistaken", "4", "2026-03-01", own(2)),
        rating("3", "gone", "4", "2026-03-01", own(3)),
    )
    await put(goal("mistaken", status="entered-in-error"), deletes=[("Goal", "gone")])
    found = await rated_for_child(context, act, "ash")
    assert (ids(found), list(found.goals)) == (["1"], ["school"])
    nothing = await rated_for_goal(context, act, "mistaken")
    assert (nothing.goals, nothing.points) == ({}, ())
    with pytest.raises(Gone):
        await rated_for_goal(context, act, "gone")


async def test_what_was_corrected_counts_as_it_is_now(put, context, act):
    await put(
        patient("ash"),
        goal("school"),
        rating("1", "school", "4", "2026-03-01", own(1)),
        rating("2", "school", "5", "2026-03-08", own(1)),
        rating("3", "school", "6", "2026-03-15", own(1)),
    )
    await put(
        rating("1", "school", "0", "2026-03-01", own(1), status="amended"),
        rating("2", "school", "5", "2026-03-08", own(1), status="entered-in-error"),
        deletes=[("Observation", "3")],
    )
    found = await rated_for_child(context, act, "ash")
    assert [(point.observation, point.value) for point in found.points] == [("1", 0)]


async def test_nobody(put, context, act):
    with pytest.raises(Missing):
        await rated_for_child(context, act, "nobody")
    with pytest.raises(Missing):
        await rated_for_goal(context, act, "nothing")
    await put(patient("ash"))
    found = await rated_for_child(context, act, "ash")
    assert (found.goals, found.points) == ({}, ())


async def test_more_than_a_page_of_the_store_and_more_than_anybody_has(put, context, act, monkeypatch):
    monkeypatch.setattr(rated, "STEP", 3)
    monkeypatch.setattr(rated, "MOST", 6)
    await put(
        patient("ash"),
        goal("school"),
        *(level(str(n), "school", 1, "2026-03-01", "107334-5") for n in range(6)),
    )
    assert len((await rated_for_child(context, act, "ash")).points) == 6
    await put(level("6", "school", 1, "2026-03-01", "107334-5"))
    with pytest.raises(Invalid) as caught:
        await rated_for_child(context, act, "ash")
    assert caught.value.issues[0].slug == "ratings-too-many"


async def test_while_not_everything_is_indexed_nothing_is_counted(put, context, act):
    class Unfinished:
        """The store, while it is said to be indexing anew."""

        def __getattr__(self, name):
            return getattr(context.store, name)

        async def pending(self):
            return lambda type_: frozenset({"subject"}) if type_ == "Observation" else frozenset()

    with pytest.raises(Malformed) as caught:
        await ratings_where(replace(context, store=Unfinished()), act, Reference("subject", "Patient", "ash"))
    assert caught.value.issues[0].slug == "search-parameter-not-indexed"


async def test_resources_where(put, context, act):
    await put(goal("school"), goal("sleep"), goal("theirs", BRAMBLE))
    found = [each async for each in resources_where(context, act, "Goal", Reference("subject", *ASH))]
    assert sorted(each["id"] for each in found) == ["school", "sleep"]

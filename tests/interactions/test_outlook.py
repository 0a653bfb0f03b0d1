from __future__ import annotations

import pytest

from service.fhir.search.expressions import Chain, Ids, Not, Or, Token, Within
from service.interactions.outlook import Outlook, follows, is_sound
from service.interactions.update import update
from tests.interactions.builders import criteria, goal, patient, urn


@pytest.fixture
async def outlook(context, act):
    """The store has Patients p1 and p2 of number 1, and Goal g1 of p1."""
    for id_ in ("p1", "p2"):
        await update(context, act, "Patient", id_, patient("1", id=id_))
    await update(context, act, "Goal", "g1", goal("Patient/p1", id="g1"))
    return Outlook(context, act)


async def found(outlook, type_, asked, limit=5):
    prospects, expectation = await outlook.find(type_, asked, limit)
    return [(one.id, one.stored is not None) for one in prospects], sorted(expectation.ids)


async def test_the_store_as_it_is(outlook):
    assert await found(outlook, "Patient", criteria("1")) == ([("p1", True), ("p2", True)], ["p1", "p2"])
    assert await found(outlook, "Patient", criteria("2")) == ([], [])


async def test_less_what_is_deleted_which_the_store_must_still_have_at_commit(outlook):
    outlook.delete("Patient", "p1")
    assert await found(outlook, "Patient", criteria("1"), 1) == ([("p2", True)], ["p1", "p2"])


async def test_with_what_is_created(outlook):
    outlook.create("Patient", "new", patient("1"))
    outlook.create("Patient", "other", patient("2"))
    assert await found(outlook, "Patient", criteria("2")) == ([("other", False)], [])
    shown, _ = await found(outlook, "Patient", criteria("1"))
    assert shown == [("p1", True), ("p2", True), ("new", False)]
    assert await outlook.own("Patient", criteria("1")) == ["new"]
    assert await outlook.own("Goal", "lifecycle-status=active") == []


async def test_by_the_content_of_what_is_replaced(outlook):
    outlook.replace("Patient", "p1", patient("2", id="p1"))
    assert (await found(outlook, "Patient", criteria("1")))[0] == [("p2", True)]
    assert (await found(outlook, "Patient", criteria("2")))[0] == [("p1", False)]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ("identifier=1", ["new"]),
        ("identifier=1,2", ["new", "other"]),
        ("identifier=2&gender=other", ["other"]),
        ("gender=other&identifier=1", []),
        ("_id=new,p1", ["new"]),
        ("identifier:not=1", ["other"]),
        ("gender:missing=true", ["new"]),
        ("family=example", ["other"]),
        ("family=example,sample&gender=other", ["other"]),
        ("identifier=1,9&_id=new,other", ["new"]),
        ("general-practitioner=Practitioner/d1", ["other"]),
        ("identifier=https://thrive-fhir.example/number|", ["new", "other"]),
    ],
)
async def test_every_kind_of_criterion(outlook, asked, ids):
    outlook.create("Patient", "new", patient("1"))
    more = {"gender": "other", "name": [{"family": "Example"}]}
    more["generalPractitioner"] = [{"reference": "Practitioner/d1"}]
    outlook.create("Patient", "other", patient("2", **more))
    assert await outlook.own("Patient", asked) == ids


async def test_criteria_that_follow_references_are_the_stores_alone(outlook):
    outlook.create("Goal", "g2", goal("Patient/p2"))
    outlook.replace("Goal", "g1", goal("Patient/p2", id="g1"))
    assert await found(outlook, "Goal", "subject:Patient.identifier=1") == ([("g1", True)], ["g1"])
    outlook.delete("Goal", "g1")
    assert await found(outlook, "Goal", "subject:Patient.identifier=1") == ([], ["g1"])


@pytest.mark.parametrize(
    ("where", "does"),
    [
        (Ids(frozenset()), False),
        (Chain("subject", "Patient", Ids(frozenset())), True),
        (Not(Chain("subject", "Patient", Ids(frozenset()))), True),
        (Within("location", "Location", "a", "partof", "below"), True),
        (Or((Token("a", None, "b"), Chain("subject", "Patient", Ids(frozenset())))), True),
        (Or((Token("a", None, "b"), Token("a", None, "c"))), False),
    ],
)
def test_what_follows_references(where, does):
    assert follows(where) is does


@pytest.mark.parametrize(
    ("type_", "resource", "sound"),
    [
        ("Patient", patient(), True),
        ("Goal", goal(urn(1)), True),
        ("Goal", goal("Patient?identifier=1"), True),
        ("Patient", goal(), False),
        ("Patient", {}, False),
        ("Patient", patient(gender=5), False),
    ],
)
async def test_what_has_search_values(context, type_, resource, sound):
    assert is_sound(context, type_, resource) is sound


async def test_a_broken_resource_meets_nothing(outlook):
    outlook.create("Patient", "broken", patient("7", gender=5))
    outlook.create("Patient", "sound", patient("7"))
    assert await outlook.own("Patient", criteria("7")) == ["sound"]

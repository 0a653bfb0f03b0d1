from __future__ import annotations

import pytest

from service.fhir.search.expressions import Reference
from service.fhir.search.sight import Sight
from service.fhir.validation.validator import Validator
from service.interactions.delete import delete
from service.interactions.existing import Presence
from service.interactions.surroundings import Surroundings
from service.storage.store import AuditEntry, Change, Stale, Unit
from tests.interactions.clinic import child, given, goal

ASH, G1, G2 = ("Patient", "ash"), ("Goal", "g1"), ("Goal", "g2")
OF_ASH = Reference("subject", *ASH)
SCORE = {
    "resourceType": "Observation",
    "id": "s1",
    "status": "final",
    "code": {"text": "invented"},
    "focus": [{"reference": "Goal/g1"}],
}


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


def ids(resources):
    return sorted(resource["id"] for resource in resources)


@pytest.fixture
async def around(context, act):
    """Around a unit that creates g2, changes g1 and deletes ash, with p and q still open; g3 and birch stay as they are."""
    await given(context, act, child("ash"), child("birch"), goal(), goal("g3", slot=3))
    before = {key: await context.store.read(act.caller.locality, *key) for key in (ASH, G1)}
    changes = [
        Change(*G2, "POST", None, None, goal("g2", slot=2)),
        Change(*G1, "PUT", before[G1], goal(), goal(whose="birch")),
        Change(*ASH, "DELETE", before[ASH], child("ash"), None),
    ]
    surroundings = Surroundings(context, act, changes, [("Patient", "birch"), ("Patient", "new")])
    await surroundings.fetch(
        [G1, G2, ASH, ("Goal", "g3"), ("Patient", "birch"), ("Patient", "new"), ("Goal", "no")]
    )
    return surroundings


@pytest.mark.parametrize(
    ("key", "presence"),
    [
        (G2, Presence(1, deleted=False)),
        (G1, Presence(2, deleted=False)),
        (ASH, Presence(2, deleted=True)),
        (("Goal", "g3"), Presence(1, deleted=False)),
        (("Patient", "birch"), Presence(2, deleted=False)),
        (("Patient", "new"), Presence(1, deleted=False)),
        (("Goal", "no"), None),
    ],
)
async def test_what_will_be_here(around, key, presence):
    assert around.presence(key) == presence


async def test_contents_are_those_that_will_be(around):
    assert around.resource(G2) == goal("g2", slot=2)
    assert around.resource(G1)["subject"] == {"reference": "Patient/birch"}
    assert around.resource(ASH) is None
    assert around.resource(("Patient", "birch")) is None  # what it will be is not known
    assert around.resource(("Goal", "no")) is None
    assert around.relied_on == ()
    assert around.resource(("Goal", "g3"))["id"] == "g3"
    assert around.resource(("Goal", "g3"))["id"] == "g3"
    assert [(stored.type, stored.id) for stored in around.relied_on] == [("Goal", "g3")]


async def test_deleted_resources_have_no_content(context, act):
    await given(context, act, child("ash"))
    await delete(context, act, "Patient", "ash")
    around = Surroundings(context, act, [])
    await around.fetch([ASH])
    assert around.resource(ASH) is None
    assert around.presence(ASH) == Presence(2, deleted=True)


async def test_others_are_those_of_the_store_that_the_unit_leaves_alone(around):
    assert ids(await around.others("Goal", OF_ASH)) == ["g3"]
    assert ids(await around.others("Goal", OF_ASH)) == ["g3"]
    [expectation] = around.expectations  # asked once, and what it expects is the store as it is
    assert expectation.ids == {"g1", "g3"}


async def test_the_units_own_by_type_and_by_whose_they_are(around):
    assert ids(around.own("Goal")) == ["g1", "g2"]
    assert around.own("Patient") == []
    assert ids(around.own_of("Goal", ASH)) == ["g2"]
    assert ids(around.own_of("Goal", ("Patient", "birch"))) == ["g1"]
    assert around.own_of("Goal", ("Patient", "nobody")) == []


async def test_addresses_elsewhere_are_not_fetched(context, act):
    around = Surroundings(context, act, [])
    await around.fetch([("", "https://elsewhere.example/fhir/Goal/1")])
    assert around.presence(("", "https://elsewhere.example/fhir/Goal/1")) is None


async def test_very_many_are_fetched_in_parts(context, act, monkeypatch):
    monkeypatch.setattr("service.interactions.surroundings._READ_AT_ONCE", 2)
    await given(context, act, *(child(f"c{number}") for number in range(5)))
    around = Surroundings(context, act, [])
    await around.fetch([("Patient", f"c{number}") for number in range(6)])
    assert [around.presence(("Patient", f"c{number}")) is None for number in range(6)] == [False] * 5 + [True]


def of_goals(*names):
    return [Reference("focus", "Goal", name) for name in names]


async def test_questions_that_find_nothing_are_answered_at_once(context, act):
    around = Surroundings(context, act, [])
    await around.foresee("Observation", of_goals("a", "b", "c"))
    [expectation] = around.expectations
    assert expectation.ids == frozenset()
    await given(context, act, {**SCORE, "focus": [{"reference": "Goal/a"}]})
    for where in of_goals("a", "b", "c"):
        assert await around.found("Observation", where) == ()  # as it was then: nothing is asked again
    assert len(around.expectations) == 1


async def test_questions_of_which_one_finds_something_are_asked_one_by_one(context, act):
    await given(context, act, SCORE)
    around = Surroundings(context, act, [])
    await around.foresee("Observation", of_goals("a", "g1", "c"))
    assert around.expectations == ()
    assert [one.id for one in await around.found("Observation", of_goals("g1")[0])] == ["s1"]


async def test_a_few_questions_are_not_put_together(context, act):
    around = Surroundings(context, act, [])
    await around.foresee("Observation", of_goals("a", "b"))
    assert around.expectations == ()


async def test_very_many_questions_are_asked_in_parts(context, act, monkeypatch):
    monkeypatch.setattr("service.interactions.surroundings._ASKED_AT_ONCE", 3)
    around = Surroundings(context, act, [])
    await around.foresee("Observation", of_goals(*"abcdefg"))
    assert [expectation.ids for expectation in around.expectations] == [
        frozenset()
    ] * 2  # and one by itself, later


async def test_what_was_foreseen_must_still_be_so_when_the_unit_is_stored(context, act):
    """A score of a goal that is stored in between holds the unit up."""
    around = Surroundings(context, act, [])
    await around.foresee("Observation", of_goals("a", "g1", "c"))
    change = Change("Patient", "late", "PUT", None, None, {"resourceType": "Patient", "id": "late"})
    await given(context, act, SCORE)
    unit = Unit((change,), AuditEntry("c", "a", "update", "r"), around.expectations)
    with pytest.raises(Stale):
        await context.store.commit(act.caller.locality, unit)


async def test_a_glance_sees_the_store_as_it_is_and_expects_nothing(around):
    assert ids(await around.glance("Goal", OF_ASH)) == ["g1", "g3"]
    assert around.expectations == ()
    assert around.relied_on == ()


async def test_a_glance_stops_at_the_usual_number(around, monkeypatch):
    monkeypatch.setattr("service.interactions.surroundings._USUAL", 1)
    assert ids(await around.glance("Goal", OF_ASH)) == ["g1"]


async def test_ones_own_eyes_see_what_the_caller_does_and_expect_no_more(context, act):
    await given(context, act, child("ash"), goal())
    stranger = Sight("stranger")
    around = Surroundings(context.seen_by(act, stranger), act, [])
    await around.fetch([G1], [G1])
    own = around.with_own_eyes()
    assert ids(await around.others("Goal", OF_ASH)) == ["g1"]
    assert ids(await own.others("Goal", OF_ASH)) == []
    assert ids(await around.others("Goal", OF_ASH)) == ["g1"]
    assert around.stored(G1) is not None
    assert own.stored(G1) is None
    assert own.with_own_eyes() is own
    truth, seen = around.expectations
    assert (truth.ids, truth.sight) == ({"g1"}, None)
    assert (seen.ids, seen.sight) == (frozenset(), stranger)
    assert own.expectations == around.expectations


async def test_who_sees_everything_has_no_other_eyes(context, act):
    around = Surroundings(context, act, [])
    assert around.with_own_eyes() is around

"""Conditions on stored resources, alone and through references, on both databases."""

from __future__ import annotations

import pytest

from service.fhir.search.expressions import (
    And,
    Chain,
    Composite,
    Everything,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Near,
    Not,
    Nothing,
    Or,
    Quantity,
    Query,
    Reference,
    String,
    Token,
    Words,
)
from service.storage.querying.plans import Plan
from service.storage.querying.ranks import drives
from service.storage.querying.shapes import names_of
from service.storage.querying.wanted import Wanted
from tests.storage.builders import creation, deletion, patient, score, unit
from tests.storage.querying.ways import fetched, page

CODE = Token("code", "http://snomed.info/sct", "1034351000000101")
HIGH = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, None)
NUMBER_2 = Token("identifier", "urn:number", "2")


@pytest.fixture
async def clinic(store):
    """Two young people with scores, one score of somebody who was deleted, and an organisation nobody refers to."""
    told = {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Sleeps well again</div>"}
    drafts = [
        patient("a", "1"), patient("b", "2", text=told), patient("gone", "3"),
        score("a1", "a", "4"), score("a2", "a", "9"), score("b1", "b", "7"), score("g1", "gone", "9"),
        {"resourceType": "Organization", "id": "o", "name": "Invented"},
        place("equator", 0, 0), place("east", 0, 1), place("pole", 90, 0), place("nowhere", 91, 0),
        {"resourceType": "Location", "id": "within", "partOf": {"reference": "Location/east"}},
    ]  # fmt: skip
    stored = await store.commit("default", unit(*map(creation, drafts)))
    await store.commit("default", unit(deletion(stored[2])))
    return store


def place(id_, latitude, longitude):
    return {
        "resourceType": "Location",
        "id": id_,
        "position": {"latitude": latitude, "longitude": longitude},
    }


def about(child):
    return Reference("subject", "Patient", child)


SCORES = [
    (Everything(), ["a1", "a2", "b1", "g1"]),
    (Nothing(), []),
    (And((CODE, HIGH)), ["a2", "b1", "g1"]),
    (And((about("a"), Not(HIGH))), ["a1"]),
    (Or((about("b"), And((about("a"), HIGH)))), ["a2", "b1"]),
    (Or(tuple(about(child) for child in "abcdefghi")), ["a1", "a2", "b1"]),
    (Or(tuple(Token("code", "http://snomed.info/sct", str(1034351000000101 + n)) for n in range(-9, 9))), ["a1", "a2", "b1", "g1"]),
    (Ids(frozenset({"a1", "b1", "never"})), ["a1", "b1"]),
    (Not(Ids(frozenset({"a1", "b1"}))), ["a2", "g1"]),
    (Missing("value-quantity", False), ["a1", "a2", "b1", "g1"]),
    (Missing("encounter", True), ["a1", "a2", "b1", "g1"]),
    (Missing("code-value-quantity", True), []),
    (Composite("code-value-quantity", CODE, HIGH), ["a2", "b1", "g1"]),
    (Chain("subject", "Patient", NUMBER_2), ["b1"]),
    (Chain("subject", "Patient", Everything()), ["a1", "a2", "b1"]),
    (Chain("subject", "Patient", Ids(frozenset({"a", "gone"}))), ["a1", "a2"]),
    (Chain("subject", "Patient", Has("Observation", "subject", HIGH)), ["a1", "a2", "b1"]),
    (Not(Chain("subject", "Patient", NUMBER_2)), ["a1", "a2", "g1"]),
    (LastUpdated("ge", 0, 1), ["a1", "a2", "b1", "g1"]),
]  # fmt: skip
PEOPLE = [
    (Has("Observation", "subject", HIGH), ["a", "b"]),
    (Has("Observation", "subject", And((HIGH, Not(Ids(frozenset({"a2"})))))), ["b"]),
    (Not(Has("Observation", "subject", Everything())), []),
    (Words("_text", ("sleeps", "aga")), ["b"]),
    (Not(Words("_text", ("sleeps",))), ["a"]),
    (String("name", "x", "starts"), []),
]

DEGREE = 0.0003046  # the square of the chord of one
PLACES = [
    (Near("near", 1.0, 0.0, 0.0, 0.0), ["equator"]),
    (Near("near", 1.0, 0.0, 0.0, DEGREE * 1.001), ["equator", "east"]),
    (Near("near", 1.0, 0.0, 0.0, DEGREE * 0.999), ["equator"]),
    (Near("near", 0.0, 0.0, 1.0, 2.1), ["equator", "east", "pole"]),
    (Near("near", 0.0, 0.0, -1.0, 4.0), ["equator", "east", "pole"]),
    (And((Near("near", 0.0, 0.0, 1.0, 1.0), Near("near", 1.0, 0.0, 0.0, 1.0))), []),
    (Or((Near("near", 0.0, 0.0, 1.0, 0.0), Near("near", 1.0, 0.0, 0.0, 0.0))), ["equator", "pole"]),
    (Not(Near("near", 1.0, 0.0, 0.0, 0.1)), ["pole", "nowhere", "within"]),
    (Missing("near:x", True), ["nowhere", "within"]),
    (Chain("partof", "Location", Near("near", 1.0, 0.0, 0.0, 0.1)), ["within"]),
    (Has("Location", "partof", Near("near", 1.0, 0.0, 0.0, 5.0)), []),
    (And((Not(Near("near", 0.0, 0.0, 1.0, 0.0)), Near("near", 1.0, 0.0, 0.0, 0.1))), ["equator", "east"]),
]  # fmt: skip


# One test for all of them: what takes its time is to make the store.
async def test_a_condition_means_the_same_as_driver_and_as_probe(clinic):
    searches = clinic._searches
    for type_, cases in (("Observation", SCORES), ("Patient", PEOPLE), ("Location", PLACES)):
        for where, expected in cases:
            await clinic._learn(names_of(where))
            taken = searches._taken_apart(clinic._locality("default"), Query(type_, where, 100))
            drivers = [Plan("collect", 0)] if drives(taken.shape) and taken.shape[0] != "And" else []
            for plan in (Plan("walk"), *drivers):
                rows = await page(clinic, plan, Wanted(taken.shape), taken.named(count=100))
                assert [row[1].decode() for row in rows] == expected, (where, plan)


async def test_what_a_chain_weighs_is_what_it_begins_with(clinic):
    searches, code = clinic._searches, clinic._locality("default")
    query = Query("Observation", Chain("subject", "Patient", String("name", "x", "starts")), 20)
    assert await fetched(clinic, *searches.questions(code, query)) == [(0,)]
    query = Query("Patient", Has("Observation", "subject", HIGH), 20)
    assert await fetched(clinic, *searches.questions(code, query)) == [(3,)]

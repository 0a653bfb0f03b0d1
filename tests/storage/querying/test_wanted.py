"""What is wanted of a search: who looks gets of each page what they see, in the order in which it is, and no less."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select

from service.fhir.search.expressions import And, Date, Everything, Has, Ids, Not, Or, Query, SortKey, Token
from service.storage.querying.wanted import Wanted, beside, changed, direction, falls, of_type
from service.storage.statements import SQLITE, compiled
from service.storage.tables import resource
from tests.storage.builders import LOCALITY, patient, score
from tests.storage.circle import CAMHS, CHARITY, SCHOOL, agency, eyes, labelled, team, wrote

CHILDREN = 12
CODES = ("near", "far")
OF_CODE = [Token("code", "http://a.example/scores", code) for code in CODES]
BY_DATE = SortKey("date", "date")
NEWEST = SortKey("date", "date", descending=True)
BY_ID = SortKey("_id", "_id")


def text(*conditions, order=None):
    statement = select(resource.c.rid).where(*conditions)
    return " ".join(compiled(statement if order is None else statement.order_by(order), SQLITE).text.split())


def test_an_order_falls_where_it_is_turned_round_once():
    turned = {(d, b): falls(Wanted((), descending=d, backward=b)) for d in (0, 1) for b in (0, 1)}
    assert turned == {(0, 0): False, (0, 1): True, (1, 0): True, (1, 1): False}
    rid = resource.c.rid
    assert text(order=direction(Wanted((), backward=True), rid)).endswith("resource.rid DESC")
    assert text(order=direction(Wanted(()), rid)).endswith("resource.rid")


def test_what_lies_beside_a_key_is_on_the_pages_side():
    rid = resource.c.rid
    assert beside(Wanted(()), rid) == beside(Wanted((), sort=(("date",),), after=True), rid) == []
    assert "rid > ?" in text(*beside(Wanted((), after=True), rid))
    assert "rid < ?" in text(*beside(Wanted((), after=True, backward=True), rid))


def test_what_was_made_since_is_settled_and_what_was_changed_since_is_not():
    assert "updated <= ?1 OR resource.version = ?2" in text(changed(resource.c, "settled"))
    assert "updated > ?1 AND resource.version > ?2" in text(changed(resource.c, "moved"))
    assert "method != ?" in text(*of_type(resource.c))


@pytest.fixture
async def clinic(store):
    """Young people, every other one in the school's circle, with scores of two codes, in some order of dates."""
    random = Random("clinic")
    await wrote(store, CAMHS, *map(agency, (CAMHS, SCHOOL, CHARITY)))
    for child in range(CHILDREN):
        days = random.sample(range(1, 28), 4)
        scores = [
            score(f"s{child}-{turn}", f"c{child}", str(turn))
            | {"effectiveDateTime": f"2026-03-{day:02d}"}
            | {"code": {"coding": [{"system": "http://a.example/scores", "code": random.choice(CODES)}]}}
            for turn, day in enumerate(days)
        ]
        scores[0].pop("effectiveDateTime")
        scores[1:2] = [labelled(scores[1])]
        around = [team(f"t{child}", f"c{child}", SCHOOL)] if child % 2 else []
        await wrote(store, CAMHS, patient(f"c{child}", f"{child}"), *around, *scores)
    return store


QUERIES = [
    Query("Observation", where, 1, sort=sort, total=total)
    for where in (Everything(), OF_CODE[0], Or(tuple(OF_CODE)), Not(OF_CODE[0]), Date("date", "ge", 0, 1))
    for sort in ((), (BY_DATE,), (NEWEST,), (NEWEST, BY_ID), (BY_ID,))
    for total in ("none", "accurate")
] + [
    Query("Patient", where, 1, sort=sort, total=total)
    for of_code in OF_CODE
    for where in (
        Has("Observation", "subject", of_code),
        Not(Has("Observation", "subject", of_code)),
        And((Has("Observation", "subject", of_code), Has("Observation", "subject", OF_CODE[0]))),
        And((Has("Observation", "subject", of_code), Ids(frozenset({"c1", "c2", "c3", "c4"})))),
        Has("Observation", "subject", Or(tuple(OF_CODE))),
    )
    for sort in ((), (BY_ID,))
    for total in ("none", "accurate")
]  # fmt: skip


async def _seen(store, agency_):
    """The scores and young people that the agency sees."""
    return {one.id async for one in eyes(store, agency_).everything(LOCALITY, ["Observation", "Patient"])}


async def test_who_looks_gets_the_first_of_what_they_see(clinic):
    """By whichever plan: with few and with many on a page, and as many in all as there are."""
    for agency_ in (SCHOOL, CAMHS, CHARITY):
        seen = await _seen(clinic, agency_)
        for query in QUERIES:
            if query.type == "Patient" and agency_ == SCHOOL:
                continue  # a reverse chain leads along what they see alone: below
            whole = await clinic.search(LOCALITY, _of(query, 100))
            expected = [one.id for one in whole.items if one.id in seen]
            await _holds(eyes(clinic, agency_), query, expected)


async def test_a_reverse_chain_leads_along_what_is_seen_alone(clinic):
    seen = await _seen(clinic, SCHOOL)
    coded = {}
    for code in OF_CODE:
        page = await clinic.search(LOCALITY, Query("Observation", code, 100))
        coded[code] = {one.child for one in page.items if one.id in seen}
    for code in OF_CODE:
        everyone = [f"c{child}" for child in range(CHILDREN) if f"c{child}" in seen]
        led = [child for child in everyone if child in coded[code]]
        assert len(led) > 0
        await _holds(eyes(clinic, SCHOOL), Query("Patient", Has("Observation", "subject", code), 1), led)
        rest = [child for child in everyone if child not in coded[code]]
        await _holds(
            eyes(clinic, SCHOOL), Query("Patient", Not(Has("Observation", "subject", code)), 1), rest
        )


def _of(query, count):
    return Query(query.type, query.where, count, sort=query.sort, total=query.total)


async def _holds(store, query, expected):
    for count in (1, 2, len(expected) or 1, 100):
        page = await store.search(LOCALITY, _of(query, count))
        assert [one.id for one in page.items] == expected[:count], query
        assert page.more == (len(expected) > count)
        if query.total == "accurate":
            assert page.total == len(expected)

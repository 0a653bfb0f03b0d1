"""The decision as text and values. What it decides is held in tests/agreement/test_sharing_agreement.py."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from service.fhir.search.expressions import (
    And,
    Chain,
    Date,
    Everything,
    Has,
    Ids,
    Not,
    Query,
    Reference,
    SortKey,
    Token,
)
from service.fhir.search.sight import Sight
from service.outcomes.grants import EVERYONE, sector_party
from service.storage.names import Kind, Names
from service.storage.querying import decision
from service.storage.statements import POSTGRESQL, SQLITE, compiled
from service.storage.tables import resource
from tests.storage.builders import LOCALITY
from tests.storage.circle import CAMHS, SCHOOL, eyes, world

SIGHT = Sight("camhs", frozenset({"school", "health"}), "TREAT")


def test_parties_are_the_agency_everyone_and_its_sectors():
    parties = decision.parties(SIGHT)
    assert parties[0] == (Kind.AGENCY, "camhs")
    assert {name for _, name in parties} == {
        "camhs",
        EVERYONE,
        sector_party("school"),
        sector_party("health"),
    }
    assert [len(decision.parties(Sight("a", frozenset("xyz"[:count])))) for count in range(4)] == [2, 4, 4, 8]


def test_who_is_not_known_is_nobody():
    found = decision.values(SIGHT, Names(), 5)
    assert {found[name] for name in ("me", "party0", "party1", "purpose")} == {-1}
    assert found["now"] == 5
    # 0 stands for an author whom nobody knows, and is nobody's number.
    assert decision.values(Sight(""), Names(), 5)["me"] == -1


def test_numbers_are_worked_out_once_all_are_known():
    names, sight = Names(), Sight("camhs")
    assert decision.unknown(sight, names) == {
        (Kind.AGENCY, "camhs"),
        (Kind.AGENCY, "*"),
        (Kind.PURPOSE, "TREAT"),
    }
    names.learn([(Kind.AGENCY, 4, "camhs"), (Kind.AGENCY, 5, "*")])
    assert decision.values(sight, names, 1)["purpose"] == -1
    names.learn([(Kind.PURPOSE, 6, "TREAT")])
    assert decision.values(sight, names, 2)["purpose"] == 6
    assert decision.unknown(sight, names) == set()
    assert decision.values(sight, names, 3, "ash") == {
        "me": 4, "party0": 4, "party1": 5, "purpose": 6, "now": 3, "asked_child": b"ash",
        "eyes": "me=4 party0=4 party1=5 purpose=6",
    }  # fmt: skip


def test_who_sees_everything_asks_nothing():
    for sight in (None, Sight("camhs", every=True)):
        assert decision.slots(sight) == 0
        assert decision.values(sight, Names(), 5) == {}
    assert compiled(select(decision.Decision(resource.c, 0)), SQLITE).text.split() == [
        "SELECT",
        "7",
        "AS",
        "anon_1",
    ]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
def test_no_value_stands_in_the_text(dialect):
    seen = decision.visible(resource.c, 4, resource.c.type, asked=True)
    made = compiled(select(resource.c.rid).where(seen), dialect)
    assert set(made.arguments) == {
        "me",
        "now",
        "purpose",
        "locality",
        # SQLite remembers of whose eyes; PostgreSQL looks once at what is said of the child that is asked about.
        "eyes" if dialect is SQLITE else "asked_child",
        *(f"party{n}" for n in range(4)),
    }
    assert made.constants == {}


def test_arguments_are_numbered_on_behind_those_that_are_there():
    text, names = decision.numbered("r", 2, {"locality": "$1", "first": "$2"})
    assert sorted(names) == ["me", "now", "party0", "party1", "purpose"]
    for place, name in enumerate(names, 3):
        assert f"${place}::{'bigint' if name == 'now' else 'integer'}" in text
    assert f"${3 + len(names)}" not in text


ASH = Reference("subject", "Patient", "ash")
CODE = Token("code", None, "1034351000000101")
NEWEST = (SortKey("date", "date", descending=True),)
QUERIES = [
    Query("Observation", ASH, 20),
    Query("Observation", ASH, 20, sort=NEWEST),
    Query("Observation", And((ASH, CODE)), 20, total="accurate"),
    Query("Observation", CODE, 20, sort=NEWEST),
    Query("Observation", And((CODE, Date("date", "ge", 0, 1))), 20),
    Query("Observation", Everything(), 20),
    Query("Observation", Not(CODE), 20),
    Query("Observation", Chain("subject", "Patient", Token("identifier", None, "1")), 20),
    Query("Patient", Has("Observation", "subject", CODE), 20),
    Query("Patient", Ids(frozenset({"ash"})), 20),
]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_who_looks_changes_neither_the_way_nor_the_number_of_statements(store, query):
    await world(store)
    whole = await store.explain(LOCALITY, query)
    for agency in (CAMHS, SCHOOL, "stranger"):
        seen = await eyes(store, agency).explain(LOCALITY, query)
        # A page that is not filled has the rest to count.
        assert {one.purpose for one in seen} <= {one.purpose for one in whole} | {"total"}
        assert len(seen) <= len(whole) + 1
    searches, number = store._searches, store._locality(LOCALITY)
    sighted = Query(query.type, query.where, query.count, sort=query.sort, sight=Sight(SCHOOL))
    assert searches.plan(number, query) == searches.plan(number, sighted)
    assert searches.questions(number, query) == searches.questions(number, sighted)
    assert searches.direction(query) == searches.direction(sighted)


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_nothing_is_looked_for_by_who_may_see_it(store, query):
    """What is said of a child is looked up by the child, and resources by their keys: no table is read through."""
    await world(store)
    walks = query.where == Everything() or isinstance(query.where, Not)
    for statement in await eyes(store, SCHOOL).explain(LOCALITY, query):
        for line in statement.plan:
            if "index_sharing" in line or line.strip().startswith(("SEARCH s ", "SEARCH t ", "SEARCH q ")):
                assert "index_sharing_pkey" in line or "USING PRIMARY KEY (locality=? AND child=?" in line
            assert "Seq Scan" not in line
            assert not ("SCAN " in line and "resource" in line and not walks)


DEEP = [
    Query("MeasureReport", Chain("subject", "Patient", Token("identifier", "urn:x", "1")), 20),
    Query("PractitionerRole", Chain("organization", "Organization", Has("CareTeam", "participant", ASH)), 20),
    Query("Patient", Has("Encounter", "subject", Has("Observation", "encounter", CODE)), 20),
    Query(
        "Observation",
        Not(
            Chain("encounter", "Encounter", Chain("subject", "Patient", Has("Observation", "subject", CODE)))
        ),
        20,
    ),
    Query("Observation", And((CODE, Chain("subject", "Patient", Has("Observation", "subject", CODE)))), 20),
]


@pytest.mark.parametrize("query", DEEP, ids=range(len(DEEP)))
async def test_the_longest_chains_are_not_too_deep_for_the_parser(store, query):
    """SQLite's has a stack of a hundred, and the decision stands innermost."""
    await world(store)
    for sort in ((), NEWEST if query.type == "Observation" else (SortKey("_id", "_id"),)):
        for total in ("none", "accurate"):
            asked = Query(query.type, query.where, 20, sort=sort, total=total)
            assert await eyes(store, "stranger", sectors=frozenset("abcde")).explain(LOCALITY, asked)

"""Texts are kept by shape, counts for a while; and each plan looks at what it is meant to look at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import create_engine

from service.fhir.search.criteria import DEEPEST_CHAIN
from service.fhir.search.expressions import (
    And,
    Chain,
    Date,
    Everything,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Not,
    Or,
    Quantity,
    Query,
    Reference,
    SortKey,
    String,
    Token,
)
from service.fhir.search.sight import Sight
from service.storage.names import Kind, Names
from service.storage.querying.plans import BROAD, Plan
from service.storage.querying.searches import REMEMBERED, Searches
from service.storage.statements import POSTGRESQL, SQLITE
from service.storage.tables import metadata
from tests.storage.builders import creation, found, score, stored, unit, update
from tests.storage.querying.ways import Numbered, counted, explained, fetched

DAY = 86_400_000_000

CHILD = Reference("subject", "Patient", "a")
CODE = Token("code", None, "x")
FINAL = Token("status", None, "final")
SINCE = Date("date", "ge", 0, DAY)
TODAY = Date("date", "eq", 0, DAY)
SCORE = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, None)
NEWEST = (SortKey("date", "date", descending=True),)


class Seconds:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def searches(registry, seconds) -> Searches:
    return Searches(registry, Numbered(), SQLITE, seconds)


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """An empty SQLite database, in which nothing was ever analysed."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    yield engine.raw_connection().driver_connection
    engine.dispose()


def asked(where, **more) -> Query:
    return Query("Observation", where, 20, **more)


def test_searches_of_one_shape_share_one_text(searches):
    one = searches.page(1, asked(And((CHILD, CODE))))
    other = searches.page(2, asked(And((Reference("subject", "Patient", "b"), Token("code", None, "y")))))
    assert one[0] == other[0]
    assert one[1] != other[1]


@pytest.mark.parametrize(
    "query",
    [
        asked(CHILD, after=7), asked(CHILD, after=7, backward=True), asked(CHILD, sort=NEWEST),
        asked(CHILD, sort=(SortKey("date", "date"),)), asked(FINAL), asked(Everything()),
    ],
)  # fmt: skip
def test_what_is_asked_in_another_way_has_another_text(searches, query):
    assert searches.page(1, query)[0] != searches.page(1, asked(CHILD))[0]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    "where",
    [
        Token("code", "urn:secret", "secret"), Ids(frozenset({"secret"})), String("value-string", "secret", "contains"),
        Or(tuple(Token("code", "urn:secret", f"secret{number}") for number in range(20))),
        Has("Provenance", "target", Token("_tag", None, "secret")), Chain("subject", "Patient", String("name", "secret", "exact")),
    ],
)  # fmt: skip
def test_no_value_of_a_search_stands_in_a_text(registry, dialect, where):
    searches = Searches(registry, Numbered(), dialect)
    text, arguments = searches.page(1, asked(where))
    assert "secret" not in text
    assert any("secret" in str(value) for value in arguments)


def test_the_place_and_what_of_it_is_missing_tell_the_text(searches):
    query = asked(CHILD, sort=(*NEWEST, SortKey("code", "token")), after=7, as_of=1)
    there, arguments = searches.page(1, query, extent="settled", place=(5, "x"))
    missing, _ = searches.page(1, query, extent="settled", place=(5, None))
    assert there != missing
    assert {5, "x", 7} <= set(arguments)


def test_a_childs_search_asks_nothing_first(searches):
    assert searches.questions(1, asked(And((CHILD, SINCE, CODE)), sort=NEWEST)) is None


def test_what_was_counted_decides_for_a_while(searches, seconds):
    query = asked(And((FINAL, SCORE)))
    assert searches.plan(1, query) == Plan("stream", 0)
    text, arguments = searches.questions(1, query)
    assert text.count("count(*)") == 2
    assert BROAD in arguments
    searches.answered(1, query, (BROAD, 3))
    assert searches.questions(1, query) is None
    assert searches.plan(1, query) == Plan("collect", 1)
    assert searches.plan(2, query) == Plan("stream", 0)  # another locality
    seconds.now = REMEMBERED + 1
    assert searches.questions(1, query) is not None


def test_counts_of_other_values_say_nothing(searches):
    query = asked(And((FINAL, SCORE)))
    searches.questions(1, query)
    searches.answered(1, query, (BROAD, 3))
    other = asked(And((Token("status", None, "amended"), SCORE)))
    assert searches.questions(1, other) is not None
    searches.answered(1, asked(SCORE), (0,))  # never asked: nothing to remember


def test_unsorted_searches_for_late_dates_list_the_latest_keys_first(searches):
    assert searches.direction(asked(SINCE)) == -1
    assert searches.direction(asked(And((CHILD, SINCE)))) == 1
    assert searches.direction(asked(SINCE, sort=NEWEST)) == 1
    assert searches.direction(replace(asked(SINCE), rising=True)) == 1


async def test_a_store_counts_what_it_holds(store):
    await store.commit(
        "default", unit(*(creation(score(f"s{number}", "a", str(number))) for number in range(8)))
    )
    query = Query(
        "Observation", And((FINAL, Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, None))), 20
    )
    await counted(store, query)
    assert store._searches.plan(store._locality("default"), query) == Plan("collect", 1)
    assert await found(store, "Observation", query.where) == ["s6", "s7"]


async def test_the_total_is_counted_by_whichever_way(store):
    await store.commit(
        "default", unit(*(creation(score(f"s{number}", "ab"[number % 2])) for number in range(5)))
    )
    code = store._locality("default")
    for where, expected in (
        (CHILD, 3),
        (FINAL, 5),
        (Or((CHILD, Reference("subject", "Patient", "b"))), 5),
        (Everything(), 5),
    ):
        total = store._searches.total(code, Query("Observation", where, 1))
        assert await fetched(store, *total) == [(expected,)]


async def test_ids_at_commit_are_as_many_as_were_asked_for_and_one_more(store):
    made = [await stored(store, score(f"s{number}", "a")) for number in range(4)]
    code = store._locality("default")
    rows = await fetched(store, *store._searches.ids(code, Query("Observation", CHILD, 2)))
    assert [row[0] for row in rows] == [one.id.encode() for one in made[:3]]


# What SQLite must say of a search, whatever it holds: the index that leads, and what is never looked at whole.
LOOKS = [
    ("stream", CHILD, (), "index_reference_1 USING PRIMARY KEY (locality=? AND parameter=? AND target=?)"),
    ("stream behind a place", CHILD, (), "index_reference_1 USING PRIMARY KEY (locality=? AND parameter=? AND target=? AND rid>?)"),
    ("sorted child", CHILD, NEWEST, "index_reference_1 USING PRIMARY KEY (locality=? AND parameter=? AND target=?)"),
    ("dates of a child", And((CHILD, SINCE)), (), "index_date_1 USING PRIMARY KEY (locality=? AND parameter=? AND rid=?)"),
    ("collect", TODAY, (), "index_date_1 USING COVERING INDEX index_date_value (locality=? AND parameter=? AND low>? AND low<?)"),
    ("scan", SINCE, (), "index_date_1 USING PRIMARY KEY (locality=? AND parameter=?)"),
    ("walk", Missing("code", True), (), "resource_1 USING INDEX resource_type (locality=? AND type=?)"),
    ("missing", And((CHILD, Missing("code", True))), (), "index_token_1 USING COVERING INDEX index_token_resource (locality=? AND rid=? AND parameter=?)"),
    ("sorted walk", FINAL, NEWEST, "index_date_1 USING COVERING INDEX index_date_until (locality=? AND parameter=?)"),
    ("last changed first", Everything(), (SortKey("_lastUpdated", "_lastUpdated", True),), "resource_1 USING INDEX resource_updated (locality=? AND type=?)"),
    ("chain", Chain("subject", "Patient", Token("identifier", None, "1")), (), "index_token_1 USING PRIMARY KEY (locality=? AND parameter=? AND code=?)"),
    ("changed", LastUpdated("eq", 0, DAY), (), "resource_1 USING INDEX resource_updated (locality=? AND type=? AND updated>? AND updated<?)"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "where", "sort", "line"), LOOKS, ids=[look[0] for look in LOOKS])
def test_a_plan_looks_where_it_is_meant_to(searches, connection, what, where, sort, line):
    query = asked(where, sort=sort, after=7 if "behind" in what else None)
    searches.questions(1, query)
    searches.answered(1, query, (3,) if what == "changed" else (BROAD,))
    lines = explained(connection, searches, query)
    assert any(line in said for said in lines), lines


@pytest.mark.parametrize(("what", "where", "sort", "line"), LOOKS, ids=[look[0] for look in LOOKS])
def test_no_table_is_looked_through_from_end_to_end(searches, connection, what, where, sort, line):
    for further in ({}, {"after": 7}, {"after": 7, "backward": True}):
        lines = explained(connection, searches, asked(where, sort=sort, **further))
        assert not [
            said for said in lines if said.startswith("SCAN") and ("index_" in said or "resource" in said)
        ], lines


@pytest.mark.parametrize("where", [CHILD, And((CHILD, SINCE, CODE)), CODE, And((CODE, SCORE)), SCORE, SINCE])
@pytest.mark.parametrize("backward", [False, True])
def test_a_stream_is_not_sorted_but_for_the_page_that_is_sent(searches, connection, where, backward):
    lines = explained(connection, searches, asked(where, after=7, backward=backward))
    sorts = [said for said in lines if "TEMP B-TREE" in said]
    assert len(sorts) <= 1  # of the page's own rows, with their bodies


def test_of_a_childs_resources_those_that_moved_are_asked_for_only_if_any_did(searches, connection):
    lines = explained(connection, searches, asked(CHILD, sort=NEWEST, as_of=5), extent="moved")
    assert any("resource_updated (locality=? AND type=? AND updated>?)" in said for said in lines), lines
    assert any(
        "index_reference_1 USING PRIMARY KEY (locality=? AND parameter=? AND target=?)" in said
        for said in lines
    )


async def test_moved_and_settled_resources_are_all_there_are(store, clock):
    made = [await stored(store, score(f"s{number}", "a")) for number in range(3)]
    clock.now += 10
    as_of = clock()
    [changed] = await store.commit("default", unit(update(made[1], score("s1", "a", "5"))))
    query = Query("Observation", CHILD, 20, sort=NEWEST, as_of=as_of)
    searches, code = store._searches, store._locality("default")
    moved = await fetched(store, *searches.page(code, query, extent="moved"))
    settled = await fetched(store, *searches.page(code, query, extent="settled"))
    assert [row[6] for row in moved] == [changed.key]
    assert [row[6] for row in settled] == [made[0].key, made[2].key]
    broad = replace(query, where=FINAL)
    assert [row[6] for row in await fetched(store, *searches.page(code, broad, extent="moved"))] == [
        changed.key
    ]


@pytest.mark.parametrize("sort", [(), NEWEST])
@pytest.mark.parametrize(
    "last", [Missing("name", True), Not(Token("status", None, "active")), String("name", "x", "starts")]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_sqlite_can_read_chains_of_any_depth_that_is_let_through(searches, connection, sort, last, reverse):
    where = last
    for _ in range(DEEPEST_CHAIN):
        where = Has("Location", "partof", where) if reverse else Chain("partof", "Location", where)
    query = Query("Location", where, 20, sort=(SortKey("name", "string"),) if sort else ())
    for text, arguments in (searches.page(1, query), searches.total(1, query), searches.ids(1, query)):
        assert connection.execute(text, arguments).fetchall() in ([], [(0,)])


def test_sqlite_can_read_all_that_lies_below_a_place(searches, connection):
    below = house = Reference("partof", "Location", "house")
    for _ in range(DEEPEST_CHAIN):
        below = Or((house, Chain("partof", "Location", below)))
    query = Query("Location", And((below, FINAL)), 20, sort=(SortKey("name", "string"),))
    assert connection.execute(*searches.page(1, query)).fetchall() == []


def test_a_name_that_gets_its_number_meanwhile_is_seen_by_the_same_query(registry):
    names = Names()
    names.learn([(Kind.TYPE, 1, "Observation"), (Kind.PARAMETER, 1, "Observation.code")])
    searches = Searches(registry, names, SQLITE)
    query = asked(Token("code", "urn:new", "x"))
    before = searches.ids(1, query)
    names.learn([(Kind.SYSTEM, 7, "urn:new")])
    after = searches.ids(1, query)
    assert before[0] == after[0]
    assert 7 in after[1]
    assert 7 not in before[1]


def test_one_query_is_taken_apart_for_each_locality(searches):
    query = asked(CHILD)
    assert searches.page(1, query)[1] != searches.page(2, query)[1]


def test_counts_of_one_query_go_to_the_locality_that_they_were_asked_for(searches):
    query = asked(And((FINAL, SCORE)))
    searches.questions(1, query)
    searches.questions(2, query)
    searches.answered(1, query, (BROAD, 3))
    assert searches.questions(1, query) is None
    assert searches.questions(2, query) is not None


def test_what_is_asked_again_with_other_eyes_is_asked_with_those(searches):
    query = asked(And((FINAL, SCORE)))
    agency, other = (query.seen_by(Sight(name)) for name in ("camhs", "school"))
    narrowed = query.seen_by(Sight("camhs", narrowed={"Observation": CHILD}))
    statements = [searches.page(1, each) for each in (query, agency, narrowed, other, agency, query)]
    assert statements[0] == statements[5]
    assert statements[1][0] == statements[3][0] == statements[4][0]
    assert len({statement for statement, _ in statements}) == 3

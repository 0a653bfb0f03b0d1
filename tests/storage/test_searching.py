"""Pages of searches, unsorted and sorted, while others write: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import (
    And,
    Everything,
    Expression,
    Query,
    SortKey,
    String,
    Token,
)
from service.fhir.search.places import order
from service.storage.searching import MARGIN, MOST_PINS, Fetch
from service.storage.sqlite import SqliteStore
from service.storage.store import Found, Store, Stored
from tests.storage.builders import LOCALITY, creation, deletion, stored, unit, update

ACTIVE = Token("active", None, "true")
NAME, NAME_DOWN = SortKey("family", "string"), SortKey("family", "string", descending=True)
BORN, BORN_DOWN = SortKey("birthdate", "date"), SortKey("birthdate", "date", descending=True)
CHANGED, CHANGED_DOWN = SortKey("_lastUpdated", "_lastUpdated"), SortKey("_lastUpdated", "_lastUpdated", True)
GENDER, ID = SortKey("gender", "token"), SortKey("_id", "_id")
ORGANISATION = SortKey("organization", "reference")

ORDERS = [
    (),
    (NAME,),
    (NAME_DOWN,),
    (BORN_DOWN, NAME),
    (GENDER, BORN),
    (CHANGED,),
    (CHANGED_DOWN,),
    (ORGANISATION, ID),
]

ENDLESS = 80  # more pages, or children, than any test here has
MINUTE = 60_000  # milliseconds, well beyond MARGIN


def child(id_: str, *families: str, born: str | None = None, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Patient", "id": id_, "active": True, **more}
    if families:
        made["name"] = [{"family": family} for family in families]
    if born:
        made["birthDate"] = born
    return made


async def nothing() -> None:
    """What others do, where they do nothing."""


def plain_fetch(store: Any) -> Fetch:
    """How the store runs the statements of a search."""
    fetch: Fetch = store._reader.searched if isinstance(store, SqliteStore) else store._searched
    return fetch


@dataclass
class Clinic:
    """A store with the current version of each child, so that it can be changed."""

    store: Store
    current: dict[str, Stored] = field(default_factory=dict)
    during: Callable[[], Awaitable[None]] = nothing
    reborn: set[str] = field(default_factory=set)  # who was deleted once, and came back

    async def add(self, *children: dict[str, Any]) -> None:
        made = await self.store.commit(LOCALITY, unit(*map(creation, children)))
        self.current |= {one.id: one for one in made}

    async def change(self, resource: dict[str, Any]) -> None:
        [made] = await self.store.commit(LOCALITY, unit(update(self.current[resource["id"]], resource)))
        self.current[made.id] = made

    async def remove(self, id_: str) -> None:
        [made] = await self.store.commit(LOCALITY, unit(deletion(self.current[id_])))
        self.current[id_] = made

    async def found(self, query: Query) -> Found:
        """The page; others write behind each of its statements."""
        searching, plain = self.store._searching, plain_fetch(self.store)

        async def fetch(text: str, arguments: Sequence[Any]) -> Sequence[Any]:
            rows = await plain(text, arguments)
            await self.during()
            return rows

        return await searching.search(fetch, self.store._locality(LOCALITY), query)

    async def purposes(self, query: Query) -> list[str]:
        """What the statements of the search are for; what is asked to choose a plan is remembered."""
        told = await self.store.explain(LOCALITY, query)
        return [one.purpose for one in told if one.purpose != "estimate"]


@pytest.fixture
def clinic(store: Store) -> Clinic:
    return Clinic(store)


def first(*sort: SortKey, count: int = 3, where: Expression = ACTIVE, **more: Any) -> Query:
    return Query("Patient", where, count, sort=sort, **more)


def behind(query: Query, page: Found) -> Query:
    return replace(query, after=page.items[-1].key, as_of=page.as_of, pins=page.pins, backward=False)


def before(query: Query, page: Found) -> Query:
    return replace(query, after=page.items[0].key, as_of=page.as_of, pins=page.pins, backward=True)


def ids(page: Found) -> list[str]:
    return [one.id for one in page.items]


async def forward(
    clinic: Clinic, query: Query, between: Callable[[], Awaitable[None]] = nothing
) -> tuple[list[str], Found]:
    """All ids in the order of the pages, and the last page; others write between the pages."""
    pages = [await clinic.found(query)]
    while pages[-1].more:
        await between()
        pages.append(await clinic.found(behind(query, pages[-1])))
        assert len(pages) < ENDLESS
    if query.sort:
        orders = [
            order(place, query.sort, one.key)
            for page in pages
            for place, one in zip(page.places, page.items, strict=True)
        ]
        assert orders == sorted(orders)
    return [id_ for page in pages for id_ in ids(page)], pages[-1]


async def back(
    clinic: Clinic, query: Query, last: Found, between: Callable[[], Awaitable[None]] = nothing
) -> list[str]:
    """All ids before the last page, in the order of the pages."""
    seen: list[str] = []
    page, more = last, True
    while more and page.items:
        await between()
        page = await clinic.found(before(query, page))
        seen, more = ids(page) + seen, page.more
        assert len(seen) < ENDLESS
    return seen


async def test_missing_values_are_last_in_both_directions_and_equal_ones_in_the_order_of_keys(clinic: Clinic):
    await clinic.add(
        child("c", "Cedar"), child("none"), child("a2", "Alder"), child("a1", "Alder"), child("no")
    )
    assert (await forward(clinic, first(NAME, count=2)))[0] == ["a2", "a1", "c", "none", "no"]
    seen, last = await forward(clinic, first(NAME_DOWN, count=2))
    assert seen == ["c", "a2", "a1", "none", "no"]
    assert await back(clinic, first(NAME_DOWN, count=2), last) == seen[:4]


async def test_of_several_values_the_least_counts_upwards_and_the_greatest_downwards(clinic: Clinic):
    await clinic.add(child("ends", "Alder", "Yew"), child("mid", "Maple"), child("late", "Oak", "Pine"))
    assert (await forward(clinic, first(NAME, count=1)))[0] == ["ends", "mid", "late"]
    assert (await forward(clinic, first(NAME_DOWN, count=1)))[0] == ["ends", "late", "mid"]


async def test_several_keys_sort_one_after_the_other(clinic: Clinic):
    await clinic.add(
        child("a", "Ash", born="2010-05-01"),
        child("b", "Ash", born="2012-05-01"),
        child("c", "Elm", born="2012-05-01"),
        child("d", born="2012-05-01"),
        child("e", "Elm"),
    )
    assert (await forward(clinic, first(NAME, BORN_DOWN, count=2)))[0] == ["b", "a", "c", "e", "d"]
    assert (await forward(clinic, first(BORN_DOWN, NAME_DOWN, count=2)))[0] == ["c", "b", "d", "a", "e"]


async def test_places_tell_the_values_of_a_page(clinic: Clinic):
    await clinic.add(child("a", "Ash", born="1970-01-02"), child("b"))
    page = await clinic.found(first(NAME, BORN, CHANGED))
    day = 86_400_000_000
    assert page.places == (("ash", day, page.items[0].updated), (None, None, page.items[1].updated))


async def test_a_child_that_moves_between_pages_is_seen_once_and_as_it_is_now(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcdefgh"))
    clock.now += MINUTE
    query = first(NAME, count=3)
    page = await clinic.found(query)
    assert (ids(page), page.more) == (["a", "b", "c"], True)
    await clinic.change(child("b", "zz"))  # was shown, would come again
    await clinic.change(child("g", "aa"))  # was to come, would be missed
    second = await clinic.found(behind(query, page))
    assert ids(second) == ["d", "e", "f"]
    third = await clinic.found(behind(query, second))
    assert ids(third) == ["g", "h"]
    assert third.items[0] == clinic.current["g"]
    assert third.places[0] == ("g",)
    assert not third.more
    assert ids(await clinic.found(before(query, second))) == ["a", "b", "c"]
    assert ids(await clinic.found(first(NAME, count=9))) == ["a", "g", "c", "d", "e", "f", "h", "b"]


async def test_a_page_may_lie_beside_a_child_that_moved_or_was_deleted(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcdefgh"))
    clock.now += MINUTE
    query = first(NAME, count=3)
    page = await clinic.found(query)
    await clinic.change(child("c", "zz"))
    assert ids(second := await clinic.found(behind(query, page))) == ["d", "e", "f"]
    await clinic.remove("f")
    await clinic.remove("a")
    await clinic.remove("d")
    assert ids(third := await clinic.found(behind(query, second))) == ["g", "h"]
    assert ids(await clinic.found(before(query, third))) == ["b", "c", "e"]
    assert ids(await clinic.found(before(query, second))) == ["b", "c"]


async def test_a_child_that_was_deleted_and_came_back_has_the_place_it_had(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcdef"))
    clock.now += MINUTE
    query = first(NAME, count=2)
    page = await clinic.found(query)
    for id_ in "ae":
        await clinic.remove(id_)
        await clinic.change(child(id_, "c" + id_))
    seen, last = await forward(clinic, behind(query, page))
    assert seen == ["c", "d", "e", "f"]
    assert await back(clinic, query, last) == ["a", "b", "c", "d"]


async def test_a_child_that_was_gone_at_the_start_and_came_back_is_last(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcde"))
    await clinic.remove("a")
    clock.now += MINUTE
    query = first(NAME, count=2)
    page = await clinic.found(query)
    assert ids(page) == ["b", "c"]
    await clinic.change(child("a", "cc"))
    seen, last = await forward(clinic, behind(query, page))
    assert seen == ["d", "e", "a"]
    assert last.places[-1] == (None,)


async def test_a_child_created_while_the_pages_are_read_keeps_its_first_place(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "aceg"))
    clock.now += MINUTE
    query = first(NAME, count=1)
    page = await clinic.found(query)
    await clinic.add(child("d", "d"), child("0", "0"))
    await clinic.change(child("d", "zz"))
    await clinic.change(child("0", "f"))  # its place is before the page: it was not there at the start
    assert (await forward(clinic, behind(query, page)))[0] == ["c", "d", "e", "g"]


async def test_what_was_changed_just_before_the_first_page_is_where_it_is_now(clinic: Clinic, clock):
    """Within the margin a version may still appear that bears an earlier time; those that are there are pinned."""
    await clinic.add(*(child(id_, id_) for id_ in "abcde"))
    clock.now += MINUTE
    await clinic.change(child("a", "zz"))
    await clinic.change(child("e", "0"))
    query = first(NAME, count=2)
    page = await clinic.found(query)
    assert ids(page) == ["e", "b"]
    assert sorted(version for _, version in page.pins) == [2, 2]
    await clinic.change(child("e", "yy"))
    await clinic.change(child("a", "a"))
    seen, last = await forward(clinic, behind(query, page))
    assert seen == ["c", "d", "a"]
    assert await back(clinic, query, last) == ["e", "b", "c", "d"]
    clock.now += MARGIN
    assert (await forward(clinic, query))[0] == ["a", "b", "c", "d", "e"]


async def test_where_very_much_was_changed_just_before_it_is_where_it_was(clinic: Clinic, clock):
    names = [f"n{number:02}" for number in range(MOST_PINS + 1)]
    await clinic.add(child("a", "a"), *(child(name, name) for name in names))
    clock.now += MINUTE
    for name in names:
        await clinic.change(child(name, "0" + name))
    page = await clinic.found(first(NAME, count=2))
    assert (ids(page), page.pins) == (["a", "n00"], ())
    assert (await forward(clinic, behind(first(NAME, count=2), page)))[0] == names[1:]


async def test_what_no_longer_matches_is_left_out_and_what_matches_now_is_in_its_place(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcdef"), child("x", "d", active=False))
    clock.now += MINUTE
    query = first(NAME, count=2)
    page = await clinic.found(query)
    await clinic.change(child("c", "c", active=False))
    await clinic.change(child("x", "0"))
    assert (await forward(clinic, behind(query, page)))[0] == ["d", "x", "e", "f"]


async def test_several_types_can_agree_on_a_moment_and_begin_beside_one_another(clinic: Clinic, store, clock):
    await clinic.add(child("a", "b"), child("c", "f"))
    staff = {"resourceType": "Practitioner", "id": "p", "active": True, "name": [{"family": "d"}]}
    made = await stored(store, staff)
    clock.now += MINUTE
    as_of = clock() - MARGIN
    whole = first(NAME, as_of=as_of)
    page = await clinic.found(whole)
    assert (ids(page), page.as_of) == (["a", "c"], as_of)
    assert ids(await clinic.found(replace(whole, after=made.key))) == ["c"]
    assert ids(await clinic.found(replace(whole, after=made.key, backward=True))) == ["a"]


@pytest.mark.parametrize("sort", [(), (NAME,)])
async def test_backward_from_the_end_gives_the_last_page(clinic: Clinic, sort):
    await clinic.add(*(child(id_, id_) for id_ in "abcde"))
    last = await clinic.found(first(*sort, count=2, backward=True))
    assert (ids(last), last.more) == (["d", "e"], True)


async def test_a_place_that_is_not_there_is_refused(clinic: Clinic):
    await clinic.add(child("a", "a"))
    with pytest.raises(Malformed):
        await clinic.found(first(NAME, after=10**6, as_of=1))


@pytest.mark.parametrize(
    "sort", ORDERS, ids=lambda sort: ",".join(key.parameter for key in sort) or "unsorted"
)
@pytest.mark.parametrize("seed", range(3))
async def test_pages_are_exact_under_writes(clinic: Clinic, clock, sort, seed):
    """Whoever was there at the start and is still there is seen once, forward and backward; nobody is seen twice."""
    chance = random.Random(f"{seed}/{sort}")
    await clinic.add(*(drawn(chance, f"c{number}") for number in range(40)))
    for _ in range(15):
        clock.now += chance.choice([0, 1000, MINUTE])
        await written(clinic, chance)
    start = {id_ for id_, one in clinic.current.items() if not one.deleted}

    async def others() -> None:
        for _ in range(chance.randrange(4)):
            clock.now += chance.choice([0, 0, 3000, MINUTE])
            await written(clinic, chance)

    clinic.during = others
    query = first(*sort, count=5)
    seen, last = await forward(clinic, query, others)
    assert len(seen) == len(set(seen))
    stayed = start & {id_ for id_, one in clinic.current.items() if not one.deleted}
    assert stayed - clinic.reborn <= set(seen)
    again = await back(clinic, query, last, others)
    whole = again + ids(last)
    assert len(whole) == len(set(whole))
    assert [id_ for id_ in whole if id_ in set(seen)] == [id_ for id_ in seen if id_ in set(whole)]
    still = start & {id_ for id_, one in clinic.current.items() if not one.deleted}
    assert still - clinic.reborn <= set(whole)


def drawn(chance: random.Random, id_: str) -> dict[str, Any]:
    families = [chance.choice("abcde") * chance.randrange(1, 3) for _ in range(chance.choice([0, 1, 1, 2]))]
    more: dict[str, Any] = {}
    if chance.random() < 0.7:
        more["gender"] = chance.choice(["male", "female", "other"])
    if chance.random() < 0.7:
        more["managingOrganization"] = {"reference": f"Organization/{chance.randrange(3)}"}
    born = chance.choice([None, "2010", "2010-05", "2010-05-04", "2011-01-01"])
    return child(id_, *families, born=born, **more)


async def written(clinic: Clinic, chance: random.Random) -> None:
    act = chance.random()
    if act < 0.2:
        await clinic.add(drawn(chance, f"n{len(clinic.current)}"))
        return
    id_ = chance.choice(sorted(clinic.current))
    if clinic.current[id_].deleted:
        await clinic.change(drawn(chance, id_))
        clinic.reborn.add(id_)
    elif act < 0.35:
        await clinic.remove(id_)
    else:
        await clinic.change(drawn(chance, id_))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (first(), ["page"]),
        (first(total="accurate"), ["page", "total"]),
        (first(total="accurate", count=9), ["page"]),
        (first(total="accurate", count=0), ["total"]),
        (first(NAME), ["page", "moved"]),
        (first(NAME, count=9), ["page"]),
    ],
)
async def test_how_many_statements_a_first_page_takes(clinic: Clinic, clock, query, expected):
    await clinic.add(*(child(id_, id_) for id_ in "abcde"))
    clock.now += MINUTE
    assert await clinic.purposes(query) == expected


async def test_how_many_statements_a_sorted_page_takes_while_others_write(clinic: Clinic, clock):
    await clinic.add(*(child(id_, id_) for id_ in "abcdef"))
    clock.now += MINUTE
    query = first(NAME, count=2)
    page = await clinic.found(query)
    assert await clinic.purposes(behind(query, page)) == ["versions", "settled", "moved"]
    await clinic.change(child("e", "e"))
    assert await clinic.purposes(behind(query, page)) == ["versions", "settled", "moved", "versions"]
    assert await clinic.purposes(query) == ["page", "moved"]
    await clinic.change(child("a", "a"))
    assert await clinic.purposes(query) == ["page", "moved"]
    for number in range(MOST_PINS):
        await clinic.add(child(f"x{number}", "x"))
        await clinic.change(child(f"x{number}", "y"))
    assert await clinic.purposes(query) == ["page", "moved", "settled", "moved", "versions"]


async def test_statements_are_told_without_values(clinic: Clinic, clock):
    await clinic.add(*(child(id_, "Secretive") for id_ in "abcde"))
    where = And((ACTIVE, String("family", "secret", "starts")))
    told = await clinic.store.explain(LOCALITY, first(NAME, where=where, total="accurate"))
    assert [one.purpose for one in told if one.purpose != "estimate"] == ["page", "moved", "total"]
    for one in told:
        assert one.plan
        assert one.microseconds > 0
        assert "secret" not in (one.text + " ".join(one.plan)).casefold()
    assert [one.rows for one in told if one.purpose == "page"] == [4]


@pytest.mark.parametrize("total", ["accurate", "estimate"])
async def test_the_total_counts_all_that_match(clinic: Clinic, total):
    await clinic.add(*(child(id_, id_) for id_ in "abcde"), child("x", active=False))
    for sort in ((), (NAME,)):
        query = first(*sort, total=total)
        page = await clinic.found(query)
        assert page.total == 5
        assert (await clinic.found(behind(query, page))).total == 5
    none = await clinic.found(first(count=0, total=total))
    assert (none.items, none.total) == ((), 5)
    assert (await clinic.found(first())).total is None


async def test_the_total_of_a_type_leaves_out_what_was_deleted(clinic: Clinic):
    await clinic.add(*(child(id_, id_) for id_ in "abcde"))
    await clinic.remove("b")
    for count in (0, 2):
        query = Query("Patient", Everything(), count, total="accurate")
        assert (await clinic.found(query)).total == 4
    assert (await clinic.found(replace(query, type="Goal"))).total == 0

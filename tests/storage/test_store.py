"""What any store must do: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from service.fhir import codec
from service.fhir.search.expressions import Everything, Expression, LastUpdated, Not, Query, Reference, Token
from service.storage.checking import check
from service.storage.store import Change, Expectation, HistoryQuery, Stale, Store, Unit
from tests.storage.builders import (
    AUDIT,
    LOCALITY,
    creation,
    deletion,
    found,
    patient,
    score,
    stored,
    unit,
    update,
)

NUMBER_1 = Token("identifier", "urn:number", "1")
NUMBER_2 = Token("identifier", "urn:number", "2")


async def test_what_is_stored_is_read_back_to_the_byte(store: Store):
    made = await stored(store, patient("a", multipleBirthInteger=2))
    assert made.version == 1
    assert made.body.startswith(
        b'{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"20'
    )
    assert await store.read(LOCALITY, "Patient", "a") == made
    assert await store.read_version(LOCALITY, "Patient", "a", 1) == made


async def test_decimals_keep_their_digits(store: Store):
    made = await stored(store, score("s", "a", value="7.10"))
    assert b'"value":7.10}' in made.body


@pytest.mark.parametrize("id_", ["a", "0123456789abcdef", "0189f0a0-0000-7000-8000-000000000001", "x" * 64])
async def test_every_kind_of_id_is_found_again(store: Store, id_: str):
    await stored(store, patient(id_))
    assert await found(store, "Patient", NUMBER_1) == [id_]


async def test_nothing_is_read_of_an_id_never_used(store: Store):
    assert await store.read(LOCALITY, "Patient", "a") is None
    assert await store.read_version(LOCALITY, "Patient", "a", 1) is None
    assert (await store.history(LOCALITY, HistoryQuery("Patient", "a", 10))).items == ()


async def test_an_update_supersedes_and_searches_see_the_new(store: Store):
    first = await stored(store, patient("a", "1"))
    [second] = await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    assert (second.version, second.key) == (2, first.key)
    assert await found(store, "Patient", NUMBER_1) == []
    assert await found(store, "Patient", NUMBER_2) == ["a"]
    assert await store.read_version(LOCALITY, "Patient", "a", 1) == first


async def test_a_deleted_resource_leaves_its_tombstone_and_can_come_back(store: Store):
    first = await stored(store, patient("a"))
    [gone] = await store.commit(LOCALITY, unit(deletion(first)))
    assert gone.deleted
    assert gone.body == b""
    assert await store.read(LOCALITY, "Patient", "a") == gone
    assert await found(store, "Patient", Everything()) == []
    [back] = await store.commit(LOCALITY, unit(update(gone, patient("a", "2"))))
    assert back.version == 3
    assert await found(store, "Patient", NUMBER_2) == ["a"]


async def test_a_unit_decided_on_an_old_version_is_stale_and_leaves_nothing(store: Store):
    first = await stored(store, patient("a"))
    await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    with pytest.raises(Stale):
        await store.commit(LOCALITY, unit(creation(patient("b", "9")), update(first, patient("a", "3"))))
    assert await store.read(LOCALITY, "Patient", "b") is None
    assert await found(store, "Patient", NUMBER_2) == ["a"]


async def test_creating_an_id_that_exists_is_stale(store: Store):
    await stored(store, patient("a"))
    with pytest.raises(Stale):
        await stored(store, patient("a"))


async def test_a_large_unit_is_stored_whole_and_answered_in_order(store: Store):
    made = await store.commit(LOCALITY, unit(*(creation(score(f"s{n}", "a")) for n in range(1200))))
    assert [item.id for item in made] == [f"s{n}" for n in range(1200)]
    page = await store.search(LOCALITY, Query("Observation", Everything(), 1000, total=True))
    assert (len(page.items), page.more, page.total) == (1000, True, 1200)


async def test_pages_follow_one_another_without_gap_or_repeat(store: Store):
    await store.commit(LOCALITY, unit(*(creation(patient(f"p{n}")) for n in range(25))))
    seen: list[str] = []
    after: int | None = None
    while True:
        page = await store.search(LOCALITY, Query("Patient", NUMBER_1, 10, after=after))
        seen += [item.id for item in page.items]
        if not page.more:
            break
        after = page.items[-1].key
    assert seen == [f"p{n}" for n in range(25)]


async def test_history_is_told_newest_first_with_deletions(store: Store):
    first = await stored(store, patient("a"))
    [second] = await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    [third] = await store.commit(LOCALITY, unit(deletion(second)))
    other = await stored(store, score("s", "a"))
    instance = await store.history(LOCALITY, HistoryQuery("Patient", "a", 10))
    assert instance.items == (third, second, first)
    assert instance.total == 3
    assert (await store.history(LOCALITY, HistoryQuery(None, None, 10))).items == (
        other,
        third,
        second,
        first,
    )
    assert (await store.history(LOCALITY, HistoryQuery("Patient", None, 2))).items == (third, second)


async def test_history_pages_and_bounds(store: Store):
    versions = [await stored(store, patient("a"))]
    for number in "2345":
        versions += await store.commit(LOCALITY, unit(update(versions[-1], patient("a", number))))
    newest = versions[::-1]
    page = await store.history(LOCALITY, HistoryQuery("Patient", None, 2))
    assert (page.items, page.more) == ((newest[0], newest[1]), True)
    last = page.items[-1]
    after = (last.updated, last.key, last.version)
    page = await store.history(LOCALITY, HistoryQuery("Patient", None, 10, after=after))
    assert (page.items, page.more) == (tuple(newest[2:]), False)
    since = await store.history(LOCALITY, HistoryQuery("Patient", "a", 10, since=versions[3].updated))
    assert since.items == (newest[0], newest[1])
    at = (versions[1].updated, versions[2].updated + 1)
    current_then = await store.history(LOCALITY, HistoryQuery("Patient", "a", 10, at=at))
    assert current_then.items == (versions[2], versions[1])


async def test_localities_are_walls(store: Store):
    await stored(store, patient("a"))
    await stored(store, patient("a", "2"), locality="elsewhere")
    assert await found(store, "Patient", Everything()) == ["a"]
    assert await found(store, "Patient", NUMBER_2) == []
    assert await found(store, "Patient", NUMBER_2, locality="elsewhere") == ["a"]
    history = await store.history("elsewhere", HistoryQuery(None, None, 10))
    assert len(history.items) == 1


async def test_many_are_read_at_once(store: Store):
    first = await stored(store, patient("a"))
    second = await stored(store, score("s", "a"))
    keys = [("Patient", "a"), ("Observation", "s"), ("Patient", "never")]
    assert await store.read_many(LOCALITY, keys) == {keys[0]: first, keys[1]: second}


async def test_of_many_who_ask_the_same_question_one_decides(store: Store, database_url, registry, extractor):
    query = Query("Patient", Token("identifier", "urn:number", "7"), 2)

    async def create(number: int) -> bool:
        change = creation(patient(f"p{number}", "7"))
        try:
            await store.commit(LOCALITY, Unit((change,), AUDIT, (Expectation(query, frozenset()),)))
        except Stale:
            return False
        return True

    assert sum(await asyncio.gather(*map(create, range(20)))) == 1
    assert (await check(database_url, registry, extractor)).faults == []


async def test_what_was_expected_and_holds_lets_the_unit_through(store: Store):
    await stored(store, patient("a", "7"))
    query = Query("Patient", Token("identifier", "urn:number", "7"), 2)
    kept = Unit((creation(score("s", "a")),), AUDIT, (Expectation(query, frozenset({"a"})),))
    assert len(await store.commit(LOCALITY, kept)) == 1


async def test_fifty_at_once_on_one_resource_leave_each_version_once(store: Store):
    await stored(store, patient("a", "0"))

    async def write(number: int) -> None:
        while True:
            before = await store.read(LOCALITY, "Patient", "a")
            assert before is not None
            try:
                await store.commit(LOCALITY, unit(update(before, patient("a", str(number)))))
            except Stale:
                continue
            return

    await asyncio.gather(*map(write, range(1, 51)))
    history = await store.history(LOCALITY, HistoryQuery("Patient", "a", 100))
    assert [item.version for item in history.items] == list(range(51, 0, -1))
    written = {codec.decode(item.body)["identifier"][0]["value"] for item in history.items}
    assert written == {str(number) for number in range(51)}


async def test_as_many_units_as_connections_all_finish(store: Store):
    large = [unit(*(creation(score(f"s{n}-{m}", "a")) for m in range(50))) for n in range(32)]
    made = await asyncio.gather(*(store.commit(LOCALITY, one) for one in large))
    assert sum(map(len, made)) == 1600


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Reference("subject", "Patient", "a"), ["s1", "s2"]),
        (Reference("subject", "Patient", "b"), ["s3"]),
        (Reference("subject", None, "a"), ["s1", "s2"]),
        (Reference("patient", "Patient", "nobody"), []),
        (Not(Reference("subject", "Patient", "a")), ["s3"]),
        (LastUpdated("gt", 0, 1), ["s1", "s2", "s3"]),
        (LastUpdated("lt", 0, 1), []),
    ],
)
async def test_scores_are_found_by(store: Store, where: Expression, expected: list[str]):
    resources = [score("s1", "a"), score("s2", "a"), score("s3", "b")]
    await store.commit(LOCALITY, unit(*map(creation, resources)))
    assert sorted(await found(store, "Observation", where)) == expected


async def test_everything_walks_through_all_current_resources(store: Store):
    first = await stored(store, patient("a"))
    await stored(store, patient("b"))
    await stored(store, score("s", "a"))
    await store.commit(LOCALITY, unit(deletion(first)))
    walked = [item.id async for item in store.everything(LOCALITY, ["Patient", "Observation"])]
    assert walked == ["b", "s"]


async def test_a_secret_stays_the_same(store: Store):
    assert await store.secret("links") == await store.secret("links")
    assert await store.secret("links") != await store.secret("other")
    assert len(await store.secret("links")) == 32


async def test_ready(store: Store):
    assert await store.ready()


async def test_what_a_client_sends_as_number_never_breaks_the_store(store: Store):
    """Integers that fit no column are a client's doing and must not cost another unit its commit."""
    huge = score("s", "a", value="1" + "0" * 400)
    fine = [creation(patient(f"p{n}")) for n in range(5)]
    results = await asyncio.gather(
        *(store.commit(LOCALITY, unit(change)) for change in fine),
        store.commit(LOCALITY, unit(Change("Observation", "s", "POST", None, None, huge))),
        return_exceptions=True,
    )
    assert [len(result) for result in results[:5]] == [1] * 5


async def test_a_unit_holds_only_while_what_it_relied_on_is_current(store: Store):
    relied_on = await stored(store, patient("a"))
    untouched = await stored(store, patient("b"))
    first = Unit((creation(score("s1", "a")),), AUDIT, relied_on=(relied_on, untouched))
    await store.commit(LOCALITY, first)
    await store.commit(LOCALITY, unit(update(relied_on, patient("a", "2"))))
    with pytest.raises(Stale):
        await store.commit(
            LOCALITY, Unit((creation(score("s2", "a")),), AUDIT, relied_on=(untouched, relied_on))
        )
    assert await found(store, "Observation", Everything()) == ["s1"]


async def test_a_deletion_of_what_was_relied_on_is_noticed(store: Store):
    relied_on = await stored(store, patient("a"))
    await store.commit(LOCALITY, unit(deletion(relied_on)))
    with pytest.raises(Stale):
        await store.commit(LOCALITY, Unit((creation(score("s", "a")),), AUDIT, relied_on=(relied_on,)))


async def test_an_update_may_rely_on_others_too(store: Store):
    relied_on, other = await stored(store, patient("a")), await stored(store, patient("b"))
    await store.commit(LOCALITY, Unit((update(other, patient("b", "2")),), AUDIT, relied_on=(relied_on,)))
    assert (await store.read(LOCALITY, "Patient", "b")).version == 2

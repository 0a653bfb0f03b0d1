"""The outbox, on both databases: what is kept with a unit, told in order until it is acknowledged, by one alone."""

from __future__ import annotations

import asyncio
import random

import pytest

from service.fhir.search.derived import index_codes
from service.storage.checking import check
from service.storage.indexing import Indexer
from service.storage.names import Kind, Names
from service.storage.open import open_store
from service.storage.postgres_units import statement
from service.storage.preparation import prepare
from service.storage.store import Notice, Stale, Unit, Waiting
from tests.storage.builders import AUDIT, LOCALITY, creation, deletion, patient, stored, unit, update

CLIENT = "school's system"
PATIENTS = frozenset({"Patient"})


def notice(id_, about="p1", agency="school", event="began"):
    return Notice(id_, agency, event, ("Patient", about))


async def tell(store, *notices, locality=LOCALITY):
    """Stores a resource for each that the notices are about, together with them."""
    abouts = dict.fromkeys(each.about[1] for each in notices)
    changes = tuple(creation(patient(about)) for about in abouts)
    return await store.commit(locality, Unit(changes, AUDIT, notices=notices))


async def waiting(store, agency="school", count=100, after=None, locality=LOCALITY):
    return [each.id for each in await store.notices(locality, agency, count, after)]


@pytest.fixture
async def second(store, database_url, registry, extractor, clock):
    """Another process's store of the same database."""
    opened = await open_store(database_url, registry, extractor, clock, localities=("default", "elsewhere"))
    yield opened
    await opened.close()


async def test_a_notice_says_what_it_is_about(store):
    [made] = await tell(store, notice("n1"))
    assert await store.notices(LOCALITY, "school", 10) == (
        Waiting("n1", "began", ("Patient", "p1"), 1, made.updated),
    )


async def test_a_notice_is_of_the_version_that_it_was_stored_with(store):
    first = await stored(store, patient("p1"))
    changed = Unit((update(first, patient("p1", "2")),), AUDIT, notices=(notice("n1"),))
    [second] = await store.commit(LOCALITY, changed)
    [third] = await store.commit(LOCALITY, unit(update(second, patient("p1", "3"))))
    await store.commit(LOCALITY, unit(deletion(third)))
    [told] = await store.notices(LOCALITY, "school", 10)
    assert (told.version, told.at) == (2, second.updated)


async def test_each_agency_is_told_its_own(store):
    await tell(store, notice("n1"), notice("n2", agency="camhs", event="ended"))
    assert await waiting(store) == ["n1"]
    assert await waiting(store, "camhs") == ["n2"]
    assert await waiting(store, "nobody") == []


async def test_localities_are_walls(store):
    await tell(store, notice("n1"))
    await tell(store, notice("n2"), locality="elsewhere")
    assert await waiting(store) == ["n1"]
    assert await waiting(store, locality="elsewhere") == ["n2"]
    assert await store.acknowledge("elsewhere", "school", CLIENT, ["n1"], PATIENTS) == frozenset()
    assert await waiting(store) == ["n1"]


async def test_oldest_first_and_a_page_at_a_time(store):
    order = [f"n{number}" for number in random.Random(1).sample(range(100, 200), 12)]
    for number, id_ in enumerate(order):
        await tell(store, notice(id_, about=f"p{number}"))
    assert await waiting(store) == order
    assert await waiting(store, count=5) == order[:5]
    assert await waiting(store, count=5, after=order[4]) == order[5:10]
    assert await waiting(store, count=5, after=order[11]) == []


async def test_those_of_one_unit_are_told_in_the_order_of_their_ids(store):
    ids = ["n3", "n1", "n2"]
    await tell(store, *(notice(id_, about=f"p-{id_}") for id_ in ids))
    assert await waiting(store) == sorted(ids)
    assert await waiting(store, after="n1") == ["n2", "n3"]


async def test_a_page_may_begin_after_what_is_acknowledged(store):
    for number in range(4):
        await tell(store, notice(f"n{number}", about=f"p{number}"))
    await store.acknowledge(LOCALITY, "school", CLIENT, ["n1", "n2"], PATIENTS)
    assert await waiting(store) == ["n0", "n3"]
    assert await waiting(store, after="n1") == ["n3"]


@pytest.mark.parametrize("after", ["never", "n2"])
async def test_nothing_follows_what_the_agency_was_never_sent(store, after):
    await tell(store, notice("n1"), notice("n2", agency="camhs"))
    assert await waiting(store, after=after) == []


async def test_what_is_acknowledged_is_told_no_more_and_counted_once(store):
    await tell(store, *(notice(f"n{number}", about=f"p{number}") for number in range(3)))
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ["n0", "n2", "n2", "never"], PATIENTS) == {
        "n0",
        "n2",
    }
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ["n0", "n1"], PATIENTS) == {"n1"}
    assert await store.acknowledge(LOCALITY, "school", CLIENT, [], PATIENTS) == frozenset()
    assert await waiting(store) == []


async def test_nobody_acknowledges_for_another_agency(store):
    await tell(store, notice("n1"))
    assert await store.acknowledge(LOCALITY, "camhs", CLIENT, ["n1"], PATIENTS) == frozenset()
    assert await waiting(store) == ["n1"]


async def test_a_unit_that_is_not_stored_tells_nobody(store):
    first = await stored(store, patient("p1"))
    await store.commit(LOCALITY, unit(update(first, patient("p1", "2"))))
    late = Unit((creation(patient("p2")), update(first, patient("p1", "3"))), AUDIT, notices=(notice("n1"),))
    with pytest.raises(Stale):
        await store.commit(LOCALITY, late)
    assert await waiting(store) == []


async def test_an_id_that_is_taken_stores_nothing(store, database_url, registry, extractor):
    await tell(store, notice("n1"))
    with pytest.raises(Stale):
        await tell(store, notice("n1", about="p2"))
    assert await store.read(LOCALITY, "Patient", "p2") is None
    await tell(store, notice("n2", about="p3"))
    assert await waiting(store) == ["n1", "n2"]
    assert (await check(database_url, registry, extractor)).faults == []


async def test_every_kind_of_id(store):
    ids = ["a", "0123456789abcdef", "0189f0a0-0000-7000-8000-000000000001", "x" * 64]
    await tell(store, *(notice(id_) for id_ in ids))
    assert sorted(await waiting(store)) == sorted(ids)
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ids, PATIENTS) == set(ids)


async def test_an_agency_that_another_process_named_is_found(store, second):
    await tell(second, notice("n1", agency="new-agency"))
    assert await waiting(store, "new-agency") == ["n1"]


async def test_of_those_who_acknowledge_at_once_one_has_each(
    store, second, database_url, registry, extractor
):
    """Two processes, four readers each, in orders of their own; and writers meanwhile."""
    ids = [f"n{number:03}" for number in range(60)]
    for some in (ids[:20], ids[20:40], ids[40:]):
        await tell(store, *(notice(id_, about=f"p-{id_}") for id_ in some))
    draw = random.Random(7)
    readers = [(reader, draw.sample(ids, 40)) for reader in (store, second) * 4]

    async def acknowledge(reader, some):
        return await reader.acknowledge(LOCALITY, "school", CLIENT, some, PATIENTS)

    async def write(number):
        return await tell(second, notice(f"later{number}", about=f"late{number}"))

    done = await asyncio.gather(
        *(acknowledge(*each) for each in readers), *(write(number) for number in range(10))
    )
    had = [id_ for each in done[: len(readers)] for id_ in each]
    assert len(had) == len(set(had))
    assert set(had) == {id_ for _, some in readers for id_ in some}
    assert len(await waiting(store)) == len(ids) - len(had) + 10
    assert (await check(database_url, registry, extractor)).faults == []


async def test_readers_beside_writers_miss_nothing(store, second):
    """Who lists, acknowledges and lists again is told everything, once where nobody else reads."""
    told: list[str] = []
    writing = True

    async def write(writer, start):
        for number in range(start, start + 15):
            await tell(writer, notice(f"n{number}", about=f"p{number}"))

    async def read():
        while True:
            stop = not writing
            page = await waiting(store, count=4)
            had = await store.acknowledge(LOCALITY, "school", CLIENT, page, PATIENTS)
            told.extend(id_ for id_ in page if id_ in had)
            if stop and not page:
                return
            await asyncio.sleep(0)

    reading = asyncio.create_task(read())
    await asyncio.gather(write(store, 0), write(second, 100), write(second, 200))
    writing = False
    await reading
    assert sorted(told) == sorted(f"n{number + start}" for start in (0, 100, 200) for number in range(15))


@pytest.fixture
def written(registry, extractor):
    """The statement that stores a unit on PostgreSQL."""
    names = Names()
    wanted = {
        (Kind.TYPE, "Patient"),
        *((Kind.PARAMETER, f"Patient.{code}") for code in index_codes(registry, "Patient")),
    }
    names.learn((kind, number, text) for number, (kind, text) in enumerate(sorted(wanted), 1))

    async def number(unknown):
        names.learn((kind, 1000 + number, text) for number, (kind, text) in enumerate(sorted(unknown)))

    async def nothing_said(*_):
        return set()

    async def writing(unit):
        prepared = await prepare(1, unit, Indexer(registry, extractor, names), names, number, nothing_said)
        return statement(prepared, [each.stored(7, 8) for each in prepared.changes])

    return writing


async def test_a_unit_without_notices_costs_nothing_for_them(written):
    change = creation(patient("p1"))
    text, arguments = await written(Unit((change,), AUDIT))
    assert "notice" not in text
    told, further = await written(Unit((change,), AUDIT, notices=(notice("n1"),)))
    assert told.count("INSERT INTO notice ") == 1
    assert len(further) == len(arguments) + 6


async def test_those_about_other_types_are_as_if_they_were_not_there(store):
    await tell(store, notice("n1"), notice("n2"))
    others = frozenset({"Consent", "Communication", "Never"})
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ["n1", "never"], others) == frozenset()
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ["n1"], frozenset()) == frozenset()
    assert await waiting(store) == ["n1", "n2"]
    assert await store.acknowledge(LOCALITY, "school", CLIENT, ["n1"], others | PATIENTS) == {"n1"}

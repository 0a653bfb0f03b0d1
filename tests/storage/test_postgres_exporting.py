"""Moments on PostgreSQL: units under way are waited for, and those that come late are stamped anew."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from service.fhir.problems import Unavailable
from service.fhir.search.sight import Sight
from service.storage import postgres_exporting
from service.storage.export_views import BODY, KEY
from service.storage.exporting import LAST, Slice
from service.storage.open import migrate, open_store
from service.storage.store import Stale
from tests.postgres import drop_database, fresh_database
from tests.storage.builders import AUDIT, LOCALITY, patient, stored, unit, update
from tests.storage.circle import CHARITY, world

# What a unit's statement begins with: a lock that it holds until it is committed.
UNDER_WAY = "SELECT 1 FROM index_writer WHERE definitions IS NULL FOR KEY SHARE"
SEEN = 5  # the place in a row of whether and on what ground it is seen


@pytest.fixture
def url(postgres_server: str) -> str:
    made = fresh_database(postgres_server)
    migrate(made)
    return made


@pytest.fixture
async def opened(url, registry, extractor, clock):
    store = await open_store(url, registry, extractor, clock)
    yield store
    await store.close()


async def test_units_under_way_are_waited_for_and_later_ones_are_not(opened, url):
    early, late = await asyncpg.connect(url), await asyncpg.connect(url)
    first = early.transaction()
    await first.start()
    await early.execute(UNDER_WAY)
    await opened.exports.moment(LOCALITY)
    waiting = asyncio.create_task(opened.exports.settled())
    await asyncio.sleep(0.2)
    second = late.transaction()
    await second.start()
    await late.execute(UNDER_WAY)
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await first.commit()
    await asyncio.wait_for(waiting, 10)
    await second.rollback()
    await early.close()
    await late.close()


async def test_what_is_under_way_for_too_long_is_told(opened, url, monkeypatch):
    monkeypatch.setattr(postgres_exporting, "LONGEST", 0.1)
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute(UNDER_WAY)
        with pytest.raises(Unavailable):
            await opened.exports.settled()
    await opened.exports.settled()
    await connection.close()


async def test_a_unit_that_was_stamped_before_the_moment_is_stamped_anew(opened, clock):
    """It was stamped, and then its statement took its time to get there."""
    moments = []

    async def meanwhile():
        clock.now += 1000
        moments.append(await opened.exports.moment(LOCALITY))

    write = opened._write
    attempts = []

    async def slow(connection, prepared, rids, moment):
        attempts.append(moment)
        if len(attempts) == 1:
            original, now = opened._clock, clock()
            opened._clock = lambda: now
            await meanwhile()
            try:
                return await write(connection, prepared, rids, moment)
            finally:
                opened._clock = original
        return await write(connection, prepared, rids, moment)

    opened._write = slow
    made = await stored(opened, patient("a"))
    assert attempts == [0, moments[0]]
    assert made.updated > moments[0]
    view = await opened.exports.view(LOCALITY)
    assert await asyncio.to_thread(lambda: list(view.records(Slice("Patient", 0, LAST, moments[0])))) == []


async def test_what_is_stale_stays_so_whatever_the_moment(opened):
    first = await stored(opened, patient("a"))
    await opened.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    await opened.exports.moment(LOCALITY)
    with pytest.raises(Stale):
        await opened.commit(LOCALITY, unit(update(first, patient("a", "3"))))
    with pytest.raises(Stale):
        await opened.commit(LOCALITY, unit(update(first, patient("a", "3"))))


async def test_a_database_that_is_gone_is_told_as_one_that_may_come_back(url, registry, extractor, clock):
    store = await open_store(url, registry, extractor, clock)
    view = await store.exports.view(LOCALITY)
    await store.close()
    drop_database(url)
    of = Slice("Patient", 0, LAST, 5)
    with pytest.raises(Unavailable):
        await asyncio.to_thread(lambda: list(view.chunks(of)))
    with pytest.raises(Unavailable):
        await store.exports.slices(LOCALITY, of, 5)


async def test_lines_are_the_bodies_byte_for_byte_whatever_json_allows(opened):
    """What separators, quotes, escapes and line ends of any form of the database's own could be taken for."""
    control = "".join(map(chr, range(0x20)))
    texts = [
        control,
        f"\x7f\x80\x85\xa0\u2028\u2029\ufeff\ufffe\U0001f9d1\U0010ffff{control}",
        '"\\"\\\\" \\. \\N \\n \\u0001 \\x01 {} , ; \t | \' $$ \\',
        "\\.",
        "",
    ]
    contents = [patient(f"p{number}", photo=[{"title": text}]) for number, text in enumerate(texts)]
    made = [await stored(opened, content) for content in contents]
    assert min(map(min, (one.body for one in made))) >= 0x20
    at = await opened.exports.moment(LOCALITY)
    # One of them has moved on since.
    await opened.commit(LOCALITY, unit(update(made[1], patient("p1", photo=[{"title": "another"}]))))
    for sight in (None, Sight(AUDIT.agency)):
        view = await opened.exports.view(LOCALITY, sight)
        chunks = await asyncio.to_thread(lambda view=view: list(view.chunks(Slice("Patient", 0, LAST, at))))
        assert b"".join(chunk.lines for chunk in chunks) == b"".join(one.body + b"\n" for one in made)


async def test_of_what_is_not_seen_no_body_leaves_the_database(opened):
    await world(opened)
    of = Slice("Observation", 0, LAST, await opened.exports.moment(LOCALITY))
    view = await opened.exports.view(LOCALITY, Sight(CHARITY))

    def rows():
        with view.reading() as reading:
            found, _ = reading.following(of, 0, 100)
            return found, reading.listed(of, [row[KEY] for row in found])

    found, listed = await asyncio.to_thread(rows)
    assert found == listed
    assert [bool(row[BODY]) for row in found] == [bool(row[SEEN]) for row in found]
    assert {bool(row[BODY]) for row in found} == {True, False}

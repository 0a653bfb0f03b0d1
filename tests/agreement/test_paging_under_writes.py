"""Pages stay exact while others write: nothing twice, nothing missed, on both databases, in both directions.

Two workers (each with a store of its own on one database) serve the pages in turn, by the
links of the pages alone, while two more write as fast as they can: values that move up
and down the order, deletions, what is new, what is deleted and comes back.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from contextlib import AsyncExitStack, contextmanager
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.access.callers import Caller
from service.fhir import codec
from service.fhir.validation.validator import Validator
from service.interactions.context import Act, Context, Limits
from service.interactions.search import search
from service.storage.open import open_store
from service.storage.store import Stale
from tests.conftest import BASE_URL
from tests.storage.builders import creation, deletion, unit, update

HOUR = 3_600_000  # milliseconds
STEADY, FICKLE = 45, 15
WRITERS = 2
PATIENCE = 30  # seconds that a busy machine may take for one write
COUNT = 7

OBSERVATIONS = "Observation"
SEVERAL = ""  # types at once

# What is searched, and how beside the criteria that all of them have. Late ones are in another order of keys.
ORDERS = (
    (OBSERVATIONS, ""), (OBSERVATIONS, "_lastUpdated=ge2020"), (OBSERVATIONS, "_sort=-date"),
    (OBSERVATIONS, "_sort=-value-quantity,date"), (OBSERVATIONS, "_sort=_lastUpdated"), (OBSERVATIONS, "_sort=_id"),
    (SEVERAL, ""), (SEVERAL, "_sort=-date"),
)  # fmt: skip
FURTHER = (
    (OBSERVATIONS, "_sort=date"), (OBSERVATIONS, "_sort=value-quantity"), (OBSERVATIONS, "_sort=-_lastUpdated"),
    (OBSERVATIONS, "_sort=-subject,-_id"), (OBSERVATIONS, "_sort=code,-value-string"), (SEVERAL, "_lastUpdated=ge2020"),
    (SEVERAL, "_sort=_lastUpdated"), (SEVERAL, "_sort=subject"),
)  # fmt: skip
CRITERIA = [("status", "final,finished"), ("_count", str(COUNT))]
TYPES = ("_type", "Observation,Encounter")


def now() -> int:
    return time.time_ns() // 1_000_000


def resource(id_: str, random: Random, *, matching: bool = True):
    """An Observation or, one in three, an Encounter of nobody, whose every value is drawn anew; some are missing."""
    subject = {"reference": f"Patient/{random.choice('pqrs')}"}
    day = f"2026-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
    dated = random.random() < 0.8
    if type_of(id_) == "Encounter":
        status = "finished" if matching else "planned"
        period = {"period": {"start": day}} if dated else {}
        return {"resourceType": "Encounter", "id": id_, "status": status, "subject": subject, **period}
    value = {"valueQuantity": {"value": random.randint(0, 10)}}
    if random.random() < 0.3:
        value = {"valueString": random.choice(("uno", "due", "tre"))}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final" if matching else "amended",
        "code": {"coding": [{"system": "http://a.example/s", "code": random.choice("abcdef")}]},
        "subject": subject,
        **({"effectiveDateTime": day} if dated else {}),
        **value,
    }


def type_of(id_: str) -> str:
    return "Observation" if int(id_.partition("-")[2]) % 3 else "Encounter"


class Writer(threading.Thread):
    """Writes to one locality until it is stopped, by a store and a loop of its own."""

    def __init__(self, opened, locality, seed, stopped):
        super().__init__(daemon=True)
        self.opened, self.locality, self.random, self.stopped = opened, locality, Random(seed), stopped
        self.written = 0
        self.fault: BaseException | None = None

    def run(self):
        try:
            asyncio.run(self._write())
        except BaseException as fault:  # noqa: BLE001 - handed to the test below
            self.fault = fault

    async def _write(self):
        store = await self.opened()
        try:
            while not self.stopped.is_set():
                try:
                    await self._change(store)
                    self.written += 1
                except Stale:  # the other writer was first
                    continue
        finally:
            await store.close()

    async def _change(self, store):
        random = self.random
        fickle = random.random() < 0.3
        id_ = f"fickle-{random.randrange(2 * FICKLE)}" if fickle else f"steady-{random.randrange(STEADY)}"
        before = await store.read(self.locality, type_of(id_), id_)
        if before is None:
            change = creation(resource(id_, random))
        elif fickle and not before.deleted and random.random() < 0.4:
            change = deletion(before)
        else:
            matching = not fickle or random.random() < 0.5
            change = update(before, resource(id_, random, matching=matching))
        await store.commit(self.locality, unit(change))


@contextmanager
def writing(opened, locality, seed):
    """Others write to the locality meanwhile."""
    stopped = threading.Event()
    writers = [Writer(opened, locality, seed * WRITERS + number, stopped) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        stopped.set()
        for writer in writers:
            writer.join(PATIENCE)
    for writer in writers:
        if writer.fault is not None:
            raise writer.fault


class Reading:
    """Follows the links of a search through the workers in turn; others write between any two pages."""

    def __init__(self, workers, act, type_):
        self.workers, self.act, self.type = itertools.cycle(workers), act, type_
        self.writers = ()

    async def page(self, pairs):
        await self.written()
        answer = await search(next(self.workers), self.act, self.type, pairs)
        bundle = codec.decode(answer.document)
        ids = [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        return ids, {link["relation"]: link["url"] for link in bundle["link"]}

    async def written(self):
        """Waits until something was written again."""
        before = self._number()
        deadline = time.monotonic() + PATIENCE
        while self.writers and self._number() == before:
            assert time.monotonic() < deadline, "nobody writes"
            assert not any(writer.fault for writer in self.writers)
            await asyncio.sleep(0.001)

    def _number(self):
        return sum(writer.written for writer in self.writers)

    async def follow(self, links, relation, most=60):
        """The pages beside a page that has these links, in the direction of the relation, and the links of the last."""
        pages = []
        while relation in links:
            assert len(pages) < most, "the pages have no end"
            ids, links = await self.page(parse_qsl(urlsplit(links[relation]).query))
            pages.append(ids)
        return pages, links

    async def there_and_back(self, ids, links):
        """All pages from a first one on, and all again on the way back, by the links of each page as it was read.

        The last page is not read again: what was created since may push its last resources off it.
        """
        pages, links = await self.follow(links, "next")
        back, _ = await self.follow(links, "previous")
        there = [ids, *pages]
        return there, [*back[::-1], there[-1]]


@pytest.fixture(scope="module")
def validator(registry, terminology):
    return Validator(registry, terminology.guide, terminology)


@pytest.fixture
async def clinic(migrated_url, registry, extractor, validator, terminology):
    """Fills a locality an hour ago, and opens stores and workers on it."""
    async with AsyncExitStack() as stack:

        async def opened(clock=now, localities=("default",)):
            return await open_store(migrated_url, registry, extractor, clock, localities)

        async def worker(locality):
            store = await opened(localities=(locality,))
            stack.push_async_callback(store.close)
            return Context(
                registry=registry,
                validator=validator,
                store=store,
                clock=now,
                ids=str,
                base_url=BASE_URL,
                limits=Limits(),
                link_key=await store.secret("page-links"),
                extractor=extractor,
                guide=terminology.guide,
                terminology=terminology,
            )

        async def filled(locality, seed):
            random = Random(seed)
            store = await opened(lambda: now() - HOUR, (locality,))
            ids = [f"steady-{n}" for n in range(STEADY)] + [f"fickle-{n}" for n in range(FICKLE)]
            random.shuffle(ids)
            for id_ in ids:
                await store.commit(locality, unit(creation(resource(id_, random))))
            await store.close()
            return [await worker(locality), await worker(locality)]

        yield opened, filled


async def walk(clinic, type_, order, seed):
    """Turns all pages of one order forward and back again, others writing all the time."""
    opened, filled = clinic
    locality = f"{type_ or 'several'}-{order or 'unsorted'}-{seed}"
    workers = await filled(locality, seed)
    reading = Reading(workers, Act(Caller("epr", "camhs", locality), "request-1"), type_)
    pairs = [*CRITERIA, *([] if type_ else [TYPES]), *parse_qsl(order)]
    before = await everything(reading, pairs)
    ids, links = await reading.page(pairs)
    with writing(lambda: opened(localities=(locality,)), locality, seed) as reading.writers:
        assert "next" in links
        # The pages go by the first of them, and that was there before anybody wrote.
        for walked in await reading.there_and_back(ids, links):
            assert steady(walked) == steady([before])
        # Now others write before and while the first page is made, too: then there is no telling in which order.
        ids, links = await reading.page(pairs)
        assert "next" in links
        for walked in await reading.there_and_back(ids, links):
            assert sorted(steady(walked)) == sorted(steady([before]))


async def everything(reading, pairs):
    """All that is found, on one page."""
    ids, links = await reading.page([*(pair for pair in pairs if pair[0] != "_count"), ("_count", "1000")])
    assert "next" not in links
    return ids


def steady(pages):
    """Of what the pages show, nothing twice, what is there and matches throughout, in order."""
    seen = [id_ for page in pages for id_ in page]
    assert len(seen) == len(set(seen)), sorted(id_ for id_ in seen if seen.count(id_) > 1)
    return [id_ for id_ in seen if id_.startswith("steady")]


@pytest.mark.parametrize(("type_", "order"), ORDERS)
async def test_pages_are_exact_while_others_write(clinic, type_, order):
    await walk(clinic, type_, order, seed=1)


@pytest.mark.long
@pytest.mark.timeout(0)  # hundreds of walks
@pytest.mark.parametrize(("type_", "order"), ORDERS + FURTHER)
async def test_pages_are_exact_while_others_write_for_long(clinic, type_, order):
    for seed in range(2, 50):
        await walk(clinic, type_, order, seed)

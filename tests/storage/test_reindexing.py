"""Reindexing: afterwards the index is that of a store to which everything was written anew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from random import Random

import pytest

from service.access.rule import sharing_rule
from service.fhir.registry import Registry
from service.storage import indexed, reindexing
from service.storage.open import session
from service.storage.reindexing import Advance, Reindexing, Report, Voided
from service.storage.sessions import Busy
from service.storage.store import Stale, Store
from service.storage.tables import INDEXES
from tests.conftest import BASE_URL
from tests.databases import Databases
from tests.storage.builders import LOCALITY, deletion, score, stored, unit, update
from tests.storage.reindexed import (
    DEPLOYERS,
    current,
    extractor_of,
    fill,
    opened,
    own,
    people,
    registry_with,
    rows,
)

# Every test opens the stores that it wants itself, in a database that is migrated.
pytestmark = pytest.mark.usefixtures("migrated_url")

PATIENTS = 4
PEOPLE = people(PATIENTS)
PLAIN = registry_with()
FULL = registry_with(*DEPLOYERS)
# The same code, read from elsewhere.
OTHER_NOTE = registry_with(own("note-text", "string", "Observation.code.text"))
TOKEN_NOTE = registry_with(own("note-text", "token", "Observation.category"))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Small pieces, so that there are many of few resources; and little time until others have noticed."""
    monkeypatch.setattr(reindexing, "PIECE", 20)
    monkeypatch.setattr(indexed, "NOTICE", 0.1)
    monkeypatch.setattr(indexed, "KNOWN_FOR", 0.05)


@pytest.fixture
def anew(databases: Databases, tmp_path) -> str:
    """Another database, to which the same is written with everything known from the start."""
    folder = tmp_path / "anew"
    folder.mkdir()
    return databases.migrated("sqlite", folder)


class StoppedError(Exception):
    """What ends a run in the middle."""


def progress(stop_after: int | None = None):
    """What reindexing tells progress to: it stops after so many pieces, and keeps what it was told."""
    told: list[tuple[str, int, int]] = []

    @contextlib.contextmanager
    def begin(type_: str, total: int) -> Iterator[Advance]:
        def advance(count: int) -> None:
            told.append((type_, count, total))
            if stop_after is not None and len(told) > stop_after:
                raise StoppedError

        yield advance

    begin.told = told
    return begin


async def reindexed(database_url: str, registry: Registry, begin=None, types=()) -> Report:
    """As the command does it: the store is opened, which announces the definitions, and closed."""
    await (await opened(database_url, registry)).close()
    async with session(database_url) as own_session, own_session.alone():
        return await reindexing.reindex(
            own_session,
            registry,
            extractor_of(registry),
            begin or progress(),
            types,
            sharing_rule(registry, BASE_URL),
        )


async def filled(database_url: str, registry: Registry, resources=PEOPLE) -> None:
    store = await opened(database_url, registry)
    await fill(store, resources)
    await store.close()


async def pending(database_url: str, registry: Registry) -> set[str]:
    store = await opened(database_url, registry)
    found = await store.pending()
    await store.close()
    return {f"{type_}.{code}" for type_ in registry.served for code in found(type_)}


async def forget(database_url: str) -> None:
    """Leaves neither a row nor a mark, as if nothing had ever been indexed."""
    async with session(database_url) as own_session:
        for table in INDEXES:
            await own_session.run(f"DELETE FROM {table.name}")
        await own_session.run("DELETE FROM indexed_parameter")


async def test_what_is_stored_is_found_by_a_new_parameter_after_reindex(database_url: str, anew: str):
    await filled(database_url, PLAIN)
    before = await rows(database_url)
    report = await reindexed(database_url, FULL)
    await filled(anew, FULL)
    after = await rows(database_url)
    assert after == await rows(anew)
    assert report.parameters == len(FULL.search_parameters("Observation")) - len(
        PLAIN.search_parameters("Observation")
    ) + len(("with:identifier", "status-scored:canonical"))
    assert (report.added, report.removed) == ((after - before).total(), 0)
    assert (before - after).total() == 0
    assert {row[1][1] for row in after - before} == {
        "Observation.note-text", "Observation.with", "Observation.status-scored",
        "Observation.status-scored:canonical",
    } & {row[1][1] for row in after}  # fmt: skip
    assert await pending(database_url, FULL) == set()


async def test_an_index_of_which_nothing_is_left_is_made_again(database_url: str, anew: str):
    await filled(database_url, FULL)
    await forget(database_url)
    report = await reindexed(database_url, FULL)
    await filled(anew, FULL)
    assert await rows(database_url) == await rows(anew)
    assert report.resources == len(PEOPLE)
    assert await pending(database_url, FULL) == set()


async def test_where_nothing_waits_nothing_is_done(database_url: str):
    await filled(database_url, FULL)
    assert await reindexed(database_url, FULL) == Report()


@pytest.mark.parametrize("later", [OTHER_NOTE, TOKEN_NOTE], ids=["another path", "another type"])
async def test_rows_of_a_former_definition_go(database_url: str, anew: str, later: Registry):
    await filled(database_url, FULL)
    await reindexed(database_url, later)
    await filled(anew, later)
    assert await rows(database_url) == await rows(anew)


async def test_rows_of_a_composite_of_a_former_definition_go(database_url: str, anew: str):
    scored = DEPLOYERS[2]
    first, second = scored["component"]
    other = registry_with(
        scored | {"component": [first | {"expression": "value.as(CodeableConcept)"}, second]}
    )
    await filled(database_url, FULL)
    assert any(row[1][1] == "Observation.status-scored" for row in await rows(database_url))
    await reindexed(database_url, other)
    await filled(anew, other)
    assert await rows(database_url) == await rows(anew)


async def test_rows_of_a_parameter_that_is_no_more_go(database_url: str, anew: str):
    await filled(database_url, FULL)
    report = await reindexed(database_url, PLAIN)
    await filled(anew, PLAIN)
    assert await rows(database_url) == await rows(anew)
    assert report.removed > 0
    assert report.parameters == report.resources == report.added == 0


async def test_rows_of_another_type_are_left_where_one_type_is_asked_for(database_url: str):
    await filled(database_url, FULL)
    await forget(database_url)
    report = await reindexed(database_url, FULL, types=("Goal", "Patient"))
    of_parameters = [row for row in await rows(database_url) if row[0] != "index_sharing"]
    assert {row[1][1].partition(".")[0] for row in of_parameters} == {"Goal", "Patient"}
    assert report.resources == sum(each["resourceType"] in ("Goal", "Patient") for each in PEOPLE)
    waiting = await pending(database_url, FULL)
    assert not any(name.startswith(("Goal.", "Patient.")) for name in waiting)
    assert "Observation.code" in waiting


@pytest.mark.parametrize("pieces", [0, 1, 4])
async def test_a_run_that_was_stopped_goes_on_where_it_ended(database_url: str, anew: str, pieces: int):
    monitored = progress(stop_after=pieces)
    await filled(database_url, FULL)
    await forget(database_url)
    with pytest.raises(StoppedError):
        await reindexed(database_url, FULL, monitored)
    assert await pending(database_url, FULL) != set()
    # What the interrupted piece had written stands: `advance` is told after the commit.
    done = sum(count for _, count, _ in monitored.told)
    again = progress()
    report = await reindexed(database_url, FULL, again)
    assert report.resources == len(PEOPLE) - done
    assert sum(count for type_, count, _ in again.told if type_ == "Observation") == sum(
        each["resourceType"] == "Observation" for each in PEOPLE
    )
    await filled(anew, FULL)
    assert await rows(database_url) == await rows(anew)
    assert await pending(database_url, FULL) == set()


async def test_two_at_a_time_are_refused(database_url: str):
    await filled(database_url, FULL, [])
    async with session(database_url) as one, session(database_url) as other, one.alone():
        with pytest.raises(Busy):
            async with other.alone():
                pass
    async with session(database_url) as other, other.alone():
        pass


class Beside:
    """A writer that creates, changes and deletes scores while the index is made."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.random = Random(seed)
        self.done = 0
        self.stopped = False

    async def write(self, name: str) -> None:
        """Goes on until `stopped`."""
        known = {}
        held = [key async for key in self.store.everything(LOCALITY, ["Observation"])]
        known |= {each.id: each for each in self.random.sample(held, len(held) // 2)}
        while not self.stopped:
            kind = self.random.choice(["create", "change", "change", "same", "delete"])
            id_ = self.random.choice(sorted(known))
            before = known[id_]
            with contextlib.suppress(Stale):
                match kind:
                    case "create":
                        id_ = f"{name}-{self.done}"
                        known[id_] = await stored(self.store, score(id_, "a", str(self.random.random())))
                    case "delete" if not before.deleted:
                        [known[id_]] = await self.store.commit(LOCALITY, unit(deletion(before)))
                    case _:
                        note = {"note": [{"text": self.random.choice(["calm", "upset", "at school"])}]}
                        after = score(id_, "b", str(self.random.randrange(9))) | (
                            note if kind == "change" else {}
                        )
                        [known[id_]] = await self.store.commit(LOCALITY, unit(update(before, after)))
                self.done += 1


async def test_a_writer_beside_loses_nothing_and_leaves_nothing_over(database_url: str, anew: str):
    """What it changes while a piece is made is looked at again before the piece is written."""
    await filled(database_url, PLAIN)
    await forget(database_url)
    store = await opened(database_url, FULL)
    beside = [Beside(store, seed) for seed in range(3)]
    tasks = [asyncio.create_task(each.write(f"new-{each.random.random()}")) for each in beside]
    report = await asyncio.to_thread(asyncio.run, reindexed(database_url, FULL))
    written = sum(each.done for each in beside)
    for each in beside:
        each.stopped = True
    await asyncio.gather(*tasks)
    resources = await current(store, FULL)
    await store.close()
    assert report.resources > 0
    assert written > 10
    await filled(anew, FULL, resources)
    assert await rows(database_url) == await rows(anew)


async def test_what_an_old_server_writes_in_the_middle_ends_the_run(database_url: str):
    """It may write, but then nothing counts as complete of which it knows nothing."""
    await filled(database_url, PLAIN)
    old = await opened(database_url, PLAIN)
    await (await opened(database_url, FULL)).close()
    async with session(database_url) as own_session:
        work = Reindexing(own_session, FULL, extractor_of(FULL))
        await work.start()
        await stored(old, score("late", "a"))
        with pytest.raises(Voided):
            await work.index("Observation", {"note-text"}, progress())
    assert "Observation.note-text" in await pending(database_url, FULL)
    await old.close()


async def test_what_an_old_server_writes_afterwards_takes_the_marks_away(database_url: str):
    await filled(database_url, PLAIN)
    old, new = await opened(database_url, PLAIN), await opened(database_url, FULL)
    await reindexed(database_url, FULL)
    await asyncio.sleep(2 * indexed.KNOWN_FOR)
    assert (await new.pending())("Observation") == frozenset()
    await stored(old, score("late", "a"))
    await asyncio.sleep(2 * indexed.KNOWN_FOR)
    assert "note-text" in (await new.pending())("Observation")
    # What both know stays complete.
    assert "code" not in (await new.pending())("Observation")
    await old.close()
    await new.close()

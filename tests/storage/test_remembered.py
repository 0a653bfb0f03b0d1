"""What a connection remembers of a decision is forgotten when it may have become another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from service.access.rule import sharing_rule
from service.fhir.search.expressions import Everything, Query
from service.fhir.search.sight import Seen, Sight
from service.storage import remembered
from service.storage.names import Kind
from service.storage.open import migrate, open_store, sqlite_path
from service.storage.querying.decision import KEEP, KNOWN, MARK
from service.storage.remembered import Remembered, nothing_remembered
from service.storage.sqlite import connect, connect_reader
from service.storage.store import Store
from tests.conftest import BASE_URL, TestClock
from tests.storage.builders import LOCALITY, deletion, patient, score, unit, update
from tests.storage.circle import CAMHS, CHARITY, SCHOOL, agency, labelled, team, wrote

DAY = 86_400_000  # milliseconds
EYES = "me=3 party0=3 party1=4 purpose=1"
TRIGGERS = sorted(remembered.COUNTING)


async def shown(store, of=SCHOOL, type_="Observation", locality=LOCALITY, **more):
    """The ids of what the agency sees."""
    sighted = store.seen_by(locality, Sight(of, **more), Seen())
    page = await sighted.search(locality, Query(type_, Everything(), 100))
    return sorted(one.id for one in page.items)


@pytest.fixture
async def clinic(store):
    """Of two young people; the school is in the team of one, and does not see what is sensitive."""
    await wrote(
        store, CAMHS, *map(agency, (CAMHS, SCHOOL)), patient("ash", "1"), patient("birch", "2"),
        team("ash-team", "ash", CAMHS, SCHOOL), score("ash-1", "ash", "1"), score("birch-1", "birch", "2"),
        labelled(score("ash-2", "ash", "3")),
    )  # fmt: skip
    return store


@dataclass
class Worker:
    """Another process's store, with a clock of its own."""

    store: Store
    clock: TestClock


@pytest.fixture
async def worker(clinic, database_url, registry, extractor, clock):
    own = TestClock(clock.now)
    opened = await open_store(database_url, registry, extractor, own, rule=sharing_rule(registry, BASE_URL))
    yield Worker(opened, own)
    await opened.close()


async def test_a_withdrawal_holds_from_its_commit_in_every_process(clinic, worker):
    for store in (clinic, worker.store):
        assert await shown(store) == ["ash-1"] == await shown(store)
    current = await clinic.read(LOCALITY, "CareTeam", "ash-team")
    await clinic.commit(LOCALITY, unit(deletion(current)))
    for store in (worker.store, clinic):
        assert await shown(store) == []


async def test_what_is_permitted_is_seen_from_its_commit_in_every_process(clinic, worker):
    for store in (clinic, worker.store):
        assert await shown(store) == ["ash-1"]
    await wrote(clinic, CAMHS, team("birch-team", "birch", SCHOOL))
    for store in (worker.store, clinic):
        assert await shown(store) == ["ash-1", "birch-1"]


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "begins"])
async def test_a_team_that_ends_or_begins_is_seen_so_without_any_commit(clinic, worker, clock, ends):
    at = clock.now + 10 * DAY
    period = {"end" if ends else "start": datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")}
    current = await clinic.read(LOCALITY, "CareTeam", "ash-team")
    changed = team("ash-team", "ash", CAMHS, SCHOOL) | {"period": period}
    await clinic.commit(LOCALITY, unit(update(current, changed)))
    before, after = (["ash-1"], []) if ends else ([], ["ash-1"])
    for own, store in ((clock, clinic), (worker.clock, worker.store)):
        assert await shown(store) == before == await shown(store)
        own.now = at + 2 * DAY
        assert await shown(store) == after == await shown(store)
        # A clock that is put back is believed, too.
        own.now = at - 2 * DAY
        assert await shown(store) == before


async def test_nothing_is_remembered_of_other_eyes(clinic):
    await wrote(clinic, CAMHS, team("birch-team", "birch", CHARITY))
    for _ in range(3):
        assert await shown(clinic) == ["ash-1"]
        assert await shown(clinic, CHARITY) == ["birch-1"]
        assert await shown(clinic, "academy", sectors=frozenset({"school"})) == []
        assert await shown(clinic, CAMHS) == ["ash-1", "ash-2", "birch-1"]
        assert await shown(clinic, locality="elsewhere") == []


@pytest.fixture
def open_file(tmp_path):
    """The path of a migrated file."""
    migrate(f"sqlite:///{tmp_path / 'thrive.db'}")
    return tmp_path / "thrive.db"


@pytest.mark.parametrize("column", ["purpose", "type", "party", "locality"])
async def test_what_one_row_permits_is_remembered_of_that_alone(clinic, database_url, column):
    """A row that no clinic writes lets charities see the records for one purpose, of one type, or in one locality."""
    if not database_url.startswith("sqlite"):
        return  # PostgreSQL remembers nothing, and no one but the program writes to it here
    looks = {"of": CHARITY, "sectors": frozenset({"charity"}), "purpose": "HRESCH"}
    others = {
        "purpose": looks | {"purpose": "TREAT"},
        "type": looks | {"type_": "Patient"},
        "party": looks | {"of": "another", "sectors": frozenset({"school"})},
        "locality": looks | {"locality": "elsewhere"},
    }
    for each in (looks, *others.values()):
        assert await shown(clinic, **each) == []  # and who looks has a number now
    code = clinic._names.known
    row = {
        "locality": code(Kind.LOCALITY, LOCALITY), "child": b"birch", "rid": 1,
        "party": code(Kind.AGENCY, "sector|charity"), "effect": 1, "type": code(Kind.TYPE, "Observation"),
        "purpose": code(Kind.PURPOSE, "HRESCH"), "mask": 0, "low": 0, "high": 2**53, "team": b"",
    }  # fmt: skip
    with closing(sqlite3.connect(sqlite_path(database_url))) as beside, beside:
        beside.execute(f"INSERT INTO index_sharing VALUES ({', '.join(f':{name}' for name in row)})", row)
    for _ in range(3):
        assert await shown(clinic, **looks) == ["birch-1"]
        assert await shown(clinic, **others[column]) == []


async def test_it_is_remembered_and_the_count_tells_when_to_forget(clinic, worker, database_url):
    """Where nobody counts, a withdrawal is not noticed: so the tests above would tell."""
    if not database_url.startswith("sqlite"):
        return
    assert await shown(worker.store) == ["ash-1"]
    with closing(sqlite3.connect(sqlite_path(database_url))) as beside, beside:
        for trigger in TRIGGERS:
            beside.execute(f"DROP TRIGGER {trigger}")
        beside.execute("DELETE FROM index_sharing")
    assert await shown(worker.store) == ["ash-1"]
    with closing(sqlite3.connect(sqlite_path(database_url))) as beside, beside:
        beside.execute("UPDATE sharing_changes SET number = number + 1")
    assert await shown(worker.store) == []


def counted(connection):
    return dict(connection.execute("SELECT locality, number FROM sharing_changes").fetchall())


def test_each_change_of_a_row_is_counted_in_its_locality(open_file):
    with closing(connect(open_file)) as writer:
        add = "INSERT INTO index_sharing VALUES (?, x'01', 1, 1, 1, 0, 0, 0, 0, 9, x'')"
        assert counted(writer) == {}
        writer.execute(add, (1,))
        writer.execute(add, (2,))
        assert counted(writer) == {1: 1, 2: 1}
        writer.execute("UPDATE index_sharing SET high = 8 WHERE locality = 2")
        assert counted(writer)[2] > 1
        before = counted(writer)
        writer.execute("UPDATE index_sharing SET locality = 3 WHERE locality = 2")
        assert counted(writer)[2] > before[2]
        assert counted(writer)[3] == 1
        writer.execute("DELETE FROM index_sharing WHERE locality = 1")
        assert counted(writer)[1] == 2
        writer.execute("BEGIN")
        writer.execute("DELETE FROM index_sharing")
        writer.execute("ROLLBACK")
        assert counted(writer)[3] == 1


def test_who_writes_remembers_nothing_and_who_reads_does(open_file):
    """What was asked within a transaction may be rolled back, and its count be that of another one."""
    with closing(connect(open_file)) as writer, closing(connect_reader(open_file)) as reader:
        asked = f"SELECT {MARK}(1, 'eyes', 5, 1)"
        key = b"1.0.2.ash"
        for connection, remembers in ((writer, False), (reader, True)):
            assert connection.execute(asked).fetchone() == ("1." if remembers else None,)
            assert connection.execute(f"SELECT {KNOWN}(?)", (key,)).fetchone() == (None,)
            assert connection.execute(f"SELECT {KEEP}(?, 3, NULL)", (key,)).fetchone() == (3,)
            assert connection.execute(f"SELECT {KNOWN}(?)", (key,)).fetchone() == (3 if remembers else None,)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_nothing_is_remembered_where_a_change_would_not_be_counted(open_file, trigger):
    with closing(connect(open_file)) as writer:
        writer.execute(f"DROP TRIGGER {trigger}")
    with closing(connect_reader(open_file)) as reader:
        assert reader.execute(f"SELECT {MARK}(1, 'eyes', 5, 1)").fetchone() == (None,)


@pytest.fixture
def memory():
    return Remembered()


@pytest.fixture
def known(memory):
    """Asks a connection that has the memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        memory.beside(connection)
        yield lambda key: connection.execute(f"SELECT {KNOWN}(?)", (key,)).fetchone()[0]


def test_a_mark_stands_for_eyes_a_locality_and_a_count(memory):
    first = memory.mark(1, EYES, 5, 7)
    assert memory.mark(1, EYES, 6, 7) == first
    others = {memory.mark(2, EYES, 6, 7), memory.mark(1, "me=4", 6, 7), memory.mark(1, EYES, 6, 8)}
    assert len(others | {first}) == 4
    # A count that was there before means nothing: numbers are not given twice.
    assert memory.mark(1, EYES, 6, 7) not in others | {first}


def test_nothing_is_remembered_where_nobody_counts(memory, known):
    assert memory.mark(1, EYES, 5, None) is None
    assert memory.keep(None, 3, 9) == 3
    assert known(None) is None


def test_a_mark_stands_until_the_first_of_the_times(memory, known):
    mark = memory.mark(1, EYES, 5, 7)
    assert memory.keep(f"{mark}0.2.a".encode(), 3, 20) == 3
    memory.keep(f"{mark}0.2.b".encode(), 0, None)
    memory.keep(f"{mark}0.2.c".encode(), 4, 30)
    assert memory.mark(1, EYES, 19, 7) == mark
    assert [known(f"{mark}0.2.{child}".encode()) for child in "abcd"] == [3, 0, 4, None]
    later = memory.mark(1, EYES, 20, 7)
    assert later != mark
    assert known(f"{later}0.2.a".encode()) is None


def test_a_clock_that_was_put_back_begins_anew(memory):
    mark = memory.mark(1, EYES, 5, 7)
    assert memory.mark(1, EYES, 9, 7) == mark
    assert memory.mark(1, EYES, 8, 7) != mark


def test_what_was_asked_under_a_mark_that_is_gone_is_not_kept(memory, known):
    mark = memory.mark(1, EYES, 5, 7)
    memory.mark(1, EYES, 5, 8)
    assert memory.keep(f"{mark}0.2.a".encode(), 3, None) == 3
    assert known(f"{mark}0.2.a".encode()) is None


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch):
    memory = Remembered(most=3)
    mark = memory.mark(1, EYES, 5, 7)
    for child in range(10):
        memory.keep(f"{mark}0.2.{child}".encode(), 3, None)
        assert len(memory._numbers) <= 3
    monkeypatch.setattr(remembered, "MOST_MARKS", 2)
    for each in range(10):
        memory.mark(1, f"me={each}", 5, 7)
        assert len(memory._marks) == len(memory._standing) <= 2


def test_the_functions_without_a_memory_give_what_they_are_given():
    with closing(sqlite3.connect(":memory:")) as connection:
        nothing_remembered(connection)
        text = f"SELECT {MARK}(1, 'e', 5, 7), {KNOWN}(x'00'), {KEEP}(x'00', 8, 1)"
        assert connection.execute(text).fetchone() == (None, None, 8)

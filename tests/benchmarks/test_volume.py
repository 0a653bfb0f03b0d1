import asyncio
import shutil

import pytest

from benchmarks import population, volume
from benchmarks.cloning import agency_rows
from benchmarks.population import Session
from benchmarks.volume import AUDIT, LOCALITY, UNIT, Clock, build_postgres, build_sqlite, main, units
from service.access.rule import sharing_rule
from service.fhir import codec
from service.fhir.search.expressions import Query, Reference
from service.storage.checking import check
from service.storage.open import open_store
from service.storage.store import Change, Unit
from tests.conftest import BASE_URL
from tests.postgres import fresh_database

CLONES = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request, tmp_path, sessions):
    """The URL of a store of three clones that may be written to."""
    if request.param == "sqlite":
        path = tmp_path / "volume.db"
        shutil.copy(request.getfixturevalue("volume"), path)
        return f"sqlite:///{path}"
    url = fresh_database(request.getfixturevalue("postgres_server"))
    asyncio.run(build_postgres(url, sessions, CLONES))
    return url


@pytest.fixture
async def store(filled, registry, extractor, clock):
    opened = await open_store(filled, registry, extractor, clock)
    yield opened
    await opened.close()


async def test_bodies_keys_and_index_rows_of_every_clone_agree(filled, registry, extractor, sessions):
    report = await check(filled, registry, extractor, rule=sharing_rule(registry, BASE_URL))
    assert report.faults == []
    assert report.resources == CLONES * sum(len(session.resources) for session in sessions)
    assert report.index_rows > report.resources
    assert report.audit.entries == report.resources
    assert report.audit.unsealed == 0


async def test_each_clones_young_person_has_a_record_of_their_own(store):
    young_person = "yp-1-000002"
    texts = []
    for clone in range(CLONES):
        id_ = population.uuid(young_person, clone)
        query = Query("Observation", Reference("subject", "Patient", id_), 1000)
        found = await store.search(LOCALITY, query)
        assert found.items
        for stored in found.items:
            assert codec.decode(stored.body)["subject"] == {"reference": f"Patient/{id_}"}
        texts.append(
            [stored.body.decode().replace(population.prefix(clone), "prefix") for stored in found.items]
        )
    assert texts[0] == texts[1] == texts[2]


async def test_the_store_can_be_written_to(store, sessions):
    count = CLONES * sum(len(session.resources) for session in sessions)
    young_person = {"resourceType": "Patient", "id": "another"}
    [stored] = await store.commit(
        LOCALITY, Unit((Change("Patient", "another", "PUT", None, None, young_person),), AUDIT)
    )
    assert stored.key == count + 1


async def test_a_session_stays_together_and_keys_grow_with_the_days(store):
    [found] = [
        [stored async for stored in store.everything(LOCALITY, [type_])]
        for type_ in ("QuestionnaireResponse",)
    ]
    authored = [codec.decode(stored.body)["authored"][:10] for stored in found]
    assert authored == sorted(authored)
    assert len({stored.id[:8] for stored in found}) == CLONES


def test_a_unit_is_of_one_day_and_has_whole_sessions():
    of = [
        Session("2026-01-01", ({},) * (UNIT - 1)),
        Session("2026-01-01", ({},) * 2),
        Session("2026-01-01", ({},)),
    ]
    made = list(units([*of, Session("2026-01-02", ({},))]))
    assert [len(unit) for unit in made] == [2, 1, 1]


def test_the_clock_never_goes_back():
    clock = Clock()
    times = []
    for day in ("2026-01-01", "2026-01-01", "2026-01-02", "2026-01-01"):
        clock.turn_to(day)
        times.append(clock())
    assert times == sorted(set(times))


def test_an_existing_file_is_left_alone(volume_file, sessions):
    before = volume_file.read_bytes()
    with pytest.raises(FileExistsError):
        build_sqlite(volume_file, sessions, 1)
    assert volume_file.read_bytes() == before


def test_the_command_builds_a_file(tmp_path, capsys):
    path = tmp_path / "small.db"
    given = ["--file", str(path), "--resources", "800", "--patients", "2"]
    assert main(given) == 0
    assert "resource: " in capsys.readouterr().out
    assert path.exists()
    with pytest.raises(SystemExit) as end:
        main(given)
    assert end.value.code == 2


@pytest.fixture
def volume_file(tmp_path):
    path = tmp_path / "there.db"
    path.write_bytes(b"something")
    return path


def test_every_table_of_current_resources_is_multiplied():
    from service.storage.tables import metadata

    left = {table.name for table in metadata.sorted_tables} - {
        table.name for table in (*volume.MULTIPLIED, *volume.COPIED)
    }
    # Without superseded versions, a reindex under way, a handover, clients or sealed audit there is nothing in these.
    empty = {"resource_version", "reindex_progress", "notice", "audit_block"}
    # Nor without jobs and exports; the changes of what is shared are counted as its rows are multiplied.
    empty |= {"job", "job_task", "job_file", "export_moment", "audit_due", "sharing_changes"}
    assert left == {*empty, "client", "used_assertion", "revoked_token"}


def test_agencies_of_clones_are_others_and_those_of_all_are_the_same():
    prefix = population.PREFIX
    rows = agency_rows([(3, f"{prefix}-a"), (9, "of-all"), (4, f"{prefix}-b")], 3)
    assert {(code, number) for code, number, *_ in rows} == {(c, n) for c in (3, 4) for n in range(3)}
    own = [row[2] for row in rows]
    assert len(set(own)) == len(own)
    assert set(own) & {9} == set()
    assert {row[5] for row in rows if row[1] == 2} == {f"{population.prefix(2)}-{one}" for one in "ab"}
    assert [row[2] for row in rows if row[1] == 0] == [3, 4]

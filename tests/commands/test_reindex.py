"""`thrive-fhir reindex`, as somebody runs it: killed in the middle, and with a writer beside."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import environment
from service.storage.open import session
from tests.rest.serving import ROOT, command, serving
from tests.storage.builders import score, stored
from tests.storage.reindexed import (
    DEPLOYERS,
    NOTE,
    current,
    files,
    fill,
    opened,
    people,
    registry_with,
    rows,
)
from tests.storage.test_reindexing import Beside, forget

PLAIN = registry_with()
FULL = registry_with(*DEPLOYERS)
KILLS = 3
PATIENCE = 120  # seconds that a busy machine may take for anything here


async def filled(database_url: str, registry=PLAIN, patients: int = 12) -> None:
    store = await opened(database_url, registry)
    await fill(store, people(patients))
    await store.close()


def start(database_url: str, folder: Path) -> subprocess.Popen[bytes]:
    settings = {"THRIVE_DATABASE_URL": database_url, "THRIVE_SEARCH_PARAMETERS": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "service.cli", "reindex"],
        cwd=ROOT,
        env={**environment(), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


async def reached(database_url: str) -> dict[tuple[int, str], int]:
    """How far the types under way are."""
    async with session(database_url) as own_session:
        return {
            (type_, digest): rid
            for type_, digest, rid in await own_session.fetch(
                "SELECT type, digest, rid FROM reindex_progress"
            )
        }


async def killed_in_the_middle(database_url: str, folder: Path) -> bool:
    """Whether the command was killed before its end, a piece or more after it began."""
    before = await reached(database_url)
    process = start(database_url, folder)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        now = await reached(database_url)
        if any(rid > before.get(place, 0) for place, rid in now.items()):
            process.send_signal(signal.SIGKILL)
            break
        await asyncio.sleep(0.002)
    await asyncio.to_thread(process.communicate)
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
async def test_it_is_killed_started_again_and_ends_with_the_index_of_a_store_made_anew(
    database_url: str, tmp_path: Path
):
    """While it is killed and started, three writers go on beside."""
    await filled(database_url)
    await forget(database_url)
    folder = files(tmp_path / "own", *DEPLOYERS)
    store = await opened(database_url, FULL)
    writers = [Beside(store, seed) for seed in range(3)]
    tasks = [asyncio.create_task(each.write(f"beside-{number}")) for number, each in enumerate(writers)]
    kills = [await killed_in_the_middle(database_url, folder) for _ in range(KILLS)]
    last = await asyncio.to_thread(start, database_url, folder)
    said, _ = await asyncio.to_thread(last.communicate)
    for each in writers:
        each.stopped = True
    await asyncio.gather(*tasks)
    resources = await current(store, FULL)
    await store.close()
    assert all(kills)
    assert last.returncode == 0, said
    assert sum(each.done for each in writers) > 0
    anew = f"sqlite:///{tmp_path / 'anew.db'}"
    fresh = await opened(anew, FULL)
    await fill(fresh, resources)
    await fresh.close()
    assert await rows(database_url) == await rows(anew)
    assert (await reached(database_url)) == {}
    checked = command("check", database_url=database_url, SEARCH_PARAMETERS=str(folder))
    assert checked.stderr == ""


async def test_it_tells_what_it_did_and_that_nothing_waits_then(database_url: str, tmp_path: Path):
    await filled(database_url, patients=2)
    folder = str(files(tmp_path / "own", *DEPLOYERS))
    first = await asyncio.to_thread(command, "reindex", database_url=database_url, SEARCH_PARAMETERS=folder)
    assert first.stdout.startswith("The index is complete for 5 search parameters more: ")
    assert "Indexing Observation: 100 %\n" in first.stderr
    again = await asyncio.to_thread(command, "reindex", database_url=database_url, SEARCH_PARAMETERS=folder)
    assert again.stdout == "The index is complete for all search parameters.\n"
    assert again.stderr == ""


@pytest.fixture
def small(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'small.db'}"


async def test_what_it_publishes_can_be_read(small: str, tmp_path: Path):
    await filled(small, patients=0)
    folder = str(files(tmp_path / "own", *DEPLOYERS))
    await asyncio.to_thread(command, "reindex", database_url=small, SEARCH_PARAMETERS=folder)
    store = await opened(small, FULL)
    found = await store.read("default", "SearchParameter", "note-text")
    await store.close()
    assert found is not None
    assert b"Observation.note.text" in found.body


SEARCH = "/fhir/Observation?status-scored=final$ge0&_count=1"


def answered(url: str, status: int, path: str = SEARCH) -> dict[str, Any]:
    """The answer, as soon as it has the status: what is known of the index is a second old at most."""
    deadline = time.monotonic() + PATIENCE
    while (answer := httpx.get(url + path)).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return dict(answer.json())


@pytest.mark.slow
def test_a_running_server_refuses_what_is_not_indexed_and_answers_as_soon_as_it_is(
    small: str, tmp_path: Path
):
    folder = str(files(tmp_path / "own", *DEPLOYERS))
    with serving(tmp_path, small, "--sandbox", SEARCH_PARAMETERS=folder) as server:
        [before] = answered(server.url, 200)["entry"]
        known = answered(server.url, 200, "/fhir/metadata")["rest"][0]["resource"]
        [parameters] = [each["searchParam"] for each in known if each["type"] == "Observation"]
        assert {"name": "note-text", "definition": NOTE["url"], "type": "string"} in parameters
        assert answered(server.url, 200, "/fhir/SearchParameter/note-text")["url"] == NOTE["url"]
        # Somebody runs a command without the file: what it may write, it does not index by it.
        command("migrate", database_url=small, SEARCH_PARAMETERS=str(tmp_path / "nowhere"))
        refused = answered(server.url, 400)
        assert refused["issue"][0]["details"]["coding"][0]["code"] == "search-parameter-not-indexed"
        assert answered(server.url, 200, "/fhir/Observation?status=final&_count=1")["entry"]
        command("reindex", database_url=small, SEARCH_PARAMETERS=folder)
        assert answered(server.url, 200)["entry"] == [before]


async def test_a_terminal_gets_a_bar(small: str, tmp_path: Path):
    await filled(small, patients=2)
    parent, terminal = pty.openpty()
    settings = {
        "THRIVE_DATABASE_URL": small,
        "THRIVE_SEARCH_PARAMETERS": str(files(tmp_path / "own", *DEPLOYERS)),
    }
    with os.fdopen(parent, "rb", buffering=0) as screen:
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "service.cli", "reindex"],
            cwd=ROOT,
            env={**environment(), **settings},
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            check=True,
        )
        os.close(terminal)
        shown = screen.read(1 << 16)
    assert "Indexing Observation" in shown.decode()


def test_a_type_that_is_not_kept_is_told(small: str):
    command("migrate", database_url=small)
    done = command("reindex", "--type", "Claim", database_url=small, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: No resources of type Claim are kept here.\n")


async def test_another_one_at_work_is_told(small: str):
    await filled(small, patients=0)
    async with session(small) as own_session, own_session.alone():
        done = await asyncio.to_thread(command, "reindex", database_url=small, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Another `thrive-fhir reindex` is at work on this database.\n",
    )


async def test_migrate_says_what_waits(small: str, tmp_path: Path):
    store = await opened(small, PLAIN)
    await stored(store, score("s", "a"))
    await store.close()
    folder = str(files(tmp_path / "own", *DEPLOYERS))
    done = await asyncio.to_thread(command, "migrate", database_url=small, SEARCH_PARAMETERS=folder)
    assert (
        "By 5 search parameters not all that is stored can be found: run `thrive-fhir reindex`."
        in done.stdout
    )
    checked = await asyncio.to_thread(command, "check", database_url=small, SEARCH_PARAMETERS=folder)
    assert "5 search parameters wait for `thrive-fhir reindex`" in checked.stdout
    await asyncio.to_thread(command, "reindex", database_url=small, SEARCH_PARAMETERS=folder)
    done = await asyncio.to_thread(command, "migrate", database_url=small, SEARCH_PARAMETERS=folder)
    assert "reindex" not in done.stdout

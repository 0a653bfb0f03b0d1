"""`thrive-fhir worker`, and the processes of `serve` that work at jobs: they start, carry out, and stop in order."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service import asgi
from service.access.callers import Caller
from service.bulk import acting, exporting
from service.bulk.export_request import EXPORT, ExportRequest
from service.commands.giving_way import NICENESS, SLICE, slice_of
from service.settings import read
from service.storage.jobs import Job, new_job_id
from service.storage.open import migrate
from tests.rest.serving import ROOT, command, eventually, serving
from tests.rest.serving import environment as environment_of

HOUR = 3_600_000
ADMINISTRATOR = Caller("analyst", "", "default", administrator=True)


@pytest.fixture
def filled(tmp_path) -> str:
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    command("sandbox", "--patients", "1", database_url=url)
    return url


@pytest.fixture(scope="module")
def parts():
    return asgi.kernel("http://127.0.0.1:8080/fhir")


@pytest.fixture
def context_of(tmp_path, filled, parts):
    settings = read({"THRIVE_DATABASE_URL": filled, "THRIVE_FILES_URL": str(tmp_path / "files")})
    return lambda: asgi.opened(settings, parts)


async def asked(context_of):
    """An export that was asked for."""
    async with context_of() as context:
        at = await context.store.exports.moment("default")
        request = ExportRequest("system", "", "", "GET", ("Goal", "Patient"))
        one = Job(
            "default", new_job_id(), EXPORT, "analyst", "", "queued",
            request.encode(), acting.encode(ADMINISTRATOR), at, at, None, at + HOUR,
        )  # fmt: skip
        await context.store.jobs.add(one, (exporting.FIRST,))
        return one


async def ended(context_of, one, seconds=60):
    async with context_of() as context, asyncio.timeout(seconds):
        while (found := await context.store.jobs.find("default", one.id)).is_open:  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.05)
        return found, await context.store.jobs.files("default", one.id)


def started(tmp_path, url, *options):
    with (tmp_path / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli", "worker", *options],
            cwd=ROOT,
            env=environment_of(url, {"FILES_URL": str(tmp_path / "files")}),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def test_a_worker_carries_out_what_waits_and_stops_in_order(tmp_path, filled, context_of):
    one = asyncio.run(asked(context_of))
    process = started(tmp_path, filled, "--tasks", "1")
    try:
        found, files = asyncio.run(ended(context_of, one))
        assert found.state == "done"
        assert {file.type for file in files} == {"Goal", "Patient"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    said = (tmp_path / "log").read_text()
    assert '"event":"runner_started"' in said
    assert '"event":"runner_stopped"' in said


def test_a_worker_wants_a_migrated_database(tmp_path):
    done = command("worker", database_url=f"sqlite:///{tmp_path / 'none.db'}", check=False)
    assert done.returncode == 1
    assert "thrive-fhir migrate" in done.stderr


def test_a_server_works_at_jobs_beside_its_answers_and_at_low_priority(tmp_path, filled, context_of):
    one = asyncio.run(asked(context_of))
    with serving(
        tmp_path, filled, "--sandbox", "--workers", "1", JOB_WORKERS="1", FILES_URL=str(tmp_path / "files")
    ) as server:
        found, _ = asyncio.run(ended(context_of, one))
        assert found.state == "done"
        answering, working = server.workers()
        assert os.getpriority(os.PRIO_PROCESS, answering) == os.getpriority(os.PRIO_PROCESS, os.getpid())
        assert os.getpriority(os.PRIO_PROCESS, working) == NICENESS
        assert slice_of(working) in {SLICE, slice_of(answering)}  # the latter where Linux is older than 6.12
        os.kill(working, signal.SIGKILL)
        eventually(lambda: server.said().count('"event":"runner_started"') == 2, "another takes its place")
        again, _ = asyncio.run(ended(context_of, asyncio.run(asked(context_of))))
        assert again.state == "done"
        pids = server.workers()
        assert server.stop() == 0
        assert server.said().count('"event":"runner_stopped"') == 1
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_job_that_is_added_in_another_process_is_seen_soon(tmp_path, filled, context_of):
    """What is asked of a server is begun by its neighbour within a fraction of a second."""
    process = started(tmp_path, filled)
    try:
        eventually(lambda: '"event":"runner_started"' in (tmp_path / "log").read_text(), "it starts")
        one = asyncio.run(asked(context_of))
        begun = time.monotonic()
        asyncio.run(ended(context_of, one))
        assert time.monotonic() - begun < 10  # a busy machine; benchmarks measure it
    finally:
        process.terminate()
        process.wait(30)

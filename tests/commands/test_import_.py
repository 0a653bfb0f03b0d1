"""`thrive-fhir import`, as somebody runs it: by several processes, and killed in the middle again and again."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.fhir import codec
from service.sandbox.cohort import cohort
from service.settings import environment
from service.storage.open import session
from tests.rest.serving import ROOT, command

PATIENCE = 180  # seconds that a busy machine may take for anything here
KILLS = 4
LOST = {"resourceType": "Goal", "id": "lost", "lifecycleStatus": "active", "description": {"text": "invented"},
        "subject": {"reference": "Patient/nobody"}}  # fmt: skip


@pytest.fixture
def cohort_file(tmp_path: Path) -> tuple[Path, int]:
    """A file of a small cohort in no order, with one line that refers to nobody; and the number of its lines."""
    resources = [each for batch in cohort(20, 1) for each in batch]
    random.Random(1).shuffle(resources)
    resources.insert(7, LOST)
    path = tmp_path / "cohort.ndjson"
    path.write_bytes(b"".join(codec.encode(each) + b"\n" for each in resources))
    return path, len(resources)


def ran(database_url: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command(*arguments, database_url=database_url, check=False, FILES_URL=str(tmp_path / "files"))


@pytest.mark.slow
def test_a_cohort_is_imported_by_two_processes_and_faults_are_written(database_url, tmp_path, cohort_file):
    path, count = cohort_file
    faults = tmp_path / "faults.ndjson"
    assert ran(database_url, tmp_path, "migrate").returncode == 0
    first = ran(database_url, tmp_path, "import", str(path), "--workers", "2", "--faults", str(faults))
    assert first.returncode == 1, first.stderr
    assert first.stdout == (f"{count - 1} resources are new, 0 changed, 0 were there; 1 line was refused.\n")
    [outcome] = map(codec.decode, faults.read_bytes().splitlines())
    assert outcome["issue"][0]["diagnostics"].startswith("cohort.ndjson, line 8: ")
    again = ran(database_url, tmp_path, "import", str(path))
    assert again.stdout == (f"0 resources are new, 0 changed, {count - 1} were there; 1 line was refused.\n")
    check = ran(database_url, tmp_path, "check")
    assert check.returncode == 0, check.stderr


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_every_line_once(database_url, tmp_path, cohort_file):
    path, count = cohort_file
    assert ran(database_url, tmp_path, "migrate").returncode == 0
    chance = random.Random(3)
    id_ = killed(database_url, tmp_path, chance, "import", str(path), "--workers", "2")
    for _ in range(KILLS):
        killed(database_url, tmp_path, chance, "import", "--resume", id_, "--workers", "2")
    faults = tmp_path / "faults.ndjson"
    last = ran(database_url, tmp_path, "import", "--resume", id_, "--faults", str(faults))
    assert "1 line was refused" in last.stderr, last.stderr
    assert len(faults.read_bytes().splitlines()) == 1
    assert asyncio.run(versions(database_url)) == (count - 1, 0)
    check = ran(database_url, tmp_path, "check")
    assert check.returncode == 0, check.stderr


def killed(database_url: str, tmp_path: Path, chance: random.Random, *arguments: str) -> str:
    """The id of the import that was begun, or gone on with, and of which every process was killed."""
    surroundings = environment() | {
        "THRIVE_DATABASE_URL": database_url,
        "THRIVE_FILES_URL": str(tmp_path / "files"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", *arguments],
        cwd=ROOT,
        env=surroundings,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline().decode()
    found = re.fullmatch(r"Import ([0-9a-f]{32})\n", said)
    assert found, said + process.stderr.read().decode()
    try:
        process.wait(chance.uniform(0.2, 2.0))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: it and the processes that it forked
    process.communicate(timeout=PATIENCE)
    return found[1]


async def versions(database_url: str) -> tuple[int, int]:
    """How many resources of the cohort are stored, and how many superseded versions of these."""
    own = "client IN (SELECT code FROM name WHERE text = 'import')"
    async with session(database_url) as at:
        [(created,)] = await at.fetch(f"SELECT count(*) FROM audit WHERE {own} AND action = 1")
        [(changed,)] = await at.fetch(f"SELECT count(*) FROM audit WHERE {own} AND action = 3")
    return created, changed

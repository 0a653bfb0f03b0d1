"""A server that wants tokens, agencies with registered clients, and the real clients in an environment of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installed
from tests.clients.world import World
from tests.clients.world import world as made
from tests.rest.serving import command, serving

TALKS = Path(__file__).with_name("talks")
PATIENCE = 120  # seconds for one client's run on a busy machine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def programs() -> Path:
    try:
        return installed.clients()
    except installed.ClientsAbsent as absent:
        pytest.skip(f"the clients cannot be installed here: {absent}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("clients")
    database_url = f"sqlite:///{folder / 'thrive.db'}"
    command("migrate", database_url=database_url)
    # What one vendor does here within a second, several do elsewhere.
    settings = {
        "CLIENT_RATE": "0",
        "STRANGER_RATE": "0",
        "JOB_WORKERS": "1",
        "FILES_URL": str(folder / "files"),
    }
    with serving(folder, database_url, **settings) as server:
        yield made(f"{server.url}/fhir", database_url, folder)
    command("check", database_url=database_url)


def ran(
    programs: Path, folder: Path, program: str, *arguments: object, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """One of the clients' programs, run to its end in the folder."""
    return subprocess.run(
        [programs / program, *map(str, arguments)],
        cwd=folder,
        env={"LANG": "C.UTF-8", "HOME": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def talked(run: Run, name: str, **given: Any) -> dict[str, Any]:
    """What a program of ours that uses a client found."""
    done = run("python", TALKS / f"{name}.py", said=json.dumps(given))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Run:
    """Runs one of the clients' programs to its end."""
    return partial(ran, programs, tmp_path)


@pytest.fixture
def talk(run: Run) -> Callable[..., dict[str, Any]]:
    """Runs a program of ours that uses a client, and gives what it found."""
    return partial(talked, run)

"""A real server in processes of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.rest.preloaded import PROGRAM, Forked, preloaded

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds that a busy machine may take for anything here


@dataclass
class Server:
    """A running server: its process, where it is, and where its output goes."""

    process: Forked
    url: str
    output: Path

    def workers(self) -> list[int]:
        """The processes that the server forked."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        """All that it wrote so far."""
        return self.output.read_text()


def command(
    *arguments: str, database_url: str, check: bool = True, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Runs `thrive-fhir` to its end."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = preloaded().start(
            arguments, environment(database_url, settings), out.fileno(), error.fileno()
        )
        try:
            code = process.wait(PATIENCE)
        finally:
            process.kill()
        said = [file.read() for file in (out, error) if file.seek(0) == 0]
    done = subprocess.CompletedProcess([PROGRAM, *arguments], code, *said)
    if check:
        done.check_returncode()
    return done


@contextmanager
def serving(folder: Path, database_url: str, *arguments: str, **settings: str) -> Iterator[Server]:
    """A server that is ready, and gone afterwards."""
    output = Path(tempfile.mkstemp(dir=folder, prefix="output-")[1])
    with output.open("wb") as out:
        process = preloaded().start(
            ("serve", "--port", "0", *arguments),
            environment(database_url, settings),
            out.fileno(),
            out.fileno(),
        )
    try:
        yield Server(process, _address(process, output), output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _address(process: Forked, output: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        found = re.search(r"^Serving (http://\S+)/fhir$", output.read_text(), re.MULTILINE)
        if found is not None and is_ready(found[1]):
            return found[1]
        time.sleep(0.02)
    raise TimeoutError(output.read_text())


def is_ready(url: str) -> bool:
    """Whether the server says so."""
    try:
        return httpx.get(f"{url}/health/ready", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def eventually(true: object, what: str) -> None:
    """Waits until `true()` is."""
    deadline = time.monotonic() + PATIENCE
    while not true():  # type: ignore[operator] # any callable
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def environment(database_url: str, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THRIVE_")}  # noqa: TID251 - a process of its own
    return {
        **kept,
        "THRIVE_DATABASE_URL": database_url,
        "THRIVE_JOB_WORKERS": "0",  # a server's children are those that answer, but where a test says otherwise
        **{f"THRIVE_{name}": value for name, value in settings.items()},
    }

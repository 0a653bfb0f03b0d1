"""Starts the server that is measured or killed: a real one, in a process group of its own, on a new database.

Source: docs/settings.md; the outer contract in the README (`thrive-fhir migrate`, `serve --sandbox`)
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import service
from benchmarks import processes
from tests import postgres
from tests.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
# Where the program lies that is measured unless another is said: here, or where this Python has it installed.
PROGRAM = Path(service.__file__).resolve().parent.parent
# The first start of `serve --sandbox` loads its cohort; later ones are ready within the budget of 2 s.
READY_SECONDS = 120.0
STOP_SECONDS = 40.0
MIGRATE_SECONDS = 120.0
POLL_SECONDS = 0.005
LOG_TAIL = 4000
# The whole load comes from one client and one address. Limits are counted as ever, and never reached.
UNLIMITED = {
    "THRIVE_CLIENT_RATE": "1000000",
    "THRIVE_STRANGER_RATE": "1000000",
    "THRIVE_CLIENT_REQUESTS": "1024",
    "THRIVE_REQUESTS": "2048",
}
# Whoever reads the load as an agency has the same people around it as in the sandbox.
COHORT = 100
ACCESS_HELP = "with access control: tokens, and agencies that see only what is theirs; else the sandbox"
# What ends the server and takes its folder away should whoever started it be killed.
ORPHANED = '[ -s "$1/pid" ] && kill -KILL -- "-$(cat "$1/pid")"; rm -rf "$1"'


class NotServing(RuntimeError):  # noqa: N818 - what the server does
    """The server did not do what was asked; the message holds the end of its log."""


def command_line() -> list[str]:
    """Return how `thrive-fhir` is run: the installed command, or the module in this tree."""
    installed = Path(sys.executable).parent / "thrive-fhir"
    if installed.exists():
        return [str(installed)]
    return [sys.executable, "-c", "from service.cli import main; main()"]


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Server:
    """`thrive-fhir serve` and its workers. The port stays the same from start to start."""

    folder: Path
    database_url: str
    workers: int
    port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ()
    tree: Path = PROGRAM  # where the code that runs lies
    further: Mapping[str, str] = field(default_factory=dict)  # of its environment
    _process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Where FHIR is spoken."""
        return f"http://127.0.0.1:{self.port}/fhir"

    @property
    def environment(self) -> dict[str, str]:
        """All that the server is told; nothing is inherited, so that no setting of ours creeps in."""
        return {
            "THRIVE_DATABASE_URL": self.database_url,
            "THRIVE_FILES_URL": str(self.folder / "files"),
            # Which absolute references are local depends on it, and so does what `check` expects.
            "THRIVE_BASE_URL": self.base_url,
            **UNLIMITED,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.tree),
            **self.further,
        }

    def run(self, *arguments: str, timeout: float = MIGRATE_SECONDS) -> str:
        """Run another command of `thrive-fhir` on the same database and return its output. Raises NotServing."""
        done = subprocess.run(  # noqa: S603 - our own program
            [*command_line(), *arguments],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if done.returncode != 0:
            raise NotServing(
                f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"
            )
        return done.stdout

    def start(self) -> None:
        """Start the processes without waiting for them."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *command_line(),
                    "serve",
                    "--host=127.0.0.1",
                    f"--port={self.port}",
                    f"--workers={self.workers}",
                    *self.arguments,
                ],
                cwd=self.tree,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group that can be killed whole
            )
        (self.folder / "pid").write_text(str(self._process.pid), encoding="utf-8")

    def await_ready(self, timeout: float = READY_SECONDS) -> float:
        """Return after how many seconds `/health/ready` answered 200. Raises NotServing."""
        began = time.perf_counter()
        while time.perf_counter() - began < timeout:
            if self._process is None or self._process.poll() is not None:
                raise NotServing(f"the server ended: {self.log_tail()}")
            if _answers(self.port, "/health/ready"):
                return time.perf_counter() - began
            time.sleep(POLL_SECONDS)
        raise NotServing(f"not ready after {timeout} s: {self.log_tail()}")

    def pids(self) -> list[int]:
        """Return the processes of the server: supervisor, workers and their helpers."""
        return [] if self._process is None else processes.family([self._process.pid])

    def kill(self) -> None:
        """End all processes at once with SIGKILL, and wait until the last has let go of what it held."""
        if self._process is None:
            return
        pids = self.pids()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._forget()
        while any(processes.alive(pid) for pid in pids):
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask the server to finish, and wait for its end. Raises NotServing if it has to be killed."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise NotServing(f"did not stop in {STOP_SECONDS} s: {self.log_tail()}") from error
        self._forget()

    def _forget(self) -> None:
        self._process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def log_tail(self) -> str:
        """Return the end of what the server wrote."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:] if path.exists() else ""


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def await_port(port: int, timeout: float = 10.0) -> None:
    """Return as soon as something listens on the loopback port. Raises NotServing."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(POLL_SECONDS)
    raise NotServing(f"nothing listens on port {port}")


def openness(*, access: bool) -> tuple[str, ...]:
    """Return with which arguments the server is started: open to everybody, or with access control."""
    return () if access else ("--sandbox",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server lives: its folder and its database, with PostgreSQL's cluster where it is one."""

    folder: Path
    database_url: str
    cluster: postgres.Cluster | None


@contextlib.contextmanager
def place(database: str, settings: Mapping[str, str] | None = None) -> Iterator[Place]:
    """Yield a new folder and an empty database, which go afterwards. Raises postgres.PostgresAbsent."""
    with tempfile.TemporaryDirectory(prefix="thrive-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(lifeline(ORPHANED, name))
        if database == "sqlite":
            yield Place(folder, f"sqlite:///{folder / 'thrive.db'}", None)
            return
        cluster = stack.enter_context(postgres.server(settings))
        yield Place(folder, postgres.fresh_database(cluster.url), cluster)


@contextlib.contextmanager
def running(
    where: Place, workers: int, *arguments: str, tree: Path = PROGRAM, cohort: int = 0
) -> Iterator[Server]:
    """Yield a server that is ready, on a migrated database; it is stopped afterwards. Raises NotServing.

    `tree` is the checkout whose code runs; `cohort` so many invented young people are put in first.
    """
    server = Server(where.folder, where.database_url, workers, arguments=arguments, tree=tree)
    server.run("migrate")
    if cohort:
        server.run("sandbox", f"--patients={cohort}")
    server.start()
    try:
        server.await_ready()
        yield server
        server.stop()
    finally:
        server.kill()

"""A private PostgreSQL server in a temporary directory: a real one for tests, fault tests and benchmarks.

Durability is as PostgreSQL ships it (fsync on, synchronous_commit on) in `server`, because the fault tests and the
benchmarks are about just that; `cluster`, for the tests that never stop the server, goes without,
and without what a server needs that lasts.

Source: https://www.postgresql.org/docs/15/app-initdb.html, .../server-shutdown.html and .../non-durability.html
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Debian keeps the server's programs out of PATH, one folder for each major version.
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
SUPERUSER = "thrive"
START_SECONDS = 30.0
STOP_SECONDS = 30.0
# What matters only should the machine or the server go down in the middle.
NON_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# What is of use only to a server that lasts or has standbys. The launcher of autovacuum would visit each of the
# hundreds of databases that tests leave behind once a minute, with a process of its own.
# Source: https://www.postgresql.org/docs/15/routine-vacuuming.html#AUTOVACUUM and .../runtime-config-wal.html
SHORT_LIVED = {"autovacuum": "off", "wal_level": "minimal", "max_wal_senders": "0"}
# The status that a postmaster writes to line 8 of postmaster.pid when it takes connections.
STATUS_LINE = 7

# What stops the server and takes its folder away should whoever started it be killed.
ORPHANED = """
pid=$(head -n 1 "$1/data/postmaster.pid") && kill -INT "$pid"
tries=0
while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1"
"""

_numbers = itertools.count(1)


class PostgresAbsent(RuntimeError):  # noqa: N818 - a state of the machine, not a fault of ours
    """No PostgreSQL server can be started here; the message says why."""


def programs() -> Path:
    """Return the folder that holds initdb and postgres, the newest version first. Raises PostgresAbsent."""
    in_path = shutil.which("initdb")
    if in_path and (Path(in_path).resolve().parent / "postgres").exists():
        return Path(in_path).resolve().parent
    versions = [path for path in DEBIAN_PROGRAMS.glob("*/bin") if (path / "initdb").exists()]
    versions.sort(key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()])
    if not versions:
        raise PostgresAbsent(f"no initdb in PATH or under {DEBIAN_PROGRAMS}/*/bin")
    return versions[-1]


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as; all None: as ourselves."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None

    def own(self, path: Path) -> None:
        """Hand the path to this account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def _account() -> Account:
    """Return ourselves, or the user `postgres` where we are root, as which PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError as error:
        raise PostgresAbsent("we are root and there is no user «postgres» to run the server as") from error
    return Account(entry.pw_uid, entry.pw_gid, ())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Cluster:
    """One server: its folder, its address and, while it runs, its postmaster."""

    folder: Path
    url: str
    _programs: Path
    _account: Account
    _settings: Mapping[str, str] = field(default_factory=dict)
    _postmaster: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._postmaster is None:
            raise PostgresAbsent("the server is not running")
        return self._postmaster.pid

    def start(self) -> None:
        """Start the postmaster and wait until it takes connections (after a crash: until it recovered)."""
        address = urlsplit(self.url)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(address.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            **self._settings,
        }
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._postmaster = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # an interrupt at the terminal is ours to handle, not the server's
                user=self._account.user,
                group=self._account.group,
                extra_groups=self._account.groups,
            )
        self._await_ready(self._postmaster)

    def _await_ready(self, postmaster: subprocess.Popen[bytes]) -> None:
        state = self.folder / "data" / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if postmaster.poll() is not None:
                break
            with contextlib.suppress(FileNotFoundError):
                lines = state.read_text(encoding="utf-8").splitlines()
                ours = bool(lines) and lines[0] == str(postmaster.pid)
                if ours and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready":
                    return
            time.sleep(0.01)
        self.stop(signal.SIGQUIT)
        raise PostgresAbsent(f"the server did not start: {self.log()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server and wait for its end: SIGINT is «fast», SIGQUIT «immediate», which is a crash."""
        if self._postmaster is None:
            return
        if self._postmaster.poll() is None:
            self._postmaster.send_signal(how)
        try:
            self._postmaster.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._postmaster.kill()
            self._postmaster.wait()
        self._postmaster = None

    def crash(self) -> None:
        """End the server without a checkpoint, so that the next start recovers from its log."""
        self.stop(signal.SIGQUIT)

    def log(self) -> str:
        """Return what the server wrote to its log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def server(settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Yield a running server of our own; its folder goes with it. Raises PostgresAbsent."""
    folder_of_programs, account = programs(), _account()
    # A short path: the name of a Unix socket holds 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="thrive-pg-"))
    try:
        password = secrets.token_hex(16)
        secret = folder / "password"
        secret.write_text(password + "\n", encoding="utf-8")
        account.own(folder)
        account.own(secret)
        initialised = subprocess.run(
            [
                str(folder_of_programs / "initdb"),
                f"--pgdata={folder / 'data'}",
                f"--username={SUPERUSER}",
                f"--pwfile={secret}",
                # Plain passwords over loopback spare each connection the thousands of hashes of SCRAM.
                "--auth=password",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",  # nothing of worth is in it yet
            ],
            capture_output=True,
            check=False,
            cwd=folder,
            user=account.user,
            group=account.group,
            extra_groups=account.groups,
        )
        if initialised.returncode != 0:
            raise PostgresAbsent(f"initdb failed: {initialised.stderr.decode(errors='replace')[-2000:]}")
        secret.unlink()
        url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{_free_port()}/postgres"
        ours = Cluster(folder, url, folder_of_programs, account, settings or {})
        with lifeline(ORPHANED, str(folder)):
            ours.start()
            try:
                yield ours
            finally:
                ours.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Yield the `postgresql://` URL of a fresh server with a superuser that need not last. Raises PostgresAbsent."""
    with server(NON_DURABLE | SHORT_LIVED) as ours:
        yield ours.url


def fresh_database(url: str, template: str | None = None) -> str:
    """Return the URL of a new database on the server: empty, or a copy of the database named `template`."""
    name = f"thrive_{os.getpid()}_{next(_numbers)}"
    execute(url, f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    """Remove the database that the URL names, its connections with it."""
    address = urlsplit(url)
    postgres = urlunsplit(address._replace(path="/postgres"))
    execute(postgres, f'DROP DATABASE IF EXISTS "{address.path.removeprefix("/")}" WITH (FORCE)')


def execute(url: str, statement: str) -> None:
    """Run one statement outside any transaction; callable with or without a running event loop."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    failures: list[Exception] = []

    def in_thread() -> None:
        try:
            asyncio.run(run())
        except Exception as error:  # noqa: BLE001 - handed to the caller's thread below
            failures.append(error)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

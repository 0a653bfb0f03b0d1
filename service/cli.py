"""The command `thrive-fhir`.

Source: docs/commands.md
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from service import asgi
from service.fhir import codec
from service.fhir.problems import Problem
from service.interactions.capabilities import SOFTWARE_VERSION
from service.rest import logs, workers
from service.sandbox.cohort import LARGEST_SEED, MOST_PATIENTS, cohort
from service.sandbox.loading import is_empty, load
from service.settings import Settings, WrongSettings, environment, read, unknown
from service.storage.open import NotMigrated, UnknownDatabase, current_revision
from service.storage.open import migrate as migrate_database
from service.storage.tables import REVISION

HOST = "127.0.0.1"
PORT = 8080
BASE_PATH = "/fhir"

# What `serve --sandbox` fills an empty store with: enough to look at, loaded in seconds.
PATIENTS = 100
SEED = 1
STEPS = 10  # plain lines that a long work prints where there is no terminal

Advance = Callable[[int], None]


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what can go wrong with settings and database into a sentence and exit code 1."""
    try:
        yield
    except WrongSettings as wrong:
        raise click.ClickException("\n".join(wrong.sentences)) from None
    except NotMigrated:
        raise click.ClickException(
            "The database is not migrated to this version. Run `thrive-fhir migrate` first."
        ) from None
    except (UnknownDatabase, Problem) as fault:
        raise click.ClickException(str(fault)) from None
    except sqlite3.Error as fault:
        raise click.ClickException(f"The database cannot be used: {fault}.") from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename}: {fault.strerror}.") from None


def settings_now() -> Settings:
    """The settings of this start; slips of the keyboard are pointed out."""
    surroundings = environment()
    for name in unknown(surroundings):
        click.echo(f"Warning: {name} is no setting of thrive-fhir and has no effect.", err=True)
    return read(surroundings)


@contextmanager
def progress(text: str, total: int) -> Iterator[Advance]:
    """What long work reports to: a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only where there is somebody to see it
        from rich.progress import Progress  # noqa: PLC0415 - as above

        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(text, total=total)
            yield lambda step: bar.advance(task, step)
            bar.update(task, completed=total)
        return
    done = 0
    shown = 0

    def advance(step: int) -> None:
        nonlocal done, shown
        done += step
        reached = min(done, total) * STEPS // max(total, 1)
        if reached > shown:
            shown = reached
            click.echo(f"{text}: {shown * 100 // STEPS} %", err=True)

    yield advance


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(SOFTWARE_VERSION, prog_name="thrive-fhir", message="%(prog)s %(version)s")
def main() -> None:
    """A FHIR R4 server for goal-based outcomes in children and young people's mental health."""


@main.command()
@click.option("--host", default=HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option("--workers", "count", type=click.IntRange(1, 256), help="Processes that share the port.")
@click.option("--sandbox", is_flag=True, help="Invented people, no tokens, this machine only.")
def serve(host: str, port: int, count: int | None, *, sandbox: bool) -> None:
    """Serve FHIR until SIGTERM or Ctrl-C; what runs then is finished first."""
    if sandbox and not is_loopback(host):
        raise click.ClickException(
            "The sandbox lets anybody in, so it listens on this machine only: 127.0.0.1, ::1 or localhost."
        )
    with told_plainly():
        settings = settings_now()
        log = logs.logger(settings.log, sys.stdout.buffer)
        logs.take_over(log)
        sockets = listen(host, port, count or settings.workers)
        base_url = settings.base_url or address(host, sockets[0].getsockname()[1])
        parts = asgi.kernel(base_url)
        asgi.settle()
        if sandbox:
            click.echo(
                "Warning: this is a sandbox. It wants no token: anybody on this machine can read and write.",
                err=True,
            )
            migrate_database(settings.database_url)
            asyncio.run(fill(settings, parts))
        elif asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated
        app = asgi.create(settings, parts, log, sandbox=sandbox)
        click.echo(f"Serving {base_url}", err=True)
        code = workers.serve(app, sockets, settings.stop_seconds, log)
    sys.exit(code)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    with told_plainly():
        migrate_database(settings_now().database_url)
    click.echo("The database is at this version.")


@main.command()
@click.option(
    "--patients",
    default=PATIENTS,
    show_default=True,
    type=click.IntRange(0, MOST_PATIENTS),
    help="Young people to invent.",
)
@click.option(
    "--seed",
    default=SEED,
    show_default=True,
    type=click.IntRange(0, LARGEST_SEED),
    help="The same seed invents the same people.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write NDJSON to this file instead of the database.",
)
def sandbox(patients: int, seed: int, output: Path | None) -> None:
    """Invent a cohort and put it into the database, or into a file."""
    with told_plainly():
        if output is not None:
            count = write(output, patients, seed)
        else:
            settings = settings_now()
            parts = asgi.kernel(settings.base_url or address(HOST, PORT))
            asgi.settle()
            count = asyncio.run(put(settings, parts, patients, seed))
    click.echo(f"{count} resources of {patients} young people.")


@main.command()
def check() -> None:
    """Check that bodies, versions and index rows of the database agree."""
    from service.storage import checking  # noqa: PLC0415 - a server never checks

    with told_plainly():
        settings = settings_now()
        parts = asgi.kernel(settings.base_url or address(HOST, PORT))
        if asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated
        report = asyncio.run(checking.check(settings.database_url, parts.registry, parts.extractor))
    for fault in report.faults:
        click.echo(fault, err=True)
    click.echo(f"{report.resources} resources, {report.versions} versions, {report.index_rows} index rows.")
    if not report.sound:
        raise click.ClickException(f"{len(report.faults)} faults.")


def is_loopback(host: str) -> bool:
    """Whether the address can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int) -> str:
    """The FHIR base that clients on this machine use where no setting says another.

    Links with 0.0.0.0 in them would lead nowhere.
    """
    try:
        anywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        anywhere = False
    if anywhere:
        click.echo(f"Warning: set THRIVE_BASE_URL; until then links say {HOST}.", err=True)
    shown = HOST if anywhere else host
    return f"http://[{shown}]:{port}{BASE_PATH}" if ":" in shown else f"http://{shown}:{port}{BASE_PATH}"


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """A listening socket for each of the workers."""
    try:
        return workers.bind(host, port, count)
    except OSError as fault:
        raise click.ClickException(f"Cannot listen on {host} port {port}: {fault.strerror}.") from None


async def fill(settings: Settings, parts: asgi.Kernel) -> None:
    """Puts the sandbox's people into the store, unless it holds anything."""
    async with asgi.opened(settings, parts) as context:
        if await is_empty(context):
            with progress("Inventing young people", PATIENTS) as advance:
                await load(context, cohort(PATIENTS, SEED), advance)


async def put(settings: Settings, parts: asgi.Kernel, patients: int, seed: int) -> int:
    """How many resources of the cohort were put into the store."""
    async with asgi.opened(settings, parts) as context:
        with progress("Inventing young people", patients) as advance:
            return await load(context, cohort(patients, seed), advance)


def write(output: Path, patients: int, seed: int) -> int:
    """How many resources of the cohort were written; the file appears whole or not at all."""
    count = 0
    partial = output.with_name(f".{output.name}.partial")
    try:
        with partial.open("wb") as file, progress("Inventing young people", patients) as advance:
            for batch in cohort(patients, seed):
                for resource in batch:
                    file.write(codec.encode(resource))
                    file.write(b"\n")
                count += len(batch)
                advance(1)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return count


if __name__ == "__main__":
    main()

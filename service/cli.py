"""The command `thrive-fhir`.

Source: docs/commands.md
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click

from service import asgi
from service.access.rule import sharing_rule
from service.commands.client import client
from service.commands.export import export
from service.commands.import_ import import_
from service.commands.package import package
from service.commands.reindex import reindex
from service.commands.reindex import run as reindexed
from service.commands.starting import HOST, PORT, address, kernel
from service.commands.telling import progress, settings_now, told_plainly
from service.commands.validate import validate
from service.commands.worker import beside_servers, worker
from service.fhir import codec
from service.interactions import publishing
from service.interactions.capabilities import SOFTWARE_VERSION
from service.interactions.context import Context
from service.rest import logs, workers
from service.sandbox.cohort import LARGEST_SEED, MOST_PATIENTS, cohort
from service.sandbox.loading import is_empty, load
from service.settings import Settings
from service.storage.open import NotMigrated, current_revision
from service.storage.open import migrate as migrate_database
from service.storage.tables import REVISION

# What `serve --sandbox` fills an empty store with: enough to look at, loaded in seconds.
PATIENTS = 100
SEED = 1


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
        parts = kernel(settings, base_url)
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
        elif is_in_the_clear(base_url):
            click.echo(
                f"Warning: clients are told {base_url}: tokens and records would travel in the clear."
                " Set THRIVE_BASE_URL to the https address that clients see.",
                err=True,
            )
        app = asgi.create(settings, parts, log, sandbox=sandbox)
        click.echo(f"Serving {base_url}", err=True)
        beside = [partial(beside_servers, settings, parts, log)] * settings.job_workers
        code = workers.serve(app, sockets, settings.stop_seconds, log, beside)
    sys.exit(code)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema, and its artefacts to those of this version and of packages."""
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        migrate_database(settings.database_url)
        count, pending = asyncio.run(publish(settings, parts))
    click.echo(f"The database is at this version; {count} artefacts are new or changed.")
    if pending:
        click.echo(
            f"By {pending} search parameters not all that is stored can be found: run `thrive-fhir reindex`."
            " Until then they are refused. Servers may run meanwhile."
        )


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
            parts = kernel(settings)
            asgi.settle()
            count = asyncio.run(put(settings, parts, patients, seed))
    click.echo(f"{count} resources of {patients} young people.")


@main.command()
@click.option(
    "--audit-head",
    "noted",
    multiple=True,
    help="A hash that an earlier check printed: the audit must still have it. May be repeated.",
)
def check(noted: tuple[str, ...]) -> None:
    """Check that bodies, versions, index rows, notices and the audit of the database agree."""
    from service.storage import checking  # noqa: PLC0415 - a server never checks

    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        if asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated
        rule = sharing_rule(parts.registry, parts.base_url)
        report = asyncio.run(
            checking.check(settings.database_url, parts.registry, parts.extractor, noted, rule)
        )
    for fault in report.faults:
        click.echo(fault, err=True)
    click.echo(f"{report.resources} resources, {report.versions} versions, {report.index_rows} index rows.")
    if report.notices:
        click.echo(f"{report.notices} notices, of which {report.waiting} were not acknowledged.")
    click.echo(
        f"{report.audit.entries} entries of the audit, of which {report.audit.unsealed} are not sealed yet."
    )
    for head in report.audit.heads:
        click.echo(f"The audit of {head.locality} ends with block {head.number}: {head.hash}")
    if report.pending:
        click.echo(
            f"{report.pending} search parameters wait for `thrive-fhir reindex`; their rows were not looked at."
        )
    if not report.sound:
        raise click.ClickException(f"{len(report.faults)} faults.")


main.add_command(client)
main.add_command(validate)
main.add_command(package)
main.add_command(reindex)
main.add_command(worker)
main.add_command(import_)
main.add_command(export)


def is_loopback(host: str) -> bool:
    """Whether the address can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_in_the_clear(base_url: str) -> bool:
    """Whether what is sent to the address can be read on the way."""
    parts = urlsplit(base_url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """A listening socket for each of the workers."""
    try:
        return workers.bind(host, port, count)
    except OSError as fault:
        raise click.ClickException(f"Cannot listen on {host} port {port}: {fault.strerror}.") from None


async def fill(settings: Settings, parts: asgi.Kernel) -> None:
    """Puts the artefacts into the store, and the sandbox's people unless it holds anything else; all can be found."""
    async with asgi.opened(settings, parts) as context:
        await publishing.publish(context)
        if await is_empty(context):
            with progress("Inventing young people", PATIENTS) as advance:
                await load(context, cohort(PATIENTS, SEED), advance)
        pending = await count_pending(context)
    if pending:
        await reindexed(settings, parts)


async def publish(settings: Settings, parts: asgi.Kernel) -> tuple[int, int]:
    """How many artefacts were put into the store, changed or taken from it; and how many parameters wait for reindex."""
    outside = {each.locality for issuer in asgi.issuers(settings, parts) for each in issuer.agencies.values()}
    async with asgi.opened(settings, parts) as context:
        return await publishing.publish_everywhere(context, outside), await count_pending(context)


async def count_pending(context: Context) -> int:
    """How many search parameters, with what is derived from them, wait for `thrive-fhir reindex`."""
    pending = await context.store.pending()
    return sum(len(pending(type_)) for type_ in context.registry.served)


async def put(settings: Settings, parts: asgi.Kernel, patients: int, seed: int) -> int:
    """How many resources of the cohort were put into the store."""
    async with asgi.opened(settings, parts) as context:
        with progress("Inventing young people", patients) as advance:
            return await load(context, cohort(patients, seed), advance)


def write(output: Path, patients: int, seed: int) -> int:
    """How many resources of the cohort were written; the file appears whole or not at all.

    A device or a pipe takes what is written, and stays what it is.
    """
    count = 0
    ordinary = output.is_file() or not output.exists()
    taking = output.with_name(f".{output.name}.partial") if ordinary else output
    try:
        with taking.open("wb") as file, progress("Inventing young people", patients) as advance:
            for batch in cohort(patients, seed):
                for resource in batch:
                    file.write(codec.encode(resource))
                    file.write(b"\n")
                count += len(batch)
                advance(1)
        if ordinary:
            taking.replace(output)
    finally:
        if ordinary:
            taking.unlink(missing_ok=True)
    return count


if __name__ == "__main__":
    main()

"""How commands speak to the person who typed them: settings, faults in a sentence, progress; and to the audit.

Source: docs/commands.md
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from service.access.issuer_file import IssuersRefused
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.packages import PackageRefused
from service.fhir.problems import Problem
from service.fhir.profiles.snapshots import SnapshotError
from service.fhir.search.definitions import Unusable
from service.settings import Settings, WrongSettings, environment, read, unknown
from service.storage.audit import Event
from service.storage.ledger import Ledger
from service.storage.open import NotMigrated, UnknownDatabase
from service.storage.trail import BufferedTrail

STEPS = 10  # plain lines that a long work prints where there is no terminal

Advance = Callable[[int], None]


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what can go wrong with settings, artefacts and database into a sentence and exit code 1."""
    try:
        yield
    except WrongSettings as wrong:
        raise click.ClickException("\n".join(wrong.sentences)) from None
    except (PackageRefused, Unusable, IssuersRefused) as refused:
        raise click.ClickException("\n".join(refused.sentences)) from None
    except NotMigrated:
        raise click.ClickException(
            "The database is not migrated to this version. Run `thrive-fhir migrate` first."
        ) from None
    except (UnknownDatabase, Problem, Uncompilable, SnapshotError) as fault:
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


async def audited(ledger: Ledger, events: Sequence[Event]) -> None:
    """Writes down what whoever runs the server does.

    Raises:
        Problem: it could not be written; then it shall not be done.
    """
    trail = BufferedTrail(ledger.keep)
    for event in events:
        await trail.note(event)
    await trail.close()

"""`thrive-fhir worker`: works at jobs, beside the servers of a database or on machines of its own.

Source: docs/commands.md, docs/jobs.md, ADR 0024
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from dataclasses import replace

import click
import uvloop
from structlog.typing import FilteringBoundLogger

from service import asgi
from service.bulk import running
from service.bulk.kinds import kinds
from service.bulk.running import Pace, Report, Runner
from service.commands.giving_way import give_way, share_the_interpreter
from service.commands.starting import kernel
from service.commands.telling import settings_now, told_plainly
from service.rest import logs
from service.rest.errors import detail
from service.settings import Settings
from service.storage.jobs import Task
from service.storage.open import NotMigrated, current_revision
from service.storage.sqlite import LITTLE, Room
from service.storage.tables import REVISION
from service.storage.trail import kept

# As `asgi.COLLECT_AFTER`: a unit of an import is some hundred thousand objects, and all are in use.
COLLECT_AFTER = (500_000, 20, 100)


@click.command()
@click.option("--tasks", type=click.IntRange(1, 64), help="Tasks to work at at once.")
def worker(tasks: int | None) -> None:
    """Work at jobs until SIGTERM or Ctrl-C; what is not finished then is given back to others."""
    with told_plainly():
        settings = settings_now()
        if tasks is not None:
            settings = replace(settings, job_tasks=tasks)
        log = logs.logger(settings.log, sys.stdout.buffer)
        logs.take_over(log)
        parts = kernel(settings)
        asgi.settle()
        if asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated
        click.echo("Working at jobs.", err=True)
        code = carry_out(settings, parts, log)
    sys.exit(code)


def beside_servers(settings: Settings, parts: asgi.Kernel, log: FilteringBoundLogger) -> int:
    """What a process does that a server forked to work at jobs: it gives way to those that answer requests."""
    give_way()
    return carry_out(settings, parts, log)


def carry_out(
    settings: Settings,
    parts: asgi.Kernel,
    log: FilteringBoundLogger,
    room: Room = LITTLE,
    together: int = 0,
) -> int:
    """Works at jobs in this process until SIGTERM or SIGINT; the exit code.

    `room` as in `asgi.opened`, `together` as in `kinds`.
    """
    share_the_interpreter()
    gc.set_threshold(*COLLECT_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_carry_out(settings, parts, log, room, together))
    return 0


async def _carry_out(
    settings: Settings, parts: asgi.Kernel, log: FilteringBoundLogger, room: Room, together: int
) -> None:
    believed = asgi.issuers(settings, parts)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def unkept(fault: BaseException) -> None:
        log.error(logs.AUDIT_FAILED, detail=detail(fault))

    async with (
        asgi.opened(settings, parts, room=room) as context,
        kept(context.store.audit, context.clock, unkept) as trail,
    ):
        log.info(logs.RUNNER_STARTED, pid=os.getpid())
        pace = Pace(tasks=settings.job_tasks)
        around = replace(context, trail=trail)
        runner = Runner(
            around, around.files, kinds(together), pace=pace, report=reporting(log), issuers=believed
        )
        await runner.run(stop)
    log.info(logs.RUNNER_STOPPED, pid=os.getpid())


def reporting(log: FilteringBoundLogger) -> Report:
    """What writes down what happens to tasks: which they are, and of a fault where it was, never what it says."""
    level = {running.TASK_DONE: log.debug, running.TASK_LOST: log.info}

    def report(event: str, task: Task | None, fault: BaseException | None) -> None:
        members: dict[str, object] = {}
        if task is not None:
            members |= {
                "job": task.job.id,
                "kind": task.job.kind,
                "task": task.number,
                "attempt": task.attempt,
            }
        if fault is not None:
            members["detail"] = detail(fault)
        level.get(event, log.error)(event, **members)

    return report

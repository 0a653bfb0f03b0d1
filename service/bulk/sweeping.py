"""Removing what jobs leave behind: files that do not count, files whose time is over, and in the end the jobs.

Any number of processes may sweep at once.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from service.storage.files import Files
from service.storage.jobs import Job, Jobs, Task, folder, owner

EVERY: Final = 1.0
"""Units: seconds between two looks for what ended."""
TIDY: Final = 3_600_000
"""Units: milliseconds between two looks for what nobody knows of."""
ABANDONED: Final = 24 * 3_600_000
"""Units: milliseconds after which files count as left behind whose job was never added."""


class Sweeper:
    """Sweeps up after the jobs of one database."""

    def __init__(
        self,
        jobs: Jobs,
        files: Files,
        clock: Callable[[], int],
        failed: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`clock` gives milliseconds since 1970; `failed` is told what could not be done now."""
        self._jobs = jobs
        self._files = files
        self._clock = clock
        self._failed = failed
        self._tidied: int | None = None

    async def run(self) -> None:
        """Sweeps until it is cancelled. What cannot be reached now waits for the next time."""
        while True:
            try:
                await self.sweep()
            except Exception as fault:  # noqa: BLE001 - whatever it is, the next time may succeed
                self._failed(fault)
            await asyncio.sleep(EVERY)

    async def sweep(self) -> None:
        """Does what is due now.

        Raises:
            Unavailable: the jobs or the files cannot be reached.
        """
        for job in await self._jobs.due(self._clock()):
            if job.state == "done":
                await self._keep_known(job)
            else:
                await self._files.delete_all(folder(job))
            await self._jobs.swept(job, self._clock())
        now = self._clock()
        if self._tidied is None or now - self._tidied >= TIDY:
            self._tidied = now
            await self._files.tidy(now)
            await self._remove_abandoned(now - ABANDONED)

    async def _keep_known(self, job: Job) -> None:
        known = {one.path for one in await self._jobs.files(job.locality, job.id)}
        for path in await self._files.listed(folder(job)):
            if path not in known:
                await self._files.delete(path)

    async def _remove_abandoned(self, before: int) -> None:
        for prefix in await self._files.idle(before):
            locality, id_ = owner(prefix)
            if await self._jobs.find(locality, id_) is None:
                await self._files.delete_all(prefix)


async def discard(jobs: Jobs, files: Files, task: Task) -> None:
    """Removes what this attempt at the task wrote, but for what counts after all.

    Raises:
        Unavailable: the jobs or the files cannot be reached.
    """
    known = {one.path for one in await jobs.files(task.job.locality, task.job.id)}
    beginning = task.path(0)[:-1]
    for path in await files.listed(folder(task.job)):
        if path.startswith(beginning) and path not in known:
            await files.delete(path)

"""Processes that work at jobs and can be killed: forked from one that has loaded everything, so that they start at once.

`python -m benchmarks.durability.job_workers` forks one for each line `start` on its standard input, tells its process
id, and ends with all of them when its input does.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from benchmarks.processes import alive
from benchmarks.servers import ROOT, NotServing
from service import asgi
from service.bulk.kinds import kinds
from service.bulk.running import Pace, Runner
from service.commands.starting import kernel
from service.commands.worker import reporting
from service.rest import logs
from service.settings import Settings, environment, read
from tests.bulk.counting import COUNT, Counting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACE: Final = Pace(tasks=2, lease=1500, poll=0.05, look=0.1, pauses=(200, 800))
"""Leases that run out while a test waits for it, and so at every freeze."""


class Workers:
    """Such processes, by their ids; those that are frozen go on to exist, and do nothing."""

    def __init__(self, settings: Mapping[str, str], log: Path) -> None:
        """`settings` is the environment of the processes, `log` the file that gets what they say."""
        with log.open("ab") as file:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.durability.job_workers"],
                cwd=ROOT,
                env={"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **settings},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                bufsize=1,
            )
        self.log = log
        self.running: list[int] = []
        self.frozen: list[int] = []

    def start(self) -> None:
        """Start one more. Raises NotServing."""
        if self._nursery.stdin is None or self._nursery.stdout is None:
            raise NotServing("the workers have no input")
        self._nursery.stdin.write("start\n")
        if not (said := self._nursery.stdout.readline()):
            raise NotServing(f"the workers ended: {self.log.read_text()[-4000:]}")
        self.running.append(int(said))

    def refill(self, count: int) -> None:
        """Start so many that `count` run: those that ended by themselves, with the database say, are replaced."""
        self.running = [pid for pid in self.running if alive(pid)]
        while len(self.running) < count:
            self.start()

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of them: what kills takes it from the list, and what freezes puts it aside."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if number is signal.SIGCONT:
            self.frozen.remove(pid)
            self.running.append(pid)
            return
        self.running.remove(pid)
        if number is signal.SIGSTOP:
            self.frozen.append(pid)

    def end(self) -> None:
        """End all of them."""
        for pid in (*self.running, *self.frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._nursery.stdin is not None:
            self._nursery.stdin.close()
        if self._nursery.stdout is not None:
            self._nursery.stdout.close()
        self._nursery.wait()


def _nurse() -> None:
    settings = read(environment())
    parts = kernel(settings)
    asgi.settle()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        if line != "start\n":
            continue
        pid = os.fork()
        if pid == 0:
            _work(settings, parts)
        print(pid, flush=True)


def _reap(_number: int, _frame: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _work(settings: Settings, parts: asgi.Kernel) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        asyncio.run(_carry_out(settings, parts))
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


async def _carry_out(settings: Settings, parts: asgi.Kernel) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    report = reporting(logs.logger(settings.log, sys.stderr.buffer))
    async with asgi.opened(settings, parts) as context:
        known = {COUNT: Counting(), **kinds()}
        await Runner(context, context.files, known, pace=PACE, report=report).run(stop)


if __name__ == "__main__":
    _nurse()

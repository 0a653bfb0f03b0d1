"""Worker processes that share one port: loaded once, forked, watched, restarted, and stopped in order.

Source: docs/adr/0011-worker-processes.md
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import uvicorn
from litestar.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from service.rest import logs
from service.rest.connections import Connection
from service.rest.errors import detail

BACKLOG = 2048  # connections that wait while all workers are busy
STARTUP_FAILED = 3  # uvicorn's exit code where the application refuses to start
KEEP_ALIVE = (
    75  # seconds an idle connection stays open: longer than proxies keep theirs, so that they close first
)
BIND_SECONDS = 2.0  # how long a port may stay taken by workers of a server that was killed
CRASH_PAUSE = 1.0  # seconds between two starts of a worker, so that one that dies at once is no endless storm
KILL_AFTER = 5.0  # seconds beyond the time to drain after which a worker is killed

_STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})
_WATCHED = _STOPPING | {signal.SIGCHLD}


def bind(host: str, port: int, workers: int) -> list[socket.socket]:
    """A listening socket for each worker, all on one port; port 0 takes any that is free.

    The kernel deals connections out among them. A socket that all share would not do: the
    first worker to wake takes every connection that waits, and keeps them.

    Raises:
        OSError: the address cannot be had.
    """
    deadline = time.monotonic() + BIND_SECONDS
    while True:
        try:
            # Sockets that share a port do not mind a stranger's that does so too: a second
            # server would take half of our requests. One that does not share minds.
            with _bound(host, port, share=False) as probe:
                exact = probe.getsockname()[1]
            return _listening(host, exact, workers)
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _listening(host: str, port: int, workers: int) -> list[socket.socket]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(_bound(host, port, share=True)) for _ in range(workers)]
        for listening in sockets:
            listening.listen(BACKLOG)
        stack.pop_all()
        return sockets


def _bound(host: str, port: int, *, share: bool) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(share))
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def answer(app: ASGIApp, listening: socket.socket, stop_seconds: int) -> int:
    """Serves in this process until SIGTERM or SIGINT, finishes what runs, and returns the exit code."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=stop_seconds,
    )
    server = uvicorn.Server(config)

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    # For a signal that comes before uvicorn listens for it, and because uvicorn raises it once
    # more after it has stopped in order, which must not kill us.
    for number in _STOPPING:
        signal.signal(number, stop)
    server.run(sockets=[listening])
    return 0


def serve(
    app: ASGIApp,
    sockets: list[socket.socket],
    stop_seconds: int,
    log: FilteringBoundLogger,
    beside: Sequence[Callable[[], int]] = (),
) -> int:
    """Serves with a process for each socket until SIGTERM or SIGINT; returns the exit code.

    A single worker is this process itself. Several are forked from it once everything is
    loaded, so that they start at once and share what never changes. `beside` is what further
    processes do, which are watched in the same way: each returns its exit code, and ends at SIGTERM.

    Units: `stop_seconds` seconds that requests under way get before they are cut off.
    """
    if len(sockets) == 1 and not beside:
        return answer(app, sockets[0], stop_seconds)
    gc.collect()
    gc.freeze()  # what is loaded now is never garbage: collectors of workers need not touch, and so copy, it
    works = [partial(answer, app, listening, stop_seconds) for listening in sockets]
    return Supervisor([*works, *beside], sockets, log).run(stop_seconds)


@dataclass(frozen=True, slots=True)
class Worker:
    """A forked process: which of the works it does, and when it started by the monotonic clock."""

    place: int
    started: float


class Supervisor:
    """Keeps a forked worker running for each work. No thread or event loop may run when it begins."""

    def __init__(
        self,
        works: Sequence[Callable[[], int]],
        sockets: list[socket.socket],
        log: FilteringBoundLogger,
    ) -> None:
        """Takes what each worker does; it returns the worker's exit code. The first ones have a socket each.

        The sockets stay open here: what waits in the queue of a worker that dies waits for the next.
        """
        self._works = works
        self._sockets = sockets
        self._log = log
        self._workers: dict[int, Worker] = {}
        # The workers hold the reading end; it closes when this process ends, in whatever way.
        self._alive, self._lifeline = os.pipe()

    def run(self, stop_seconds: int) -> int:
        """Runs until told to stop, or until the first workers cannot start; returns the exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        for place in range(len(self._works)):
            self._fork(place)
        first = set(self._workers)
        while True:
            if signal.sigwait(_WATCHED) in _STOPPING:
                self._stop(stop_seconds)
                return 0
            for pid, code, worker in self._reap():
                self._log.error(logs.WORKER_DIED, pid=pid, code=code)
                if code == STARTUP_FAILED and pid in first:
                    self._stop(stop_seconds)
                    return STARTUP_FAILED
                if self._pause(worker.started + CRASH_PAUSE - time.monotonic()):
                    self._stop(stop_seconds)
                    return 0
                self._fork(worker.place)

    def _fork(self, place: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_worker(place)
        self._workers[pid] = Worker(place, time.monotonic())

    def _become_worker(self, place: int) -> NoReturn:
        code = 1
        try:
            os.close(self._lifeline)
            for other, listening in enumerate(self._sockets):
                if other != place:
                    listening.close()
            threading.Thread(target=_end_with, args=(self._alive,), daemon=True).start()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            code = self._works[place]()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException as fault:  # noqa: BLE001 - the last boundary of a process
            self._log.error(logs.WORKER_DIED, pid=os.getpid(), detail=detail(fault))
        finally:
            # Not sys.exit: what the parent has on its stack is not ours to unwind.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> list[tuple[int, int, Worker]]:
        """Workers that ended, with their exit codes (negative: the signal that ended them)."""
        ended: list[tuple[int, int, Worker]] = []
        for pid in list(self._workers):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended.append((pid, os.waitstatus_to_exitcode(status), self._workers.pop(pid)))
        return ended

    def _pause(self, seconds: float) -> bool:
        """Waits before a worker that lived only briefly is replaced; whether the order to stop came meanwhile."""
        return seconds > 0 and signal.sigtimedwait(_STOPPING, seconds) is not None

    def _stop(self, stop_seconds: int) -> None:
        """Ends every worker in order, and by force what is not gone in time."""
        deadline = time.monotonic() + stop_seconds + KILL_AFTER
        for listening in self._sockets:
            listening.close()
        self._signal(signal.SIGTERM)
        self._reap()
        while self._workers and (rest := deadline - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, rest)
            self._reap()
        self._signal(signal.SIGKILL)
        for pid in self._workers:
            os.waitpid(pid, 0)

    def _signal(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)


def _end_with(alive: int) -> None:
    """Stops this worker in order when the parent is gone: nobody would restart or stop it any more."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)

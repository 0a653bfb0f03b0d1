"""The load: many connections, closed loop (each sends when answered) or open loop (at a fixed rate).

A closed loop waits for a slow server and so leaves out the requests that real clients would have sent
meanwhile (coordinated omission). With a rate, every request has a moment at which it was due, and its
latency counts from there, whether or not a connection was free.

Source: G. Tene's term «coordinated omission», as wrk2 treats it
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.scenarios import actor
from benchmarks.wire import Connection, Lost, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scenarios import Actor
    from benchmarks.target import Target
    from benchmarks.wire import Response

# Bounds, so that a slip of the finger loads nothing for long.
MOST_CONNECTIONS = 512
MOST_SECONDS = 900.0
MOST_REQUESTS = 5_000_000
# libuv's timers have milliseconds; a finer tick would only burn the processor that the server needs.
TICK_SECONDS = 0.001
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is sent. `rate` is requests per second over all connections; None: as fast as answered.

    Units: seconds. `patience` is how long the last answers may take before they count as errors.
    """

    connections: int = 16
    seconds: float = 20.0
    warm_up: float = 2.0
    rate: float | None = None
    seed: int = 1
    patience: float = 30.0

    def __post_init__(self) -> None:
        allowed = (
            1 <= self.connections <= MOST_CONNECTIONS
            and 0 < self.seconds <= MOST_SECONDS
            and 0 <= self.warm_up <= MOST_SECONDS
            and (self.rate is None or 0 < self.rate <= MOST_REQUESTS / self.seconds)
        )
        if not allowed:
            raise ValueError(f"out of bounds: {self}")


@dataclass(slots=True)
class Counts:
    """What came back: latencies in nanoseconds by kind, statuses, and what was wrong how often."""

    latencies: dict[str, list[int]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    began: int = 0
    ended: int = 0
    cpu: float = 0.0  # seconds of the generator's own processor time

    @property
    def requests(self) -> int:
        """All requests that were answered, rightly or wrongly."""
        return sum(len(one) for one in self.latencies.values())

    @property
    def seconds(self) -> float:
        """From the first counted request's start to the last one's answer."""
        return (self.ended - self.began) / NANOSECONDS


class Lane:
    """One connection and its actor."""

    __slots__ = ("_actor", "_connection", "_counted", "_load", "_since", "busy")

    def __init__(self, load: Load, actor_: Actor) -> None:
        self._load = load
        self._actor = actor_
        self._connection: Connection | None = None
        self._since = 0
        self._counted = False
        self.busy = False

    async def open(self, target: Target) -> None:
        """Connect. Raises OSError."""
        self._connection = await connect(target, self._answered, self._lost)

    def send(self, since: int) -> None:
        """Send the next request, whose latency counts from `since`."""
        if self._connection is None:
            raise Lost("a lane without a connection was given work")
        self.busy = True
        self._since = since
        self._counted = self._load.counting and since >= self._load.counts.began
        self._connection.send(self._actor.request())

    def close(self) -> None:
        """Close the connection; an answer still awaited is counted as missing."""
        if self.busy:  # counted or not: whoever hangs from the warm-up on is not free of errors
            self._load.counts.errors["no answer in time"] += 1
        self.busy = False
        if self._connection is not None:
            self._connection.close()

    def _answered(self, response: Response) -> None:
        now = time.perf_counter_ns()
        self.busy = False
        fault = self._actor.verdict(response)
        if self._counted:
            counts = self._load.counts
            counts.statuses[response.status] += 1
            counts.latencies.setdefault(self._actor.kind, []).append(now - self._since)
            counts.ended = now
            if fault is not None:
                counts.errors[fault] += 1
        if response.closes and self._connection is not None:
            self._connection.close()  # which comes back as lost, and there connects anew
        else:
            self._load.free(self, now)

    def _lost(self, reason: str) -> None:
        self._connection = None
        if self.busy:
            self.busy = False
            if self._counted:
                self._load.counts.errors[f"connection lost: {reason}"] += 1
        self._load.dead(self)


class Load:
    """All lanes of one run, and the clock that they obey."""

    def __init__(self, target: Target, plan: Plan) -> None:
        self.counts = Counts()
        self.counting = False
        self._target = target
        self._plan = plan
        self._lanes: list[Lane] = []
        self._idle: deque[Lane] = deque()
        self._due: deque[int] = deque()
        self._running = False
        self._sent = 0
        self._settled = asyncio.Event()
        self._reconnects: set[asyncio.Task[None]] = set()

    async def run(self, actors: list[Actor], at_edge: Callable[[], None]) -> Counts:
        """Return the counts of one run. `at_edge` is called as counting begins, and again as it ends."""
        self._lanes = [Lane(self, one) for one in actors]
        for lane in self._lanes:
            await lane.open(self._target)
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes cycles, and a pause of ours would be booked to the server
        try:
            async with self._signed_in():
                await self._timed(at_edge)
        finally:
            gc.enable()
            gc.unfreeze()
            for task in self._reconnects:
                task.cancel()  # what it would meet after the run is no error of the run
            for lane in self._lanes:
                lane.close()
        return self.counts

    def _signed_in(self) -> contextlib.AbstractAsyncContextManager[None]:
        """While a run lasts: tokens that do not expire in it."""
        access = self._target.access
        return contextlib.nullcontext() if access is None else access.kept_fresh()

    async def _timed(self, at_edge: Callable[[], None]) -> None:
        self._running = True
        pacing = None
        if self._plan.rate is None:
            for lane in self._lanes:
                lane.send(time.perf_counter_ns())
        else:
            self._idle.extend(self._lanes)
            pacing = asyncio.create_task(self._pace(self._plan.rate))
        await asyncio.sleep(self._plan.warm_up)
        at_edge()
        cpu = time.process_time()
        self.counts.began = self.counts.ended = time.perf_counter_ns()
        self.counting = True
        await asyncio.sleep(self._plan.seconds)
        self._running = False
        if pacing is not None:
            await pacing
        self._settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._plan.patience):
                await self._settled.wait()
        self.counts.cpu = time.process_time() - cpu
        at_edge()
        if self._due:
            self.counts.errors["no connection was free in time"] += len(self._due)

    def _settle(self) -> None:
        if not self._running and not self._due and not any(lane.busy for lane in self._lanes):
            self._settled.set()

    async def _pace(self, rate: float) -> None:
        interval = NANOSECONDS / rate
        start = time.perf_counter_ns()
        number = 0
        while self._running:
            now = time.perf_counter_ns()
            while (due := start + int(number * interval)) <= now:
                number += 1
                if self._idle:
                    self._idle.popleft().send(due)
                else:
                    self._due.append(due)
            await asyncio.sleep(TICK_SECONDS)

    def free(self, lane: Lane, now: int) -> None:
        """Give the lane its next request."""
        if self._due:
            lane.send(self._due.popleft())
        elif not self._running:
            self._settle()
        elif self._plan.rate is not None:
            self._idle.append(lane)
        elif self._sent < MOST_REQUESTS:
            self._sent += 1
            lane.send(now)

    def dead(self, lane: Lane) -> None:
        """Connect the lane anew while there is something to send."""
        with contextlib.suppress(ValueError):
            self._idle.remove(lane)
        if self._running or self._due:
            task = asyncio.get_running_loop().create_task(self._reopen(lane))
            self._reconnects.add(task)
            task.add_done_callback(self._reconnects.discard)
        else:
            self._settle()

    async def _reopen(self, lane: Lane) -> None:
        try:
            await lane.open(self._target)
        except OSError as error:
            self.counts.errors[f"connection refused: {error}"] += 1
            return
        self.free(lane, time.perf_counter_ns())


async def run(target: Target, scenario: str, plan: Plan, at_edge: Callable[[], None]) -> Counts:
    """Return the counts of one scenario, its resources made first. Raises Garbled, Lost, OSError."""
    if target.access is not None:
        await target.access.fresh()
    actors = [await actor(scenario, target, lane, plan.seed) for lane in range(plan.connections)]
    return await Load(target, plan).run(actors, at_edge)

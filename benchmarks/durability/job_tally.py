"""What came of jobs under faults, kind by kind: how they ended, what struck them, and what was begun anew.

Source: docs/jobs.md
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CANCEL: Final = "cancel"
# A task that was claimed for the second time had begun and not come to its end. One whose job ended is counted too.
_ANEW: Final = "SELECT job, count(*) FROM job_task WHERE attempt > 1 GROUP BY job"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done to the jobs of a round at a moment, or to one of them alone.

    Units: `at` milliseconds since 1970.
    """

    what: str
    at: int
    job: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended. Units: `ended` milliseconds since 1970; `anew` tasks that were begun more than once."""

    kind: str
    job: str
    state: str
    why: str = ""
    ended: float = math.inf
    anew: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """What came of a round: how its jobs ended, what was done to them, and what was wrong. Units: seconds."""

    number: int
    endings: tuple[Ending, ...] = ()
    events: tuple[Event, ...] = ()
    seconds: float = 0.0
    faults: tuple[str, ...] = ()

    @property
    def ended(self) -> dict[str, int]:
        """Its jobs by how they ended."""
        return dict(sorted(Counter(one.state for one in self.endings).items()))

    @property
    def done_to_them(self) -> dict[str, int]:
        """How often each thing was done in it, whether or not a job was still under way."""
        return dict(Counter(one.what for one in self.events))

    def struck(self, one: Ending) -> list[Event]:
        """What was done while this job of the round was under way."""
        return [each for each in self.events if each.at <= one.ended and each.job in {"", one.job}]


@dataclass(slots=True)
class Kind:
    """All jobs of a kind.

    `ended` counts them by how they ended. `struck` counts what happened while at least one of them was under way,
    each event once, and `jobs_struck` the jobs that were under way then. `undisturbed` jobs saw none of it. `anew`
    are tasks that were begun more than once, and `resumed` the jobs that have such.
    """

    jobs: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    jobs_struck: Counter[str] = field(default_factory=Counter)
    undisturbed: int = 0
    resumed: int = 0
    anew: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        plain = {
            name: getattr(self, name) for name in self.__slots__
        }  # asdict of 3.11 makes no dict of a Counter
        return {name: dict(one) if isinstance(one, Counter) else one for name, one in plain.items()}


def tally(rounds: Iterable[Round]) -> dict[str, Kind]:
    """Return what came of the jobs of each kind, in the order of their names."""
    kinds: dict[str, Kind] = {}
    for one in rounds:
        seen: dict[str, set[Event]] = {}
        for ending in one.endings:
            kind = kinds.setdefault(ending.kind, Kind())
            struck = one.struck(ending)
            kind.jobs += 1
            kind.ended[_how(ending, struck)] += 1
            kind.jobs_struck.update({each.what for each in struck})
            kind.undisturbed += not struck
            kind.resumed += ending.anew > 0
            kind.anew += ending.anew
            seen.setdefault(ending.kind, set()).update(struck)
        for name, events in seen.items():
            kinds[name].struck.update(each.what for each in events)
    return dict(sorted(kinds.items()))


def _how(ending: Ending, struck: Iterable[Event]) -> str:
    if ending.state == "cancelled" and not any(each.what == CANCEL for each in struck):
        return "ended before its cancel"
    return f"{ending.state}: {ending.why}" if ending.why else ending.state


def told(kinds: Mapping[str, Kind]) -> str:
    """Return a line for each kind."""
    return "\n".join(_line(name, one) for name, one in kinds.items())


def _line(name: str, one: Kind) -> str:
    def listed(counts: Counter[str]) -> str:
        return ", ".join(
            f"{count:,} {what}" for what, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        )

    return (
        f"{name}: {one.jobs:,} jobs ({listed(one.ended)}); under way at {listed(one.struck) or 'nothing'};"
        f" {one.resumed:,} with tasks begun anew ({one.anew:,}), {one.undisturbed:,} undisturbed"
    )


async def anew(database_url: str) -> dict[str, int]:
    """Return how many tasks of each job were begun more than once, by the job's id."""
    if database_url.startswith("sqlite:"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as database:
            rows = database.execute(_ANEW).fetchall()
    else:
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch(_ANEW)
        finally:
            await connection.close()
    return {bytes(job).hex(): count for job, count in rows}

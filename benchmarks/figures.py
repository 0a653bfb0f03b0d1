"""The figures of a run: rates, percentiles, errors and memory, as a table for people and JSON for documents.

Source: nearest-rank percentile, ISO 3534-1; units are in the names
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.load import Counts
    from benchmarks.processes import Usage

Number = TypeVar("Number", int, float)
MILLISECOND = 1_000_000  # in nanoseconds
MEGABYTE = 1_000_000


def percentile(ordered: Sequence[Number], share: float) -> Number:
    """Return the smallest value that at least `share` of them do not exceed (nearest rank)."""
    if not ordered:
        raise ValueError("no values")
    if not 0 < share <= 1:
        raise ValueError(f"no share: {share}")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took. Units: milliseconds."""

    requests: int
    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


def latency(nanoseconds: Sequence[int]) -> Latency | None:
    """Return the percentiles, None where nothing was answered."""
    if not nanoseconds:
        return None
    ordered = sorted(nanoseconds)

    def at(share: float) -> float:
        return round(percentile(ordered, share) / MILLISECOND, 3)

    mean = round(sum(ordered) / len(ordered) / MILLISECOND, 3)
    return Latency(len(ordered), mean, at(0.5), at(0.9), at(0.99), at(0.999), at(1))


@dataclass(frozen=True, slots=True)
class Memory:
    """What some processes take. Units: bytes. `largest` and `peak` are of the largest single process."""

    processes: int
    together: int
    largest: int
    peak: int


def memory(usages: Sequence[Usage]) -> Memory | None:
    """Return the processes' memory, None where there are none."""
    if not usages:
        return None
    return Memory(
        processes=len(usages),
        together=sum(one.own for one in usages),
        largest=max(one.resident for one in usages),
        peak=max(one.peak for one in usages),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's figures. Units: seconds; requests and resources per second; cpu in seconds.

    `access`: with tokens of agencies that see only what is theirs, rather than in the sandbox.
    """

    scenario: str
    server: str
    connections: int
    workers: int | None
    rate: float | None
    seed: int
    seconds: float
    requests: int
    per_second: float
    resources_per_second: float
    latency: Latency | None
    by_kind: dict[str, Latency]
    statuses: dict[str, int]
    errors: dict[str, int]
    memory: Memory | None
    database_memory: Memory | None
    generator_cpu: float
    server_cpu: float | None
    database_cpu: float | None
    start_seconds: float | None = None
    access: bool = False
    notes: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def result_from_json(value: dict[str, Any]) -> Result:
    """Return the result that `as_json` made. Raises TypeError, KeyError."""
    plain = dict(value)
    plain["latency"] = None if plain["latency"] is None else Latency(**plain["latency"])
    plain["by_kind"] = {kind: Latency(**one) for kind, one in plain["by_kind"].items()}
    for name in ("memory", "database_memory"):
        plain[name] = None if plain[name] is None else Memory(**plain[name])
    return Result(**plain)


def latencies(counts: Counts) -> tuple[Latency | None, dict[str, Latency]]:
    """Return the latency of all requests, and by kind."""
    everything = [value for values in counts.latencies.values() for value in values]
    by_kind = {kind: latency(values) for kind, values in sorted(counts.latencies.items())}
    return latency(everything), {kind: one for kind, one in by_kind.items() if one is not None}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows under their heads in columns: the first to the left, figures to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        first, *figures = (
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join((first, *figures)).rstrip()

    return "\n".join((line(heads), "  ".join("-" * width for width in widths), *map(line, rows)))


def printed(results: Sequence[Result]) -> str:
    """Return the results as people read them."""
    heads = ("scenario", "requests/s", "resources/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "errors")
    rows = []
    for result in results:
        rows.append(_row(result.scenario, result, result.latency))
        if len(result.by_kind) > 1:
            for kind, one in result.by_kind.items():
                rows.append((f"  {kind}", "", "", *_times(one), ""))
    return "\n\n".join((table(heads, rows), *(_around(result) for result in results)))


def _row(name: str, result: Result, of: Latency | None) -> tuple[str, ...]:
    rates = (f"{result.per_second:,.0f}", f"{result.resources_per_second:,.0f}")
    return (name, *rates, *_times(of), f"{sum(result.errors.values()):,}")


def _times(of: Latency | None) -> tuple[str, ...]:
    if of is None:
        return ("-",) * 4
    return tuple(f"{value:.2f}" for value in (of.p50, of.p99, of.p999, of.max))


def _around(result: Result) -> str:
    pace = "closed loop" if result.rate is None else f"open loop at {result.rate:,.0f}/s"
    how = " with access" if result.access else ""
    what = (
        f"{result.scenario}{how} on {result.server}: {result.requests:,} requests in {result.seconds:.1f} s"
    )
    lines = [f"{what}, {result.connections} connections, {pace}, seed {result.seed}"]
    statuses = ", ".join(f"{status}: {count:,}" for status, count in result.statuses.items())
    lines.append(f"  statuses     {statuses or 'none'}")
    lines += [f"  ERROR        {count:,} x {text}" for text, count in result.errors.items()]
    lines.append(f"  generator    {_cpu(result.generator_cpu, result)}")
    if result.server_cpu is not None:
        lines.append(f"  server       {_cpu(result.server_cpu, result)}{_memory(result.memory)}")
    if result.database_cpu is not None:
        lines.append(f"  database     {_cpu(result.database_cpu, result)}{_memory(result.database_memory)}")
    if result.start_seconds is not None:
        lines.append(f"  start        ready after {result.start_seconds:.2f} s")
    return "\n".join(lines)


def _cpu(seconds: float, result: Result) -> str:
    each = seconds / result.requests * 1e6 if result.requests else 0.0
    share = seconds / result.seconds * 100 if result.seconds else 0.0
    return f"{seconds:.2f} s of processor ({share:.0f} % of one core, {each:.0f} µs a request)"


def _memory(of: Memory | None) -> str:
    if of is None:
        return ""
    return (
        f"; {of.together / MEGABYTE:.0f} MB in {of.processes} processes, "
        f"the largest {of.largest / MEGABYTE:.0f} MB (peak {of.peak / MEGABYTE:.0f} MB)"
    )

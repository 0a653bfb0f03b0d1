"""`python -m benchmarks.document FILE…`: put measured figures into docs/performance.md, between its markers.

The files are what `python -m benchmarks`, `benchmarks.search`, `benchmarks.flatness`, `benchmarks.session`,
`benchmarks.cohort`, `benchmarks.cost`, `benchmarks.kills`, `benchmarks.job_kills`, `benchmarks.beside_export` and
`benchmarks.profile_create` write with `--json`.

Source: docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cost import ACCESS, kept
from benchmarks.figures import MEGABYTE, Result, result_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN = "<!-- figures: written by python -m benchmarks.document -->"
END = "<!-- end of figures -->"

DATABASES = ("sqlite", "postgresql")


def _per_second(result: Result) -> str:
    return f"{result.per_second:,.0f}/s"


def _resources(result: Result) -> str:
    return f"{result.resources_per_second:,.0f}/s"


def _p99(result: Result) -> str:
    return "-" if result.latency is None else f"{result.latency.p99:.1f} ms"


def _start(result: Result) -> str:
    return "-" if result.start_seconds is None else f"{result.start_seconds:.2f} s"


def _worker(result: Result) -> str:
    return "-" if result.memory is None else f"{result.memory.peak / MEGABYTE:.0f} MB"


# What the service owes, and the best that others show. The peers' figures are those of the design's
# section 9, from their own publications on other machines: they are orders of magnitude, not a race.
BUDGET: Sequence[tuple[str, str, Callable[[Result], str], str, str]] = (
    ("CRUD mix, requests", "crud", _per_second, "2,000/s on SQLite, 700/s on PostgreSQL", "650/s for 2 vCPU (347 per vCPU)"),
    ("CRUD mix, p99", "crud", _p99, "25 ms", ""),
    ("Create of a 1 kB score", "create", _per_second, "", ""),
    ("Create of a 1 kB score, p99", "create", _p99, "25 ms", ""),
    ("Read by id", "read", _per_second, "", ""),
    ("Transactions of five, resources", "transaction", _resources, "2,500/s", "2,678/s on 16 vCPU"),
    ("Search mix, requests", "search", _per_second, "2,000/s on SQLite", ""),
    ("Search mix, p99", "search", _p99, "30 ms on SQLite", ""),
    ("Start to ready", "crud", _start, "2 s", "15 to 60 s"),
    ("Largest process, peak", "crud", _worker, "200 MB", "several GB"),
)  # fmt: skip


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, the others to the right."""
    lines = [heads, ("---", *("---:" for _ in heads[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def budget(results: Sequence[Result]) -> str:
    """Return what was measured beside what is owed."""
    read = {(one.scenario, one.server): one for one in results if one.rate is None and not one.access}

    def cell(scenario: str, server: str, shown: Callable[[Result], str]) -> str:
        result = read.get((scenario, server))
        return "-" if result is None else shown(result)

    rows = [
        (name, *(cell(scenario, server, shown) for server in DATABASES), owed, peers)
        for name, scenario, shown, owed, peers in BUDGET
    ]
    return table(("work", "SQLite", "PostgreSQL", "budget", "best peer"), rows)


def details(results: Sequence[Result]) -> str:
    """Return every result, one line each."""
    heads = (
        "scenario",
        "server",
        "connections",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "errors",
        "server CPU µs/request",
        "database CPU µs/request",
        "generator CPU µs/request",
        "server MB",
    )
    return table(heads, map(_detail, results))


def _detail(one: Result) -> tuple[str, ...]:
    name = one.scenario if one.rate is None else f"{one.scenario} at {one.rate:,.0f}/s"
    name += " with access" if one.access else ""
    times: tuple[str, ...] = ("-",) * 4
    if one.latency is not None:
        times = tuple(
            f"{value:.1f}" for value in (one.latency.p50, one.latency.p99, one.latency.p999, one.latency.max)
        )
    each = tuple(
        "-" if seconds is None or not one.requests else f"{seconds / one.requests * 1e6:.0f}"
        for seconds in (one.server_cpu, one.database_cpu, one.generator_cpu)
    )
    megabytes = "-" if one.memory is None else f"{one.memory.together / MEGABYTE:.0f}"
    errors = f"{sum(one.errors.values()):,}"
    return (
        name,
        one.server,
        str(one.connections),
        f"{one.per_second:,.0f}",
        *times,
        errors,
        *each,
        megabytes,
    )


def shapes(results: Sequence[Result]) -> str:
    """Return the latencies of each kind of search in the mix, the databases beside each other."""
    mixes = [one for one in results if one.scenario == "search" and one.rate is None and not one.access]
    heads = [f"{name} on {one.server}" for one in mixes for name in ("p50 ms", "p99 ms")]
    kinds = sorted({kind for one in mixes for kind in one.by_kind})
    rows = []
    for kind in kinds:
        found = [one.by_kind.get(kind) for one in mixes]
        figures = [
            "-" if latency is None else f"{figure:.1f}"
            for latency in found
            for figure in ((latency.p50, latency.p99) if latency else (0.0, 0.0))
        ]
        rows.append((kind, *figures))
    return table(("search", *heads), rows)


def flatness(document: dict[str, Any]) -> str:
    """Return one child's queries on a small and on a large store, and what a page of 100 costs beyond its query."""
    small, large = (f"{count:,}" for count in document["resources"])
    heads = [
        *("query", f"µs at {small}", f"at {large}", "ratio", "ratio within the store"),
        *(f"first time, µs at {small}", f"at {large}", "ratio", "statements"),
    ]
    rows = [
        (
            one["name"],
            *_pair(one, "whole"),
            _pair(one, "store")[2],
            *_pair(one, "first"),
            str(max(one["small"]["statements"], one["large"]["statements"])),
        )
        for one in document["rows"]
    ]
    page = document["joining"]
    last = (
        f"A page of {page['resources']} resources, {page['size']:,} bytes, takes {page['microseconds']:.0f} µs of"
        " processor time beyond its query; 1,000 are allowed."
    )
    return f"{table(heads, rows)}\n\n{last}"


def _pair(row: dict[str, Any], of: str) -> tuple[str, str, str]:
    small, large = row["small"][of], row["large"][of]
    return f"{small:.0f}", f"{large:.0f}", f"{large / small:.2f}"


def kills(documents: Sequence[dict[str, Any]]) -> str:
    """Return what the kill rounds came to."""
    heads = (
        "killed",
        "rounds",
        "acknowledged",
        "unanswered",
        "of which stored",
        "lost or half",
        "ready p50",
        "max",
    )
    rows = [
        (
            f"{one['victim']} on {one['database']}",
            f"{one['rounds']:,}",
            f"{one['acknowledged']:,}",
            f"{one['open']:,}",
            f"{one['open_and_stored']:,}",
            f"{one['faults']:,}",
            f"{one['restart_p50']:.2f} s",
            f"{one['restart_max']:.2f} s",
        )
        for one in documents
    ]
    return table(heads, rows)


# What is done to jobs, in the order of the columns, by the names that `benchmarks.job_kills` gives it.
CHAOS = ("SIGKILL", "SIGSTOP", "SIGTERM", "restart", "cancel", "full disk", "crash of the database")


def job_kills(documents: Sequence[dict[str, Any]]) -> str:
    """Return what came of jobs under faults, kind by kind."""
    heads = ("jobs", "all", "done", "cancelled", "failed", *CHAOS, "undisturbed", "begun anew", "faults")
    return table(heads, [row for one in documents for row in _disturbed(one)])


def _disturbed(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    where = document["database"] + (", on the disk that is full" if document["together"] else "")
    for name, kind in document["kinds"].items():
        ended = kind["ended"]
        failed = sum(count for how, count in ended.items() if how.startswith("failed"))
        yield (
            f"{name} on {where}",
            f"{kind['jobs']:,}",
            *(f"{count:,}" for count in (ended.get("done", 0), ended.get("cancelled", 0), failed)),
            *(f"{kind['struck'].get(what, 0):,}" for what in CHAOS),
            *(f"{kind[figure]:,}" for figure in ("undisturbed", "resumed")),
            f"{len(document['faults']):,}",
        )


def beside_jobs(documents: Sequence[dict[str, Any]]) -> str:
    """Return what requests took without a job and while one ran: exports that followed each other, or an import."""
    heads = (
        *("requests", "database", "a second", "p50 alone", "beside it"),
        *("p99 alone", "beside it", "ratio", "errors", "done meanwhile, resources/s"),
    )
    return table(heads, [row for one in documents for row in _beside(one)])


def _beside(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    alone, beside = document["arms"]["alone"], document["arms"]["beside"]
    errors = sum(sum(arm["errors"].values()) for arm in (alone, beside))
    whole = ("all", alone["all"], beside["all"], f"{document['rate']:,.0f}", f"{errors:,}")
    exported = f"{beside['resources'] / beside['seconds']:,.0f}"
    kinds = ((work, alone["kinds"][work], beside["kinds"][work], "", "") for work in alone["kinds"])
    for work, before, during, rate, wrong in (whole, *kinds):
        yield (
            *(work, document["database"], rate),
            *(f"{one[figure]:.1f} ms" for figure in ("p50", "p99") for one in (before, during)),
            *(f"{during['p99'] / before['p99']:.2f}", wrong, exported if work == "all" else ""),
        )


def sessions(results: Sequence[Result]) -> str:
    """Return how long a session's form took to be stored, and until its scores were seen in $progress."""
    heads = ("session", "server", "sessions/s", "p50 ms", "p99 ms", "max ms", "wrong")
    rows = [
        (
            kind,
            one.server,
            f"{one.per_second:,.0f}",
            *(f"{value:.1f}" for value in (of.p50, of.p99, of.max)),
            f"{sum(one.errors.values()):,}",
        )
        for one in results
        for kind, of in one.by_kind.items()
    ]
    return table(heads, rows)


def cohorts(documents: Sequence[dict[str, Any]]) -> str:
    """Return what came of very many responses, some of them sent again and again."""
    heads = (
        *("database", "responses", "scores taken from them", "transactions", "of which repeats"),
        *("responses/s", "resources/s", "lost, twice or wrong"),
    )
    rows = [
        (
            one["database"],
            *(f"{one[name]:,}" for name in ("responses", "observations", "transactions", "repeated")),
            f"{one['responses'] / one['seconds']:,.0f}",
            f"{(one['responses'] + one['observations']) / one['seconds']:,.0f}",
            f"{sum(one['faults'].values()):,}",
        )
        for one in documents
    ]
    return table(heads, rows)


def imports(documents: Sequence[dict[str, Any]]) -> str:
    """Return what cohorts took that were imported twice."""
    heads = ("database", "processes", "lines", "there already", "seconds", "lines/s", "µs of processor each")
    rows = []
    for one in documents:
        for run in one["runs"]:
            lines = run["new"] + run["there"] + run["refused"]
            rows.append(
                (
                    one["database"],
                    str(one["workers"]),
                    f"{lines:,}",
                    f"{run['there']:,}",
                    f"{run['seconds']:.1f}",
                    f"{lines / run['seconds']:,.0f}",
                    f"{(run['cpu'] + run['database_cpu']) / lines * 1e6:,.0f}",
                )
            )
    return table(heads, rows)


def costs(documents: Sequence[dict[str, Any]]) -> str:
    """Return what is left of the rates with access control and audit: medians of rounds that took turns."""
    heads = (
        *("work", "database", "without", "with access", "left", "lowest to highest"),
        *("p99 without", "with", "server µs without", "with", "errors"),
    )
    return table(heads, map(_cost, documents))


def _cost(document: dict[str, Any]) -> tuple[str, ...]:
    arms = document["arms"]
    without, shares = kept(arms)

    def middle(figure: str) -> list[float]:
        return [statistics.median(arms[name][figure]) for name in (without, ACCESS)]

    return (
        document["scenario"],
        document["database"],
        *(f"{one:,.0f}/s" for one in middle("per_second")),
        f"{statistics.median(shares):.0%}",
        f"{min(shares):.0%} to {max(shares):.0%}",
        *(f"{one:.1f} ms" for one in middle("p99")),
        *(f"{one:,.0f}" for one in middle("server_cpu")),
        f"{sum(one['errors'] for one in arms.values()):,}",
    )


def profile(document: dict[str, Any]) -> str:
    """Return the stages of one create."""
    whole = sum(one["microseconds"] for one in document["stages"])
    rows = [
        (one["stage"], f"{one['microseconds']:.0f}", f"{one['microseconds'] / whole * 100:.0f} %")
        for one in document["stages"]
    ]
    return table(("stage", "µs", "share"), [*rows, ("together", f"{whole:.0f}", "100 %")])


def taken(documents: Sequence[dict[str, Any]]) -> str:
    """Return on what and when the figures were taken."""
    notes: dict[str, set[str]] = {}
    for document in documents:
        for one in document.get("results", [document]):
            for name, value in one.get("notes", {}).items():
                notes.setdefault(name, set()).add(value)
    return "; ".join(f"{name} {' and '.join(sorted(values))}" for name, values in notes.items()) + "."


def rendered(documents: Sequence[dict[str, Any]]) -> str:
    """Return what stands between the markers."""
    results = [
        result_from_json(one)
        for document in documents
        if document["kind"] == "load"
        for one in document["results"]
    ]
    return "\n\n".join((f"Taken on: {taken(documents)}", *_loads(results), *_others(documents)))


def _loads(results: Sequence[Result]) -> Iterator[str]:
    if results:
        yield from ("### Against the budget", budget(results), "### In detail", details(results))
    if any(one.scenario == "search" for one in results):
        yield from ("### Search by shape", shapes(results))
    forms = [one for one in results if one.scenario == "session"]
    if forms:
        yield from ("### A session's form, stored and seen", sessions(forms))


def _others(documents: Sequence[dict[str, Any]]) -> Iterator[str]:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        kinds.setdefault(document["kind"], []).append(document)
    for kind, head, shown in TOGETHER:
        if kind in kinds:
            yield from (head, shown(kinds[kind]))
    for kind, head, one_shown in EACH:
        for document in kinds.get(kind, ()):
            yield from (f"{head} ({document['database']})", one_shown(document))


# Kinds of documents that share a table, and those that have one each.
TOGETHER: Sequence[tuple[str, str, Callable[[Sequence[dict[str, Any]]], str]]] = (
    ("cost", "### What access control and audit cost", costs),
    ("cohort", "### Very many responses, some sent again", cohorts),
    ("imports", "### A cohort imported from a file, and once more", imports),
    ("kills", "### Killed under load", kills),
    ("beside-export", "### Requests while an export runs", beside_jobs),
    ("beside-import", "### Requests while an import runs", beside_jobs),
    ("job-kills", "### Exports and imports under faults", job_kills),
)
EACH: Sequence[tuple[str, str, Callable[[dict[str, Any]], str]]] = (
    ("flatness", "### One child's queries, flat", flatness),
    ("profile", "### Where the time of one create goes", profile),
)


def placed(page: str, text: str) -> str:
    """Return the page with the text between its markers. Raises ValueError where they are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no «{BEGIN}» followed by «{END}»")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(given: Sequence[str] | None = None) -> int:
    """Write the page and return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(given)
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in options.files]
    page = options.page.read_text(encoding="utf-8")
    options.page.write_text(placed(page, rendered(documents)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

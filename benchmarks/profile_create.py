"""`python -m benchmarks.profile_create`: where the processor time of one request goes, stage by stage.

A worker serves in a process of its own and takes a sample of its own stack every few milliseconds of
processor time, while creates (or another scenario) come from here. Sampling leaves the service as it is:
nothing is wrapped, and a call costs what it costs.

Source: https://docs.python.org/3/library/signal.html#signal.setitimer
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks import access, machine, servers
from benchmarks.figures import table
from benchmarks.load import Plan, run
from benchmarks.scenarios import SETUPS
from benchmarks.target import target
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from benchmarks.load import Counts

# Seconds of processor time; Linux rounds up to its own tick.
SAMPLE_SECONDS = 0.001
WAIT_SECONDS = 30.0
HOTTEST = 25
REST = "HTTP and event loop"
COMMIT = "commit (in its thread)"

# A sample belongs to the innermost of these that is on the stack. What is in none of them (FHIRPath, dates,
# decimals) belongs to whoever called it.
STAGES = (
    ("service/fhir/codec.py", "decode and encode JSON"),
    ("service/fhir/validation/", "validate"),
    ("service/fhir/search/", "extract index values"),
    ("service/fhir/stamping.py", "stamp the body"),
    ("service/storage/audit.py", "audit"),
    ("service/storage/trail.py", "audit"),
    ("service/interactions/noting.py", "audit"),
    ("service/outcomes/sharing.py", "whom it lets see what"),
    ("service/outcomes/whose.py", "whom it lets see what"),
    ("service/outcomes/consents.py", "whom it lets see what"),
    ("service/interactions/permission.py", "whether the agency may"),
    ("service/outcomes/stewardship.py", "whether the agency may"),
    ("service/storage/names.py", "number names and rows"),
    ("service/storage/indexing.py", "number names and rows"),
    ("service/storage/preparation.py", "number names and rows"),
    ("service/storage/", "read and write the database"),
    ("service/interactions/", "decide (the interaction)"),
    ("service/access/", "decide (the interaction)"),
    ("service/rest/logs.py", "log"),
    ("/structlog/", "log"),
    ("service/rest/", "route, read headers, answer"),
    ("/litestar/", "Litestar's routing"),
    ("/uvicorn/", REST),
)


class Sampler:
    """Takes samples between two SIGUSR1, and writes what it saw at the second. Units: seconds.

    A signal tells that the process has used so much time, not which thread has. So each sample books what the
    main thread has used since the last one to the main thread's stack, and the others' to theirs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stages: dict[str, float] = defaultdict(float)
        self._functions: dict[str, float] = defaultdict(float)
        self._samples = 0
        self._main = 0.0
        self._all = 0.0
        self._runs = False

    def install(self) -> None:
        """Listen to the signals."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._toggle)

    def _toggle(self, _number: int, _frame: FrameType | None) -> None:
        seconds = 0.0 if self._runs else SAMPLE_SECONDS
        signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
        if self._runs:
            self._write()
        self._main, self._all = time.thread_time(), time.process_time()
        self._runs = not self._runs

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        main, everything = time.thread_time(), time.process_time()
        used = main - self._main
        others = everything - self._all - used
        self._main, self._all = main, everything
        self._samples += 1
        self._stages[stage(frame)] += used
        self._functions[_named(frame)] += used
        if others > 0:
            busy = _busy_thread()
            self._stages[stage(busy, otherwise=COMMIT)] += others
            self._functions[f"in a thread: {_named(busy)}"] += others

    def _write(self) -> None:
        found = {
            "samples": self._samples,
            "stages": _descending(self._stages),
            "functions": _descending(self._functions)[:HOTTEST],
        }
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(self._path)


def _descending(seconds: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])


def stage(frame: FrameType | None, otherwise: str = REST) -> str:
    """Return the stage that the innermost known frame belongs to."""
    while frame is not None:
        path = frame.f_code.co_filename
        for part, name in STAGES:
            if part in path:
                return name
        frame = frame.f_back
    return otherwise


def _busy_thread() -> FrameType | None:
    """Return where another thread works for us; None where it is in a function of C, as a commit is."""
    ours = threading.main_thread().ident
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to see them
        if ident != ours and stage(frame, otherwise="") != "":
            return frame
    return None


def _named(frame: FrameType | None) -> str:
    if frame is None:
        return "C"
    path = frame.f_code.co_filename
    for part in ("service/", "site-packages/", "lib/python"):
        if part in path:
            path = path[path.rindex(part) :].removeprefix("site-packages/")
            break
    return f"{path}:{frame.f_code.co_qualname}"


def serve(database_url: str, port: int, path: Path, *, access: bool) -> int:
    """Serve with one worker in this process, sampled between signals, until told to stop."""
    # Imported here: the parent that sends the load must not carry the service.
    from service import asgi  # noqa: PLC0415
    from service.rest import logs, workers  # noqa: PLC0415
    from service.settings import read  # noqa: PLC0415

    settings = read({"THRIVE_DATABASE_URL": database_url, "THRIVE_WORKERS": "1", **servers.UNLIMITED})
    parts = asgi.kernel(f"http://127.0.0.1:{port}/fhir")
    log = logs.logger(settings.log, sys.stdout.buffer)
    Sampler(path).install()
    app = asgi.create(settings, parts, log, sandbox=not access)
    return workers.serve(app, workers.bind("127.0.0.1", port, 1), settings.stop_seconds, log)


def profiled(options: argparse.Namespace) -> dict[str, Any]:
    """Return the stages of one request. Raises postgres.PostgresAbsent, servers.NotServing."""
    with servers.place(options.database) as where, tempfile.TemporaryDirectory() as folder:
        server = servers.Server(where.folder, where.database_url, 1)
        port = server.port
        server.run("migrate")
        path = Path(folder) / "samples.json"
        with (where.folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "benchmarks.profile_create"),
                    *("--serve", where.database_url, "--port", str(port), "--samples", str(path)),
                    *(["--access"] if options.access else []),
                ],
                cwd=servers.ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group, which `servers.place` ends should we be killed
            )
        (where.folder / "pid").write_text(str(process.pid), encoding="utf-8")
        try:
            servers.await_port(port, WAIT_SECONDS)
            plan = Plan(options.connections, options.seconds)
            signed = access.for_load(server) if options.access else None
            goal = target(server.base_url, access=signed)
            edge = _Signal(process.pid)
            counts = uvloop.run(run(goal, options.scenario, plan, edge))
            samples = _awaited(path)
        finally:
            process.terminate()
            process.wait()
    return _document(options, counts, samples)


class _Signal:
    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self) -> None:
        os.kill(self._pid, signal.SIGUSR1)


def _awaited(path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise servers.NotServing("the profiled server wrote no samples")
        time.sleep(servers.POLL_SECONDS)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _document(options: argparse.Namespace, counts: Counts, samples: dict[str, Any]) -> dict[str, Any]:
    """Return the stages of one request, in microseconds."""

    def each(seconds: float) -> float:
        return round(seconds / counts.requests * 1e6, 1)

    return {
        "kind": "profile",
        "database": options.database,
        "scenario": options.scenario,
        "access": options.access,
        "requests": counts.requests,
        "per_second": round(counts.requests / counts.seconds, 1),
        "errors": dict(counts.errors),
        "samples": samples["samples"],
        "stages": [{"stage": name, "microseconds": each(seconds)} for name, seconds in samples["stages"]],
        "functions": [
            {"function": name, "microseconds": each(seconds)} for name, seconds in samples["functions"]
        ],
        "notes": machine.described(options.database),
    }


def printed(document: dict[str, Any]) -> str:
    """Return the profile as people read it."""
    whole = sum(one["microseconds"] for one in document["stages"])
    stages = [
        (one["stage"], f"{one['microseconds']:.0f}", f"{one['microseconds'] / whole:.0%}")
        for one in document["stages"]
    ]
    functions = [(one["function"], f"{one['microseconds']:.1f}") for one in document["functions"]]
    title = (
        f"{document['scenario']}{' with access' if document['access'] else ''} on {document['database']}, one worker: {document['per_second']:,.0f}/s, "
        f"{whole:.0f} µs of processor each, {document['samples']:,} samples, errors {document['errors']}"
    )
    return "\n\n".join(
        (
            title,
            table(("stage", "µs", "share"), stages),
            table(("hottest functions, own time", "µs"), functions),
        )
    )


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_create", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--scenario", choices=tuple(SETUPS), default="create")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--access", action="store_true", help=servers.ACCESS_HELP)
    parser.add_argument("--json", type=Path, help="write the profile here as well")
    parser.add_argument("--serve", metavar="DATABASE_URL", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=Path, help=argparse.SUPPRESS)
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Print the profile and return 0."""
    parser = arguments()
    options = parser.parse_args(given)
    if options.serve:
        return serve(options.serve, options.port, options.samples, access=options.access)
    try:
        document = profiled(options)
    except (PostgresAbsent, servers.NotServing) as fault:
        parser.exit(2, f"{fault}\n")
    print(printed(document))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

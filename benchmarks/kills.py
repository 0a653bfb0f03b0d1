"""`python -m benchmarks.kills`: kill the server under load, many times, and see that it lost nothing.

Source: docs/performance.md; design, section 5
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmarks import machine
from benchmarks.durability.rounds import Kills, Round, Victim, rounds, total
from benchmarks.servers import NotServing
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Sequence


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--victim",
        choices=get_args(Victim),
        default="server",
        help="who dies: the server's processes (SIGKILL), the database (PostgreSQL's immediate stop), or both",
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--check-every", type=int, default=1, help="rounds between runs of `thrive-fhir check`"
    )
    parser.add_argument("--fresh-every", type=int, default=20, help="rounds on one database")
    parser.add_argument("--json", type=Path, help="write the totals here as well")
    return parser


def told(one: Round) -> str:
    """Return a round as one line, and one more for each fault."""
    line = (
        f"round {one.number + 1}: {one.acknowledged} acknowledged, {one.open} open of which {one.settled} stored, "
        f"ready after {one.restart_seconds:.2f} s, verified in {one.verify_seconds:.1f} s"
    )
    return "\n".join(
        (line + (", checked" if one.checked else ""), *(f"  FAULT {fault}" for fault in one.faults))
    )


def main(given: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 where nothing was lost."""
    parser = arguments()
    options = vars(parser.parse_args(given))
    path = options.pop("json")
    kills = Kills(**options)
    if kills.victim != "server" and kills.database == "sqlite":
        parser.error("SQLite has no processes of its own to kill")
    done: list[Round] = []
    try:
        for one in rounds(kills):
            print(told(one), flush=True)
            done.append(one)
    except (PostgresAbsent, NotServing) as fault:
        print(fault)
        return 2
    figures = total(done)
    print(", ".join(f"{name} {value:,.2f}".removesuffix(".00") for name, value in figures.items()))
    if path:
        document = {
            "kind": "kills",
            **dataclasses.asdict(kills),
            **figures,
            "notes": machine.described(kills.database),
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if figures["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.power_loss`: the power fails while an import runs, many times; see that the disk lost nothing.

Source: ADR 0026, docs/performance.md
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.durability.forgetting import Unrecorded
from benchmarks.durability.outages import PATIENTS, Outage, outages
from benchmarks.servers import NotServing

if TYPE_CHECKING:
    from collections.abc import Sequence

MEBIBYTE = 1024 * 1024


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.power_loss", description=__doc__)
    parser.add_argument("--outages", type=int, default=24, help="moments at which the power fails")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patients", type=int, default=PATIENTS, help="young people that are imported")
    parser.add_argument("--alone", action="store_true", help="nobody writes to a server meanwhile")
    return parser


def told(one: Outage) -> str:
    """Return an outage as one line, and one more for each fault."""
    line = (
        f"outage {one.number + 1} after {one.events} events: {one.open / MEBIBYTE:.1f} MiB not synced, of which the disk "
        f"has {one.memory}; {one.acknowledged} writes acknowledged, {one.stored} lines stored"
    )
    return "\n".join((line, *(f"  FAULT {fault}" for fault in one.faults)))


def main(given: Sequence[str] | None = None) -> int:
    """Make the outages and return 0 where nothing was lost."""
    options = arguments().parse_args(given)
    done: list[Outage] = []
    try:
        for one in outages(options.outages, options.seed, options.patients, alone=options.alone):
            print(told(one), flush=True)
            done.append(one)
    except (NotServing, Unrecorded, subprocess.CalledProcessError) as fault:
        print(fault)
        return 2
    faults = sum(len(one.faults) for one in done)
    print(f"{len(done)} outages, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

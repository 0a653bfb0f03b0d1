"""A program: lines are imported, then changed by chance; says what was refused and why, and what all tables hold then.

Run by sources as they are and by what is compiled of them, it says the same. The first line says which it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from service import asgi
from service.access.callers import DEFAULT_LOCALITY, Caller
from service.bulk.importing_unit import Line, store
from service.fhir import codec
from service.interactions.context import Act
from service.settings import read
from service.storage.open import migrate, session
from service.storage.tables import INDEXES
from tests.fhir.validation.mutations import mutated

UNIT = 200
TIMES = 3
MOMENT = 1_790_000_000_000  # milliseconds
UPDATED = re.compile(rb'"lastUpdated":"[^"]*"')


def say(*what: object) -> None:
    """Writes a line."""
    sys.stdout.write(" ".join(map(str, what)) + "\n")


def lines(path: Path) -> list[Line]:
    """Those of the file, and then each some times again, changed by chance that is the same each time."""
    whole = path.read_bytes().splitlines()
    broken = (
        codec.encode(mutated(codec.decode(raw), Random(f"{number} {again}")))
        for again in range(TIMES)
        for number, raw in enumerate(whole)
    )
    return [Line(0, number, raw) for number, raw in enumerate(itertools.chain(whole, broken), 1)]


def units(path: Path) -> Iterator[list[Line]]:
    """The lines in units."""
    rest = iter(lines(path))
    while unit := list(itertools.islice(rest, UNIT)):
        yield unit


async def imported(path: Path, url: str) -> None:
    """Imports the lines, and writes what was refused of each unit."""
    settings = read({"THRIVE_DATABASE_URL": url})
    numbers = itertools.count()
    caller = Caller("import", "", DEFAULT_LOCALITY, administrator=True, chooses_ids=True)
    async with asgi.opened(settings, asgi.kernel("http://127.0.0.1:8080/fhir")) as opened:
        context = replace(
            opened, clock=lambda: MOMENT, ids=lambda: f"made-{next(numbers)}", response_key=b"k" * 32
        )
        for place, unit in enumerate(units(path)):
            act = Act(caller, f"unit-{place}")
            came = await store(context, act, unit)
            told = [
                (
                    line.number,
                    [(issue.slug, issue.severity, issue.expression, issue.text) for issue in problem.issues],
                )
                for line, problem in came.refused
            ]
            say(json.dumps([came.created, came.updated, came.unchanged, told]))


async def held(url: str) -> None:
    """Writes how many rows each table has, and what they are in one number."""
    async with session(url) as at:
        for table in ("resource", *(table.name for table in INDEXES)):
            columns = "locality, rid, type, id, version, child, label, body" if table == "resource" else "*"
            rows = [
                tuple(UPDATED.sub(b"", value) if isinstance(value, bytes) else value for value in row)
                for row in await at.fetch(f"SELECT {columns} FROM {table}")
            ]
            digest = hashlib.sha256(repr(sorted(rows, key=repr)).encode()).hexdigest()
            say(table, len(rows), digest)


if __name__ == "__main__":
    say(Path(codec.__file__).suffix)
    migrate(sys.argv[2])
    asyncio.run(imported(Path(sys.argv[1]), sys.argv[2]))
    asyncio.run(held(sys.argv[2]))

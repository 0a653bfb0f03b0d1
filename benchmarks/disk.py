"""`python -m benchmarks.disk`: what a goal's score takes on disk in SQLite, by table.

Scores are stored through the store's own units, then the file is measured after its log
was moved into it.

Source: docs/adr/0002-resources-as-bytes-with-index-rows.md
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.resources import Circle, score
from service import asgi
from service.access.rule import sharing_rule
from service.fhir import codec
from service.storage.open import migrate, open_store
from service.storage.store import AuditEntry, Change, Unit

SCORES = 20_000
UNIT = 200  # scores a unit
OF_ONE_GOAL = 10  # sessions until the next young person's scores come
AUDIT = AuditEntry(
    client="benchmark", agency="benchmark", interaction="create", request_id="0123456789abcdef"
)


def circle() -> Circle:
    """A young person and what the scores refer to, with ids as the server gives them."""
    return Circle(
        patient=f"Patient/{asgi.new_id()}",
        practitioner=f"Practitioner/{asgi.new_id()}",
        organization=f"Organization/{asgi.new_id()}",
        encounter=f"Encounter/{asgi.new_id()}",
        goal=f"Goal/{asgi.new_id()}",
    )


def scores(count: int) -> list[dict[str, Any]]:
    """So many scores with ids, ten of each young person."""
    chance = random.Random(1)
    made = []
    around = circle()
    for number in range(count):
        if number % OF_ONE_GOAL == 0:
            around = circle()
        made.append({**score(chance, around), "id": asgi.new_id()})
    return made


async def fill(url: str, resources: list[dict[str, Any]]) -> None:
    """Stores the resources."""
    parts = asgi.kernel("http://127.0.0.1:8080/fhir")
    rule = sharing_rule(parts.registry, parts.base_url)
    store = await open_store(url, parts.registry, parts.extractor, asgi.clock, rule=rule)
    for start in range(0, len(resources), UNIT):
        changes = [
            Change(one["resourceType"], one["id"], "POST", None, None, one)
            for one in resources[start : start + UNIT]
        ]
        await store.commit("default", Unit(tuple(changes), AUDIT))
    await store.close()


def main() -> None:
    """Prints bytes a score."""
    resources = scores(SCORES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.db"
        migrate(f"sqlite:///{path}")
        asyncio.run(fill(f"sqlite:///{path}", resources))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            by_table = connection.execute(
                "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 12"
            ).fetchall()
        print(f"as sent  {sum(len(codec.encode(one)) for one in resources) / SCORES:6.0f} bytes a score")
        print(f"on disk  {path.stat().st_size / SCORES:6.0f} bytes a score, in all")
        for table, size in by_table:
            print(f"         {size / SCORES:6.0f} {table}")


if __name__ == "__main__":
    main()

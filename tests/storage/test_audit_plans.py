"""However large the audit is, what is asked of it often is found by an index, in its order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.storage.audit import DELETED
from service.storage.ledger import Asked
from tests.storage.audits import BEGUN, entry

FIRST = Asked(count=20)
# What is asked, and the index that it must be found by.
ASKED = {
    "the newest": (FIRST, "audit_pkey"),
    "a time": (replace(FIRST, since=BEGUN, until=BEGUN + 5), "audit_pkey"),
    "an agency": (replace(FIRST, agencies=("camhs",)), "audit_agency"),
    "a page of an agency's": (replace(FIRST, agencies=("camhs",), after=(BEGUN + 5, 1)), "audit_agency"),
    "an agency's refusals": (replace(FIRST, agencies=("camhs",), statuses=((400, 500),)), "audit_agency"),
    "a young person": (replace(FIRST, children=("a",)), "audit_child_pkey"),
    "an agency's acts with a young person": (
        replace(FIRST, children=("a",), agencies=("camhs",)),
        "audit_child_pkey",
    ),
}


async def plan(store, database_url: str, text: str, arguments) -> str:
    if database_url.startswith("sqlite"):
        rows = await store.audit.shelf.fetch(f"EXPLAIN QUERY PLAN {text}", *arguments)
        return "\n".join(row[3] for row in rows)
    rows = await store.audit.shelf.fetch(f"EXPLAIN {text}", *arguments)
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(("asked", "index"), ASKED.values(), ids=ASKED)
async def test_what_is_asked_often_is_found_by_its_index(
    store, database_url, clock, asked, index, monkeypatch
):
    clock.now = BEGUN
    agencies = ("camhs", "school", "charity")
    await store.audit.keep(
        [
            entry(
                number,
                agency=agencies[number % 3],
                action=DELETED if number == 7 else 2,
                children=((f"child-{number % 50}" if number % 10 else "a", 3),),
            )
            for number in range(3000)
        ]
    )
    statements = []
    fetch = store.audit.shelf.fetch

    async def heard(text, *arguments):
        statements.append((text, arguments))
        return await fetch(text, *arguments)

    monkeypatch.setattr(store.audit.shelf, "fetch", heard)
    await store.audit.found("default", asked)
    monkeypatch.undo()
    text, arguments = statements[-1]
    told = await plan(store, database_url, text, arguments)
    if database_url.startswith("sqlite"):
        # SQLite calls the index of a table's own key its primary key.
        index = {"audit_pkey": "a USING PRIMARY KEY", "audit_child_pkey": "c USING PRIMARY KEY"}.get(
            index, index
        )
        assert "TEMP B-TREE" not in told, told
    else:
        assert "Sort" not in told, told
        assert "Seq Scan" not in told, told
    assert index in told, told

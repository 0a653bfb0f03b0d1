"""Migration 0007 of a store in use: what is said there is counted once, and from then on each change of it on SQLite."""

from __future__ import annotations

from service.storage.open import migrate, session
from tests.migrations.formerly import at_revision

BEFORE = "0006"
ADD = (
    "INSERT INTO index_sharing (locality, child, rid, party, effect, type, purpose, mask, low, high, team)"
    " VALUES ($1, $2, $3, 1, 1, 0, 0, 0, 0, 9, $2)"
)


async def counts(own):
    return dict(await own.fetch("SELECT locality, number FROM sharing_changes"))


async def test_what_was_said_before_is_counted_from_then_on(database_url):
    await at_revision(database_url, BEFORE)
    async with session(database_url) as own:
        for locality, rid in ((1, 1), (1, 2), (3, 1)):
            await own.run(ADD, locality, b"ash", rid)
    migrate(database_url)
    sqlite = database_url.startswith("sqlite")
    async with session(database_url) as own:
        assert await counts(own) == ({1: 1, 3: 1} if sqlite else {})
        await own.run(ADD, 3, b"ash", 2)
        await own.run(ADD, 4, b"ash", 1)
        await own.run("DELETE FROM index_sharing WHERE locality = 1")
        assert await counts(own) == ({1: 3, 3: 2, 4: 1} if sqlite else {})

"""A chain that shows no change is worth nothing: whatever is done to the audit's rows is told."""

from __future__ import annotations

import pytest

from service.storage.checking import check
from service.storage.sealing import seal
from tests.storage.audits import BEGUN, entry
from tests.storage.builders import LOCALITY, deletion, patient, stored, unit, update
from tests.storage.test_checking import execute
from tests.storage.test_sealing import LATER

# Entries 0 to 9 are in the first block, 10 to 19 in the second, 20 to 29 in none.
FIRST = 1 << 62
IN_FIRST, IN_SECOND = FIRST + 4, FIRST + 14
COPIED = (
    "locality, {at}, {serial}, action, what, client, agency, person, purpose, status, type, id, version, delay,"
    " request, address, query, reason, children"
)


def inserted(of: int, at: str, serial: str) -> str:
    """A statement that puts in a copy of an entry at another place, with its child's row."""
    return f"INSERT INTO audit SELECT {COPIED.format(at=at, serial=serial)} FROM audit WHERE serial = {of}"


SWAPPED = (
    f"UPDATE audit SET serial = CASE serial WHEN {IN_FIRST} THEN 2 ELSE 1 END, at = {BEGUN + 2}"
    f" WHERE serial IN ({IN_FIRST}, {IN_FIRST + 1})"
)

DAMAGE = {
    "an entry is taken out": (
        f"DELETE FROM audit WHERE serial = {IN_FIRST}",
        "block 1 of the audit of default has 9",
    ),
    "one of the second block is": (
        f"DELETE FROM audit WHERE serial = {IN_SECOND}",
        "block 2 of the audit of default has 9",
    ),
    "an entry says another agency": (
        f"UPDATE audit SET agency = 0 WHERE serial = {IN_FIRST}",
        "block 1 of the audit of default does not say",
    ),
    "an entry says another status": (
        f"UPDATE audit SET status = 404 WHERE serial = {IN_FIRST}",
        "block 1 of the audit of default does not say",
    ),
    "an entry says another time": (
        f"UPDATE audit SET delay = 1 WHERE serial = {IN_FIRST}",
        "block 1 of the audit of default does not say",
    ),
    "an entry says another ground": (
        f"UPDATE audit SET children = (SELECT children FROM audit WHERE serial = {FIRST + 29}) WHERE serial = {IN_FIRST}",
        "block 1 of the audit of default does not say",
    ),
    "a name is another": (
        "UPDATE name SET text = 'other' WHERE text = 'epr'",
        "does not say what was sealed",
    ),
    "an entry is put in late": (
        inserted(IN_FIRST, "at", "serial + 1000"),
        "block 1 of the audit of default has 11 entries, not the 10",
    ),
    "an entry is put before all": (
        inserted(IN_FIRST, "at - 100000", "serial"),
        "block 1 of the audit of default has 11",
    ),
    "two entries change places": (
        SWAPPED,
        "block 1 of the audit of default does not say",
    ),
    "a block is taken out": (
        "DELETE FROM audit_block WHERE number = 1",
        "blocks of the audit of default are missing",
    ),
    "a block has another hash": (
        "UPDATE audit_block SET hash = (SELECT hash FROM audit_block WHERE number = 2)",
        "does not say",
    ),
    "a block says another number": (
        "UPDATE audit_block SET count = 9 WHERE number = 2",
        "not the 9 that were sealed",
    ),
    "a block is shorter": (
        f"UPDATE audit_block SET high = {BEGUN + 8}, last = {FIRST + 8} WHERE number = 1",
        "block 1",
    ),
    "all entries are gone": ("DELETE FROM audit", "block 1 of the audit of default has 0"),
    "a young person's row is gone": (
        f"DELETE FROM audit_child WHERE serial = {IN_FIRST}",
        "rows by young person are 29, and not the 30",
    ),
    "a young person's row says another ground": (
        f"UPDATE audit_child SET ground = 7 WHERE serial = {IN_FIRST}",
        "rows by young person are 30, and not the 30",
    ),
}


@pytest.fixture
async def sealed(store, clock) -> None:
    clock.now = BEGUN
    for lot in range(3):
        await store.audit.keep(
            [
                entry(number, children=(("a", 3 if number < 29 else 5),))
                for number in range(10 * lot, 10 * lot + 10)
            ]
        )
        if lot < 2:
            assert await seal(store.audit, lambda: LATER) == 1
    await store.audit.settle()


async def test_an_audit_that_nobody_touched_is_whole(sealed, database_url, registry, extractor):
    report = await check(database_url, registry, extractor)
    assert report.faults == []
    assert (report.audit.entries, report.audit.unsealed) == (30, 10)
    [head] = report.audit.heads
    assert (head.locality, head.number, len(head.hash)) == ("default", 2, 64)


@pytest.mark.parametrize(("statement", "told"), DAMAGE.values(), ids=DAMAGE)
async def test_what_is_done_to_the_audit_is_told(sealed, database_url, registry, extractor, statement, told):
    await execute(database_url, statement)
    faults = (await check(database_url, registry, extractor)).faults
    assert any(told in fault for fault in faults), faults


async def test_an_end_that_is_taken_off_with_its_blocks_shows_to_whoever_has_noted_the_hash(
    sealed, database_url, registry, extractor
):
    [head] = (await check(database_url, registry, extractor)).audit.heads
    for statement in (
        "DELETE FROM audit_block WHERE number = 2",
        f"DELETE FROM audit WHERE at >= {BEGUN + 10}",
        f"DELETE FROM audit_child WHERE at >= {BEGUN + 10}",
    ):
        await execute(database_url, statement)
    assert (await check(database_url, registry, extractor)).faults == []
    [fault] = (await check(database_url, registry, extractor, [head.hash])).faults
    assert "that was noted" in fault


async def test_a_hash_that_was_noted_long_ago_is_still_there(
    sealed, store, database_url, registry, extractor
):
    [head] = (await check(database_url, registry, extractor)).audit.heads
    assert await seal(store.audit, lambda: LATER + 10_000) == 1
    report = await check(database_url, registry, extractor, [head.hash, head.hash.upper()])
    assert report.faults == []
    assert report.audit.heads[0].number == 3


VERSIONS = {
    "a version has no entry": "DELETE FROM audit WHERE version = 2",
    "an entry is of another version": "UPDATE audit SET version = 5 WHERE version = 2",
    "an entry is of another time": "UPDATE audit SET delay = 7 WHERE version = 2",
    "an entry says that it was made": "UPDATE audit SET action = 1 WHERE version = 2",
}


@pytest.mark.parametrize("statement", VERSIONS.values(), ids=VERSIONS)
async def test_each_version_has_its_entry(store, database_url, registry, extractor, statement):
    first = await stored(store, patient("a"))
    [second] = await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    await store.commit(LOCALITY, unit(deletion(second)))
    assert (await check(database_url, registry, extractor)).faults == []
    await execute(database_url, statement)
    faults = (await check(database_url, registry, extractor)).faults
    assert any("the audit entries of Patient are" in fault for fault in faults), faults

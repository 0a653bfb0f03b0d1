"""What is remembered of versions changes nothing but how long a change takes."""

from __future__ import annotations

from service.access.rule import sharing_rule
from service.storage.checking import check
from service.storage.indexing import NO_ROWS
from service.storage.open import open_store
from service.storage.recent import MOST_CHANGES, MOST_ROWS, Recent
from service.storage.store import Store
from tests.conftest import BASE_URL
from tests.storage.builders import LOCALITY, deletion, patient, score, stored, unit, update


class _Prepared:
    """As much of a prepared change as is remembered."""

    def __init__(self, rows: int) -> None:
        self.rows = ({(number,) for number in range(rows)}, *NO_ROWS[1:])


class _Unit:
    """As much of a prepared unit as is asked for."""

    def __init__(self, *changes: _Prepared, locality: int = 1) -> None:
        self.changes = changes
        self.locality = locality


class _Version:
    """As much of a stored version as is asked for."""

    def __init__(self, key: int, version: int, *, deleted: bool = False) -> None:
        self.key = key
        self.version = version
        self.deleted = deleted


def test_rows_are_remembered_of_the_last_version_alone():
    recent = Recent()
    first, second = _Prepared(1), _Prepared(2)
    recent.keep(_Unit(first), [_Version(7, 1)])
    assert recent.rows(1, 7, 1) is first.rows
    recent.keep(_Unit(second), [_Version(7, 2)])
    assert recent.rows(1, 7, 1) is None
    assert recent.rows(1, 7, 2) is second.rows


def test_rows_are_of_one_locality():
    recent = Recent()
    recent.keep(_Unit(_Prepared(1), locality=2), [_Version(7, 1)])
    assert recent.rows(1, 7, 1) is None
    assert recent.rows(2, 7, 1) is not None


def test_nothing_is_remembered_of_a_deletion():
    recent = Recent()
    recent.keep(_Unit(_Prepared(1)), [_Version(7, 1)])
    recent.keep(_Unit(_Prepared(0)), [_Version(7, 2, deleted=True)])
    assert recent.rows(1, 7, 1) is None
    assert recent.rows(1, 7, 2) is None


def test_the_oldest_is_forgotten_first():
    recent = Recent(most=2)
    for rid in (1, 2, 3):
        recent.keep(_Unit(_Prepared(1)), [_Version(rid, 1)])
    assert [recent.rows(1, rid, 1) is None for rid in (1, 2, 3)] == [True, False, False]


def test_what_has_many_rows_is_not_remembered():
    recent = Recent()
    recent.keep(_Unit(_Prepared(MOST_ROWS), _Prepared(MOST_ROWS + 1)), [_Version(1, 1), _Version(2, 1)])
    assert recent.rows(1, 1, 1) is not None
    assert recent.rows(1, 2, 1) is None


def test_of_what_comes_in_bulk_nothing_is_remembered_and_what_it_follows_is_forgotten():
    recent = Recent()
    recent.keep(_Unit(_Prepared(1)), [_Version(1, 1)])
    recent.keep(
        _Unit(*[_Prepared(1)] * (MOST_CHANGES + 1)), [_Version(1, 2)] + [_Version(9, 1)] * MOST_CHANGES
    )
    assert recent.rows(1, 1, 1) is None
    assert recent.rows(1, 1, 2) is None


async def test_the_index_is_that_of_what_is_stored(store: Store, database_url, registry, extractor, clock):
    """Whether a change follows what this process stored, or another did, whose rows it does not remember."""
    rule = sharing_rule(registry, BASE_URL)
    other = await open_store(database_url, registry, extractor, clock, (LOCALITY,), rule=rule)
    first = await stored(store, patient("a"))
    reading = await stored(store, score("s", "a"))
    [second] = await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    [third] = await other.commit(LOCALITY, unit(update(second, patient("a", "3"))))
    [fourth] = await store.commit(LOCALITY, unit(update(third, patient("a", "4"))))
    await store.commit(LOCALITY, unit(update(fourth, patient("a", "5"))))
    await store.commit(LOCALITY, unit(deletion(reading)))
    await other.close()
    report = await check(database_url, registry, extractor, rule=rule)
    assert report.faults == []
    assert report.resources == 2

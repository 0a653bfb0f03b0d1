"""Rows by young person that are made later: none is lost, none is there twice, and whoever asks sees them at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.problems import Unavailable
from service.storage.audit import packed
from service.storage.audit_due import LOT, Unreadable, due, made
from service.storage.checking import check
from service.storage.ledger import Asked
from tests.storage.audits import BEGUN, entry, numbers
from tests.storage.test_checking import execute

PEOPLE = st.lists(st.tuples(st.text("abc.-19", min_size=1, max_size=64), st.integers(0, 255)), max_size=4)
KEPT = st.lists(
    st.tuples(st.integers(1, 2**15 - 1), st.integers(0, 2**62), st.integers(0, 2**63 - 1), PEOPLE), max_size=5
)


@given(KEPT)
def test_all_that_is_due_is_made_and_nothing_else(kept):
    rows = [(locality, at, serial, packed(tuple(people))) for locality, at, serial, people in kept]
    wanted = [
        (locality, packed(((child, ground),))[2:], at, serial, ground)
        for locality, at, serial, people in kept
        for child, ground in people
    ]
    assert [row for _, told in due(rows) for row in made(told)] == wanted


def test_of_nobody_nothing_is_due():
    assert due([(1, BEGUN, 1, b"")]) == []


@pytest.fixture
def ledger(store, clock):
    clock.now = BEGUN
    return store.audit


async def due_now(ledger) -> int:
    [row] = await ledger.shelf.fetch("SELECT count(*) FROM audit_due")
    return int(row[0])


async def children(ledger) -> list[int]:
    """The entries that have a row by young person, in order."""
    rows = await ledger.shelf.fetch("SELECT at FROM audit_child ORDER BY at, serial")
    return [row[0] - BEGUN for row in rows]


async def keep(ledger, count: int) -> None:
    for number in range(count):
        await ledger.keep([entry(number)])


async def test_more_than_one_lot_is_settled_wholly(ledger):
    await keep(ledger, 2 * LOT + 1)
    assert (await due_now(ledger), await children(ledger)) == (2 * LOT + 1, [])
    await ledger.settle()
    assert (await due_now(ledger), await children(ledger)) == (0, list(range(2 * LOT + 1)))


async def test_several_who_settle_at_once_make_each_row_once(ledger):
    await keep(ledger, 3 * LOT)
    await asyncio.gather(*(ledger.settle() for _ in range(4)))
    assert (await due_now(ledger), await children(ledger)) == (0, list(range(3 * LOT)))


async def test_what_was_kept_twice_is_made_once(ledger, database_url, registry, extractor):
    await keep(ledger, 1)
    await ledger.settle()
    await keep(ledger, 2)  # the first of them again, as after a commit of which nobody heard
    assert (await check(database_url, registry, extractor)).faults == []
    await ledger.settle()
    assert await children(ledger) == [0, 1]
    assert (await check(database_url, registry, extractor)).faults == []


ASKED = {
    "a young person": Asked(9, children=("a",)),
    "several young people": Asked(9, children=("a", "b")),
    "a Patient": Asked(9, entities=(("Patient", "a"),)),
    "a resource of any type": Asked(9, entities=(("", "a"),)),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_whoever_asks_by_young_person_sees_what_was_just_kept(ledger, asked):
    await ledger.keep([entry(0, type="Goal", id="g")])
    assert await ledger.total("default", asked) == 1
    await ledger.keep([entry(1, type="Goal", id="g")])
    entries, _ = await ledger.found("default", asked)
    assert sorted(numbers(entries)) == [0, 1]


async def test_whoever_asks_who_saw_sees_what_was_just_kept(ledger):
    await keep(ledger, 2)
    [viewing] = await ledger.viewings("default", "a", 0, BEGUN + 10, None)
    assert viewing.times == 2


async def test_whoever_asks_for_others_makes_nothing(ledger):
    await keep(ledger, 1)
    assert await ledger.total("default", Asked(9, agencies=("camhs",))) == 1
    assert await due_now(ledger) == 1


@pytest.mark.parametrize(
    "statement",
    {
        "taken out": "DELETE FROM audit_due",
        "of nobody": "UPDATE audit_due SET told = substr(told, 1, 0)",
        "cut short": "UPDATE audit_due SET told = substr(told, 1, 5)",
    }.values(),
)
async def test_what_is_due_is_held_to_the_entries(ledger, database_url, registry, extractor, statement):
    await keep(ledger, 1)
    await ledger.settle()
    await ledger.keep([entry(1)])
    assert (await check(database_url, registry, extractor)).faults == []
    await execute(database_url, statement)
    faults = (await check(database_url, registry, extractor)).faults
    assert any("rows by young person are 1, and not the 2" in fault for fault in faults), faults


@given(KEPT, st.data())
def test_what_was_cut_short_is_unreadable_or_whole(kept, data):
    """Nothing is made of a part of an entry's young people."""
    rows = [(locality, at, serial, packed(tuple(people))) for locality, at, serial, people in kept]
    for _, told in due(rows):
        wholes = [made(whole) for end in range(1, len(rows) + 1) for _, whole in due(rows[:end])]
        cut = data.draw(st.integers(0, len(told)))
        try:
            assert made(told[:cut]) in wholes
        except Unreadable:
            assert cut < len(told)


DAMAGED = {"alien": "x'0102'", "of nobody": "x''", "of one with nobody": f"x'{'00' * 22}'"}


def damage(database_url: str, number: int, told: str) -> str:
    """The statement that adds a row of `audit_due` that nobody made."""
    value = told if database_url.startswith("sqlite") else f"'\\{told.replace(chr(39), '')}'::bytea"
    return f"INSERT INTO audit_due VALUES ({number}, {value})"


@pytest.mark.parametrize("told", DAMAGED.values(), ids=DAMAGED)
async def test_what_is_unreadable_is_passed_over_and_kept(ledger, database_url, registry, extractor, told):
    """The others are made, however many are in the way; whoever asks by young person is refused."""
    numbers_ = (-1, *range(1, LOT + 2), 2**63 - 1)
    for number in numbers_:
        await execute(database_url, damage(database_url, number, told))
    await keep(ledger, LOT + 1)
    assert await ledger.settle() == len(numbers_)
    assert (await due_now(ledger), await children(ledger)) == (len(numbers_), list(range(LOT + 1)))
    for asked in ASKED.values():
        for ask in (ledger.total, ledger.found):
            with pytest.raises(Unavailable) as caught:
                await ask("default", asked)
            assert caught.value.issues[0].slug == "audit-incomplete"
    with pytest.raises(Unavailable):
        await ledger.viewings("default", "a", 0, BEGUN + 10, None)
    assert await ledger.total("default", Asked(9, agencies=("camhs",))) == LOT + 1
    faults = (await check(database_url, registry, extractor)).faults
    assert faults == [f"{len(numbers_)} rows of audit_due are unreadable: nobody is told who saw whom"]


async def test_when_what_is_unreadable_is_gone_all_is_told_again(ledger, database_url):
    await execute(database_url, damage(database_url, 1, "x'0102'"))
    await keep(ledger, 1)
    with pytest.raises(Unavailable):
        await ledger.total("default", ASKED["a young person"])
    await execute(database_url, "DELETE FROM audit_due")
    assert await ledger.total("default", ASKED["a young person"]) == 1

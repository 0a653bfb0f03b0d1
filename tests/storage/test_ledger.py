"""The audit of a database: what was kept is found again, by all that it says, and by nobody elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.storage import audit
from service.storage.ledger import FRESH, Asked, Subtype
from service.storage.open import open_store
from tests.storage.audits import BEGUN, entry, numbers

EVERY = Asked(count=100)
LONG_AGO = 0
NEVER = 1 << 60


@pytest.fixture
def ledger(store, clock):
    clock.now = BEGUN
    return store.audit


async def found(ledger, **asked) -> list[int]:
    entries, _ = await ledger.found("default", replace(EVERY, **asked))
    return numbers(entries)


async def test_what_was_kept_is_read_again(ledger):
    kept = entry(
        3, person="Practitioner/p", purpose="ETREAT", query="Goal?code=x", address="192.0.2.7", reason="r"
    )
    await ledger.keep([entry(1), kept])
    assert await ledger.read("default", kept.event.at, kept.serial) == kept
    assert await ledger.read("elsewhere", kept.event.at, kept.serial) is None
    assert await ledger.read("default", kept.event.at + 1, kept.serial) is None


async def test_the_newest_is_found_first(ledger):
    await ledger.keep([entry(number) for number in range(5)])
    assert await found(ledger) == [4, 3, 2, 1, 0]
    assert await found(ledger, rising=True) == [0, 1, 2, 3, 4]
    assert await ledger.total("default", EVERY) == 5


async def test_acts_of_one_moment_stand_in_the_order_in_which_they_were_told(ledger):
    await ledger.keep([entry(number, at=BEGUN) for number in range(3)])
    assert await found(ledger) == [2, 1, 0]


async def test_pages_follow_one_another(ledger):
    await ledger.keep([entry(number, at=BEGUN + number // 2) for number in range(7)])
    for rising in (False, True):
        asked, seen, more = Asked(count=2, rising=rising), [], True
        while more:
            entries, more = await ledger.found("default", asked)
            seen += numbers(entries)
            last = entries[-1]
            asked = replace(asked, after=(last.event.at, last.serial))
        assert seen == (list(range(7)) if rising else list(range(7))[::-1])


async def test_another_locality_is_a_wall(ledger):
    await ledger.keep([entry(0), entry(1, locality="elsewhere")])
    assert await found(ledger) == [0]
    entries, _ = await ledger.found("elsewhere", EVERY)
    assert numbers(entries) == [1]
    assert await ledger.viewings("elsewhere", "a", LONG_AGO, NEVER, None) != ()
    assert sum(one.times for one in await ledger.viewings("default", "a", LONG_AGO, NEVER, None)) == 1


WANTED = {
    "an agency": ({"agencies": ("school",)}, [1]),
    "one of several agencies": ({"agencies": ("school", "camhs", "none")}, [7, 6, 5, 4, 3, 2, 1, 0]),
    "an agency that nobody knows": ({"agencies": ("nobody",)}, []),
    "a client": ({"clients": ("tablet",)}, [2]),
    "a person": ({"people": ("Practitioner/p",)}, [3]),
    "a person or an agency": ({"agents": (("Practitioner", "p"), ("Organization", "school"))}, [3, 1]),
    "an agent of any type": ({"agents": (("", "p"),)}, [3]),
    "an agency by its id": ({"agents": (("", "school"),)}, [1]),
    "an agent that nobody knows": ({"agents": (("", "nobody"),)}, []),
    "an entity of any type": ({"entities": (("", "b"),)}, [4]),
    "a young person or a resource": ({"entities": (("Patient", "b"), ("Goal", "g"))}, [6, 4]),
    "a young person": ({"children": ("b",)}, [4]),
    "one of several": ({"children": ("a", "b")}, [4, 3, 2, 1, 0]),
    "a young person of whom nothing was seen": ({"children": ("z",)}, []),
    "an action": ({"actions": (audit.EXECUTED,)}, [5]),
    "a time": ({"since": BEGUN + 2, "until": BEGUN + 4}, [3, 2]),
    "a young person at a time": ({"children": ("a",), "since": BEGUN + 2, "until": BEGUN + 4}, [3, 2]),
    "a refusal": ({"statuses": ((400, 500),)}, [6]),
    "a refusal or a failure": ({"statuses": ((400, 500), (500, 600))}, [7, 6]),
    "a resource": ({"entities": (("Goal", "g"),)}, [6]),
    "one of two resources": ({"entities": (("Goal", "g"), ("Patient", "b"))}, [6, 4]),
    "a resource of a type that nothing is of": ({"entities": (("Basic", "g"),)}, []),
    "an interaction": ({"subtypes": (Subtype("read", own=False),)}, [6, 4, 3, 2, 1, 0]),
    "an operation": ({"subtypes": (Subtype("progress", own=True),)}, [5]),
    "any operation": ({"subtypes": (Subtype("operation", own=False),)}, [5]),
    "an interaction that nobody knows": ({"subtypes": (Subtype("other", own=False),)}, []),
    "a sign-in": ({"kinds": ("sign-in",)}, [7]),
    "what was asked of FHIR": ({"kinds": ("rest",)}, [6, 5, 4, 3, 2, 1, 0]),
    "what was done to clients": ({"kinds": ("security",)}, []),
    "of two kinds": ({"kinds": ("security", "sign-in")}, [7]),
}


@pytest.mark.parametrize(("asked", "expected"), WANTED.values(), ids=WANTED)
async def test_entries_are_found_by_what_they_say(ledger, asked, expected):
    await ledger.keep(
        [
            entry(0),
            entry(1, agency="school"),
            entry(2, client="tablet"),
            entry(3, person="Practitioner/p"),
            entry(4, id="b", children=(("b", 3), ("a", 3))),
            entry(5, what="$progress", action=audit.EXECUTED, children=()),
            entry(6, status=404, type="Goal", id="g", children=()),
            entry(7, what="token", status=500, type="", id="", children=(), action=audit.READ),
            entry(8, what="client-add", locality="elsewhere", client="", agency="", children=()),
        ]
    )
    assert await found(ledger, **asked) == expected
    assert await ledger.total("default", replace(EVERY, **asked)) == len(expected)


async def test_kinds_of_acts_are_told_apart(ledger):
    whats = ("read", "token", "client-add", "$progress", "client-keys", "client-revoke", "export-files")
    await ledger.keep([entry(number, what=what, children=()) for number, what in enumerate(whats)])
    by = {
        kinds: await found(ledger, kinds=kinds)
        for kinds in (("rest",), ("sign-in",), ("security",), ("export",), ("rest", "security"))
    }
    assert by == {
        ("rest",): [3, 0],
        ("sign-in",): [1],
        ("security",): [5, 4, 2],
        ("export",): [6],
        ("rest", "security"): [5, 4, 3, 2, 0],
    }


async def test_a_version_is_found_by_what_it_did_whatever_it_was_a_part_of(ledger):
    await ledger.keep(
        [
            entry(0, what="transaction", action=audit.CREATED),
            entry(1, what="update", action=audit.UPDATED),
            entry(2, what="patch", action=audit.UPDATED),
            entry(3, what="hand-over", action=audit.UPDATED),
            entry(4, what="delete", action=audit.DELETED),
        ]
    )
    by = {
        code: await found(ledger, subtypes=(Subtype(code, own=False),))
        for code in ("create", "update", "patch", "delete", "transaction")
    }
    assert by == {"create": [0], "update": [3, 1], "patch": [2], "delete": [4], "transaction": [0]}
    assert await found(ledger, subtypes=(Subtype("hand-over", own=True),)) == [3]
    assert await found(ledger, subtypes=(Subtype("update", own=True),)) == []


async def test_what_is_kept_twice_is_there_once(ledger):
    await ledger.keep([entry(0), entry(1)])
    await ledger.keep([entry(1), entry(2)])
    assert await found(ledger) == [2, 1, 0]


async def test_an_entry_that_is_written_late_takes_its_place_then_and_says_how_late(ledger, clock):
    clock.now = BEGUN + FRESH + 500
    await ledger.keep([entry(0), entry(2000)])
    entries, _ = await ledger.found("default", EVERY)
    late, fresh = sorted(entries, key=lambda one: one.serial)
    assert (fresh.event.at, fresh.delay) == (BEGUN + 2000, 0)
    assert late.event.at == BEGUN + FRESH + 501
    assert late.event.at - late.delay == BEGUN


async def test_who_has_seen_a_young_person_is_told_by_agency_ground_and_act(ledger):
    await ledger.keep(
        [
            entry(0),
            entry(1),
            entry(2, agency="school", children=(("a", 5),)),
            entry(3, what="update", action=audit.UPDATED, children=(("a", 2),)),
            entry(4, children=(("b", 3),)),
        ]
    )
    seen = await ledger.viewings("default", "a", LONG_AGO, NEVER, None)
    assert [
        (one.agency, one.ground, one.action, one.times, one.first - BEGUN, one.last - BEGUN) for one in seen
    ] == [
        ("camhs", 2, audit.UPDATED, 1, 3, 3),
        ("school", 5, audit.READ, 1, 2, 2),
        ("camhs", 3, audit.READ, 2, 0, 1),
    ]
    of_school = await ledger.viewings("default", "a", LONG_AGO, NEVER, "school")
    assert [one.agency for one in of_school] == ["school"]
    assert await ledger.viewings("default", "a", LONG_AGO, NEVER, "nobody") == ()
    assert await ledger.viewings("default", "a", BEGUN + 4, NEVER, None) == ()


async def test_another_process_reads_the_names_that_it_has_not_seen(
    ledger, database_url, registry, extractor, clock
):
    other = await open_store(database_url, registry, extractor, clock, ("default", "elsewhere"))
    await ledger.keep(
        [entry(0, client="new", agency="new", person="Practitioner/new", what="$new", purpose="NEW")]
    )
    entries, _ = await other.audit.found("default", EVERY)
    assert entries[0].event.what == "$new"
    assert (await other.audit.viewings("default", "a", LONG_AGO, NEVER, "new"))[
        0
    ].person == "Practitioner/new"
    assert await found(other.audit, agencies=("new",)) == [0]
    await other.close()


async def test_many_who_keep_at_once_lose_nothing(ledger):
    await asyncio.gather(
        *(ledger.keep([entry(10 * lot + number) for number in range(10)]) for lot in range(8))
    )
    assert await found(ledger) == list(range(80))[::-1]

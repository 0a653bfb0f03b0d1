"""The kill tests' own test: a server that keeps its word passes, and each way of breaking it is seen."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest

from benchmarks.durability import verification
from benchmarks.durability.ledger import Ledger, content, decode
from benchmarks.durability.verification import Verification
from benchmarks.durability.writers import Writer
from benchmarks.target import target
from tests.benchmarks.memory_server import encode, memory_server

WRITERS = 3
REQUESTS = 400


@asynccontextmanager
async def killed(**death):
    """Yield a server that was written to until it died and has restarted, its address, and the ledger."""
    async with memory_server() as server:
        goal = target(server.base_url)
        ledger = Ledger()
        writers = [Writer(goal, ledger, lane, Random(lane)) for lane in range(WRITERS)]
        for writer in writers:
            await writer.prepare()
        struck = asyncio.Event()
        struck.set()
        for name, after in death.items():
            setattr(server, name, server.asked + after if name.startswith("die") else after)
        await asyncio.gather(*(writer.write(struck) for writer in writers))
        server.die_at = server.die_before = server.half = None
        await server.start()
        yield server, goal, ledger


def resource_of(ledger, *, deleted=False, versions=1, exact=False):
    """Return the key of an acknowledged resource, deleted or living, with so many versions at least."""
    for track in ledger.tracks:
        shown = track.current.exact is not None or not exact
        if shown and not track.open and track.current.deleted == deleted and len(track.versions) >= versions:
            return track.type, track.id
    raise AssertionError("the load made no such resource")


@pytest.mark.parametrize("death", [{"die_at": REQUESTS}, {"die_before": REQUESTS}])
@pytest.mark.parametrize("shift", range(8))
async def test_a_server_that_keeps_its_word_passes(death, shift):
    death = {name: at + shift for name, at in death.items()}
    async with killed(**death) as (_, goal, ledger):
        verification = Verification(goal, ledger)
        await verification.round(ledger.tracks)
    assert ledger.faults == []
    assert ledger.acknowledged > REQUESTS / 2
    assert all(track.open is None for track in ledger.tracks)
    opened = len(ledger.open_creates) + len(ledger.open_bundles)
    assert verification.settled <= opened + WRITERS


async def test_what_was_stored_without_an_answer_is_settled_and_checked_from_then_on():
    async with killed(die_at=REQUESTS) as (_, goal, ledger):
        first = Verification(goal, ledger)
        await first.round()
        ledger.close_round()
        again = Verification(goal, ledger)
        await again.round(ledger.tracks)
    assert ledger.faults == []
    assert 1 <= first.settled <= WRITERS
    assert again.settled == 0


def forget(server, key):
    del server.versions[key]


def forget_the_last_version(server, key):
    server.versions[key].pop()


def change_a_byte(server, key):
    server.versions[key][-1] = server.versions[key][-1].replace(b"serial-", b"Serial-")


def change_the_layout(server, key):
    server.versions[key][-1] += b" "


def change_an_old_version(server, key):
    server.versions[key][0] = server.versions[key][0].replace(b"serial-", b"Serial-")


def write_another_version(server, key):
    server.versions[key].append(server.versions[key][-1])


def raise_the_dead(server, key):
    server.versions[key][-1] = server.versions[key][-2]


@pytest.mark.parametrize(
    ("break_", "which"),
    [
        (forget, {}),
        (forget_the_last_version, {"versions": 2}),
        (change_a_byte, {}),
        (change_the_layout, {"exact": True}),
        (change_an_old_version, {"versions": 2}),
        (write_another_version, {}),
        (raise_the_dead, {"deleted": True, "versions": 2}),
        (forget, {"deleted": True, "versions": 2}),
    ],
)
async def test_each_broken_promise_is_seen(break_, which):
    async with killed(die_before=REQUESTS) as (server, goal, ledger):
        key = resource_of(ledger, **which)
        break_(server, key)
        await Verification(goal, ledger).round()
    assert ledger.faults
    assert all("/".join(key) in fault for fault in ledger.faults)


async def test_a_server_that_is_not_all_back_is_asked_again():
    async with killed(die_before=REQUESTS) as (server, goal, ledger):
        server.unready = 20
        await Verification(goal, ledger).round(ledger.tracks)
        assert server.unready == 0
    assert ledger.faults == []


async def test_a_server_that_does_not_come_back_is_at_fault(monkeypatch):
    monkeypatch.setattr(verification, "BACK_SECONDS", 0.05)
    async with killed(die_before=REQUESTS) as (server, goal, ledger):
        server.unready = 1_000_000
        await Verification(goal, ledger).round()
    assert ledger.faults
    assert all("503" in fault for fault in ledger.faults)


def test_a_changed_digit_is_seen():
    assert content({"value": "7.10"}) != content({"value": "7.1"})
    assert decode(b'{"value":7.10}') != decode(b'{"value":7.1}')


async def test_half_a_transaction_is_seen():
    for shift in range(40):  # until the request that it dies at is a transaction
        async with killed(die_at=50 + shift, half=3) as (_, goal, ledger):
            await Verification(goal, ledger).round()
        if any(fault.startswith("half a transaction") for fault in ledger.faults):
            return
    pytest.fail("no transaction was cut in half, or nobody saw it")


async def test_an_acknowledged_transaction_must_have_its_references_resolved():
    async with killed(die_before=REQUESTS) as (server, goal, ledger):
        key, body = next(
            (key, bodies[-1])
            for key, bodies in server.versions.items()
            if bodies[-1] is not None and b"derivedFrom" in bodies[-1]
        )
        resource = decode(body)
        resource["derivedFrom"] = [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}]
        server.versions[key][-1] = encode(resource)
        await Verification(goal, ledger).round()
    assert any("/".join(key) in fault for fault in ledger.faults)


async def test_a_server_that_dies_unasked_is_at_fault():
    async with memory_server() as server:
        ledger = Ledger()
        writer = Writer(target(server.base_url), ledger, 0, Random(0))
        await writer.prepare()
        server.die_at = server.asked + 20
        await writer.write(asyncio.Event())
    assert any(fault.startswith("before the kill") for fault in ledger.faults)


async def test_a_refusal_is_a_fault():
    async with memory_server() as server:
        ledger = Ledger()
        writer = Writer(target(server.base_url), ledger, 0, Random(0))
        await writer.prepare()
        server.answer_status = 422
        await writer.write(asyncio.Event())
    assert any("status 422" in fault for fault in ledger.faults)

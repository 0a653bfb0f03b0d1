"""Clients on both databases: added once, found as they were added, revoked for good; digests that count once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.storage.open import open_store
from service.storage.registrations import Registration

PLAIN = Registration("epr", "default", "camhs", "An EPR", "system/*.rs", keys='{"keys":[]}', created=5)
FULL = Registration(
    "portal",
    "elsewhere",
    "school",
    "Portal «ä»",
    "system/Goal.cruds?patient=Patient/1",
    jwks_url="https://vendor.example/keys",
    administrator=True,
    governance=True,
    chooses_ids=True,
    sectors=("school", "charity"),
    purpose="CAREMGT",
    created=4,
    revoked=9,
)


@pytest.fixture
def registrations(store):
    return store.registrations


@pytest.fixture
async def second(store, database_url, registry, extractor, clock):
    """Another process's view of the same clients."""
    opened = await open_store(database_url, registry, extractor, clock)
    yield opened.registrations
    await opened.close()


async def test_a_client_is_found_as_it_was_added(registrations, second):
    for each in (PLAIN, FULL):
        assert await registrations.add(each)
        assert await second.find(each.id) == each
    assert await second.all() == (FULL, PLAIN)
    assert await second.find("nobody") is None


async def test_an_id_is_taken_once_and_for_all(registrations, second):
    assert await registrations.add(PLAIN)
    assert await registrations.revoke("epr", 7)
    assert not await second.add(replace(PLAIN, name="Another"))
    assert await second.find("epr") == replace(PLAIN, revoked=7)


async def test_a_client_is_revoked_once(registrations, second):
    await registrations.add(PLAIN)
    assert await second.revoke("epr", 7)
    assert not await registrations.revoke("epr", 8)
    assert not await registrations.revoke("nobody", 8)
    assert (await registrations.find("epr")).revoked == 7


async def test_the_keys_of_a_client_are_replaced_while_it_stands(registrations):
    await registrations.add(PLAIN)
    assert await registrations.replace_keys("epr", None, "https://vendor.example/keys")
    assert await registrations.find("epr") == replace(
        PLAIN, keys=None, jwks_url="https://vendor.example/keys"
    )
    await registrations.revoke("epr", 7)
    assert not await registrations.replace_keys("epr", "{}", None)
    assert not await registrations.replace_keys("nobody", "{}", None)


async def test_a_client_stands_until_it_or_the_token_is_revoked(registrations, second):
    await registrations.add(PLAIN)
    assert await second.standing("epr", b"t") == PLAIN
    await registrations.call_back(b"t", 100)
    assert await second.standing("epr", b"t") is None
    assert await second.standing("epr", b"u") == PLAIN
    assert (await second.is_called_back(b"t"), await second.is_called_back(b"u")) == (True, False)
    await registrations.revoke("epr", 7)
    assert await second.standing("epr", b"u") is None
    assert await second.standing("nobody", b"u") is None


async def test_a_token_may_be_called_back_twice(registrations):
    await registrations.call_back(b"t", 100)
    await registrations.call_back(b"t", 100)
    assert await registrations.is_called_back(b"t")


async def test_of_many_who_use_an_assertion_at_once_one_does(registrations, second):
    tries = [each.use(b"a", 100) for each in (registrations, second) * 10]
    assert sum(await asyncio.gather(*tries)) == 1
    assert not await registrations.use(b"a", 100)
    assert await second.use(b"b", 100)


async def test_what_expired_is_forgotten_and_no_more(registrations):
    await registrations.use(b"old", 99)
    await registrations.use(b"new", 100)
    await registrations.call_back(b"old", 99)
    await registrations.call_back(b"new", 100)
    await registrations.forget(100)
    assert [await registrations.use(each, 200) for each in (b"old", b"new")] == [True, False]
    assert [await registrations.is_called_back(each) for each in (b"old", b"new")] == [False, True]


async def test_a_client_is_changed_in_place(registrations, second):
    await registrations.add(PLAIN)
    other = replace(FULL, id="epr", locality="north", agency="never", created=99, revoked=None)
    here = replace(other, locality="default", agency="camhs", created=5)
    assert await registrations.change(other, keys=False)
    assert await second.find("epr") == replace(here, keys=PLAIN.keys, jwks_url=None)
    assert await registrations.change(other, keys=True)
    assert await second.find("epr") == here
    assert await second.revoke("epr", 7)
    assert not await registrations.change(PLAIN, keys=True)
    assert not await registrations.change(replace(PLAIN, id="nobody"), keys=False)
    assert await second.all() == (replace(here, revoked=7),)

"""The versions that resources were at a moment, on both databases."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from service.storage.moments import versions_at
from service.storage.searching import stored as version_of
from service.storage.store import Store
from tests.storage.builders import LOCALITY, deletion, patient, stored, unit, update


@pytest.fixture
def at(store: Store):
    """Gives the version numbers of the resources with these keys at the moment."""

    async def asked(moment, *keys, locality=LOCALITY, pinned=MappingProxyType({})):
        searching = store._searching
        text, arguments = versions_at(searching.dialect, store._locality(locality), keys, moment, pinned)
        fetch = store._reader.searched if searching.dialect.name == "sqlite" else store._searched
        newest: dict[int, int] = {}
        for row in await fetch(text, arguments):
            one = version_of(row, "Patient", store._names)
            newest[one.key] = max(one.version, newest.get(one.key, 0))
        return newest

    return asked


async def test_it_is_the_newest_no_later_than_the_moment_or_else_the_first(store: Store, at, clock):
    versions = [await stored(store, patient("a"))]
    for number in "234":
        clock.now += 1000
        versions += await store.commit(LOCALITY, unit(update(versions[-1], patient("a", number))))
    clock.now += 1000
    versions += await store.commit(LOCALITY, unit(deletion(versions[-1])))
    key = versions[0].key
    assert await at(0, key) == {key: 1}
    for version in range(1, 6):
        assert await at(0, key, pinned={key: version}) == {key: version}
    assert await at(0, key, pinned={key + 1: 3}) == {key: 1}
    for version in versions:
        assert await at(version.updated, key) == {key: version.version}
        assert await at(version.updated - 1, key) == {key: max(version.version - 1, 1)}
    assert await at(clock.now + 1000, key) == {key: 5}


async def test_of_several_at_once_each_has_its_own(store: Store, at, clock):
    first, second = await stored(store, patient("a")), await stored(store, patient("b"))
    clock.now += 1000
    moment = clock.now
    await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    assert await at(moment, first.key, second.key, 10**6) == {first.key: 1, second.key: 1}
    assert await at(clock.now, second.key, first.key) == {first.key: 2, second.key: 1}
    assert await at(clock.now) == {}
    assert await at(clock.now, first.key, locality="elsewhere") == {}

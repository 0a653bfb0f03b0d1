"""One store for all examples of a test: making one costs far more than an example does.

A store lives in the event loop that it was opened in, so the loop lasts as long.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.interactions.context import Context, Limits
from service.storage.open import migrate, open_store
from service.storage.store import Store
from tests.agreement.strategies import STARTED
from tests.conftest import BASE_URL, TestClock


@dataclass
class Lasting:
    """A store with its loop and clock; each example has a locality of its own."""

    runner: asyncio.Runner
    store: Store
    clock: TestClock
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def locality(self):
        return f"locality-{next(self.numbers)}"

    def context(self, registry, extractor, terminology):
        """What interactions that only look need; there is no validator."""
        return Context(
            registry=registry,
            validator=None,
            store=self.store,
            clock=self.clock,
            ids=str,
            base_url=BASE_URL,
            limits=Limits(),
            link_key=bytes(32),
            extractor=extractor,
            guide=terminology.guide,
            terminology=terminology,
        )


@contextmanager
def lasting(database_url, registry, extractor):
    """A new store on a database, until the test is over."""
    migrate(database_url)
    clock = TestClock(STARTED // 1000)

    async def opened():
        return await open_store(database_url, registry, extractor, clock)

    with asyncio.Runner() as runner:
        store = runner.run(opened())
        yield Lasting(runner, store, clock)
        runner.run(store.close())

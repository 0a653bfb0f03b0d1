"""How often: a bucket of tokens for each key that refills at a steady rate.

A bucket is kept as one number, the time at which it would be full again (the generic cell rate algorithm).

Source: https://www.rfc-editor.org/rfc/rfc6585#section-4 (429), https://www.rfc-editor.org/rfc/rfc2697 (token bucket)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

MOST_KEYS = 10_000  # that are remembered at once: of full buckets there is nothing to remember


class Rates:
    """Buckets by key. None refuses where the rate is 0.

    Units: `rate` tokens a second, `burst` tokens that a full bucket holds, `clock` gives seconds.
    """

    __slots__ = ("_clock", "_full", "_gap", "_room")

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with every bucket full."""
        self._gap = 1 / rate if rate else 0.0  # seconds that a token takes to come
        self._room = (
            burst - 1
        ) * self._gap  # seconds' worth of tokens that may be lacking before one is taken
        self._clock = clock
        self._full: dict[Hashable, float] = {}

    def take(self, key: Hashable, count: int = 1) -> float:
        """Takes so many tokens: 0 where there was one, else the seconds until there is, and none is taken.

        Who takes more than there are owes them, and gets no other before they have come.
        """
        if not self._gap:
            return 0.0
        now = self._clock()
        full = max(self._full.get(key, now), now)
        lacking = full - now - self._room
        if lacking > 0:
            return lacking
        if key not in self._full and len(self._full) >= MOST_KEYS:
            self._forget(now)
        self._full[key] = full + self._gap * count
        return 0.0

    def _forget(self, now: float) -> None:
        """Drops full buckets, and of others the older half where none is full: whoever sends from so many addresses."""
        self._full = {key: full for key, full in self._full.items() if full > now}
        for key in list(self._full)[: max(0, len(self._full) - MOST_KEYS // 2)]:
            del self._full[key]

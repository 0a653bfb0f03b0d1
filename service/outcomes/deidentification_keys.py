"""Pseudonyms, and by how many days the dates of a young person are shifted: both from a key that stays here.

The key is made of a secret of the store, the locality and the recipient. So one recipient finds the same young
person under the same pseudonym in every export, and two recipients cannot put theirs together by it.

Source: RFC 2104; domain facts section 8 (pseudonym keyed and kept apart, DCB1523), docs/deidentification.md
"""

from __future__ import annotations

import hmac
from typing import Final

SECRET: Final = "de-identification"  # noqa: S105 - the name under which the store keeps it
"""The name under which the store keeps the secret."""

WEEK: Final = 7
"""Units: days. Whole weeks: who is seen on Tuesdays stays so, and no session falls on a Sunday, which would tell
of the days within a week by which dates were shifted."""
MOST_WEEKS: Final = 26
"""Units: weeks. Half a year either way: enough to hide the season, and ages stay right to a year."""

# Units: bytes of a pseudonym. By chance two of a thousand million are the same once in 10^20 exports.
_LENGTH: Final = 16
_KEPT: Final = 200_000


class Keyring:
    """The pseudonyms of one recipient in one locality."""

    def __init__(self, secret: bytes, locality: str, recipient: str) -> None:
        """Takes the store's secret, and the id of the recipient's Organization."""
        self._key = _keyed(secret, "recipient", locality, recipient)
        self._known: dict[tuple[str, str], str] = {}
        self._days: dict[str, int] = {}

    def pseudonym(self, type_: str, id_: str) -> str:
        """32 hexadecimal digits in place of the id of a resource of the type."""
        key = (type_, id_)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key] = _keyed(self._key, "id", type_, id_)[:_LENGTH].hex()
        return found

    def days(self, child: str) -> int:
        """By how many days the dates about the young person (the Patient's id) are shifted: whole weeks, never none."""
        found = self._days.get(child)
        if found is None:
            if len(self._days) >= _KEPT:
                self._days.clear()
            number = int.from_bytes(_keyed(self._key, "days", child), "big") % (2 * MOST_WEEKS)
            weeks = number - MOST_WEEKS if number < MOST_WEEKS else number - MOST_WEEKS + 1
            found = self._days[child] = weeks * WEEK
        return found


def _keyed(key: bytes, *parts: str) -> bytes:
    """HMAC-SHA-256 of the parts; no other parts are written the same way, because a part holds no zero byte."""
    return hmac.digest(key, "\0".join(parts).encode(), "sha256")

"""Entries of the audit for its tests: acts of invented clients, one a millisecond."""

from __future__ import annotations

from service.storage.audit import FIRST_SERIAL, READ, Entry, Event
from tests.storage.builders import LOCALITY

BEGUN = 1_700_000_000_000
"""When the first of them was, in milliseconds since 1970."""


def entry(number: int = 0, **said) -> Entry:
    """The entry of a read of Patient/a by camhs, unless something else is said."""
    event = {
        "locality": LOCALITY,
        "what": "read",
        "client": "epr",
        "agency": "camhs",
        "type": "Patient",
        "at": BEGUN + number,
        "action": READ,
        "status": 200,
        "id": "a",
        "request": f"request-{number}",
        "children": (("a", 3),),
    }
    return Entry(Event(**(event | said)), FIRST_SERIAL + number)


def numbers(entries) -> list[int]:
    """Which of the entries they are."""
    return [one.serial - FIRST_SERIAL for one in entries]

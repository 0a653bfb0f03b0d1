"""The outbox as SQL: which notices wait for an agency, and which it says that it has.

A notice waits until it is acknowledged, whatever was shown of it before; so one that was stored
late, or shown and then lost, is shown again. Statements are written with `$1`, `$2` and so on.

Source: ADR 0017
"""
# ruff: noqa: S608 - the texts are made of each other; values are arguments

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from service.storage.names import Kind, Names, pack_id, unpack_id
from service.storage.store import Waiting

# The place of a notice in the order in which an agency is told: `$3` is its id.
_PLACE: Final = "SELECT at, id FROM notice WHERE locality = $1 AND agency = $2 AND id = $3"
_FIRST: Final = (0, b"")  # before every place

_WAITING: Final = (
    "SELECT n.id, n.event, r.type, r.id, n.version, n.at"
    " FROM (SELECT id, event, rid, version, at FROM notice"
    " WHERE locality = $1 AND agency = $2 AND acknowledged IS NULL AND (at, id) > ($3, $4)"
    " ORDER BY at, id LIMIT $5) AS n"
    " JOIN resource AS r ON r.locality = $1 AND r.rid = n.rid ORDER BY n.at, n.id"
)

# Of what type the resource is that a notice `n` is about.
_ABOUT: Final = "(SELECT r.type FROM resource AS r WHERE r.locality = $1 AND r.rid = n.rid)"

# On PostgreSQL all at once. They are locked in the order of their ids, so that two who acknowledge the same ones
# wait for each other rather than for ever; who waited finds them acknowledged.
ACKNOWLEDGE: Final = (
    "WITH held AS (SELECT n.id FROM notice AS n WHERE n.locality = $1 AND n.agency = $2 AND n.id = ANY($3::bytea[])"
    f" AND n.acknowledged IS NULL AND {_ABOUT} = ANY($6::smallint[]) ORDER BY n.id FOR UPDATE OF n)"
    " UPDATE notice AS n SET acknowledged = $4, acknowledger = $5 FROM held"
    " WHERE n.locality = $1 AND n.id = held.id RETURNING n.id"
)
# On SQLite one by one, in one transaction.
ACKNOWLEDGE_ONE: Final = (
    "UPDATE notice AS n SET acknowledged = $4, acknowledger = $5 WHERE n.locality = $1 AND n.agency = $2 AND n.id = $3"
    f" AND n.acknowledged IS NULL AND {_ABOUT} IN (SELECT value FROM json_each($6))"
)

Fetch = Callable[..., Awaitable[Sequence[Any]]]  # rows of a text and its arguments


class Outbox:
    """The notices of one database."""

    def __init__(self, names: Names, fetch: Fetch) -> None:
        self._names = names
        self._fetch = fetch

    async def waiting(self, locality: int, agency: str, count: int, after: str | None) -> tuple[Waiting, ...]:
        """As `Store.notices`; the agency's name was learnt where it has a number."""
        number = self._names.code(Kind.AGENCY, agency)
        if number is None:
            return ()
        place: tuple[int, bytes] = _FIRST
        if after is not None:
            found = await self._fetch(_PLACE, locality, number, pack_id(after))
            if not found:
                return ()
            place = (found[0][0], bytes(found[0][1]))
        rows = await self._fetch(_WAITING, locality, number, *place, count)
        return tuple(self._waiting(*row) for row in rows)

    def _waiting(self, id_: bytes, event: str, type_: int, about: bytes, version: int, at: int) -> Waiting:
        key = (self._names.text(Kind.TYPE, type_), unpack_id(about))
        return Waiting(unpack_id(id_), event, key, version, at)

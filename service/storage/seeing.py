"""What both stores have of looking with somebody's eyes: names, values, and what is said of a child.

Source: ADR 0019
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from service.fhir.search.sight import Seen, Sight
from service.storage.names import Kind, Name, Names, pack_id, unpack_id
from service.storage.querying import decision
from service.storage.sharing import Resource
from service.storage.sighted import Sighted
from service.storage.store import Share, Store
from service.storage.withdrawals import Withdrawals
from service.storage.withdrawing import Ask, Withdrawn, asked_by

_SHARES: Final = (
    "SELECT r.type, r.id, s.party, s.effect, s.type, s.purpose, s.mask, s.low, s.high, s.team"
    " FROM index_sharing AS s JOIN resource AS r ON r.locality = $1 AND r.rid = s.rid"
    " WHERE s.locality = $1 AND s.child = $2"
    " ORDER BY s.rid, s.party, s.effect, s.type, s.purpose, s.mask, s.low, s.high, s.team"
)
_SAID: Final = (
    "SELECT child, party, effect, type, purpose, mask, low, high, team FROM index_sharing"
    " WHERE locality = $1 AND child = $2 AND rid = $3"
)
NAMES: Final = f"SELECT kind, code, text FROM name WHERE kind IN ({Kind.AGENCY:d}, {Kind.PURPOSE:d})"  # noqa: S608 - constants only
_LOCALITIES: Final = f"SELECT kind, code, text FROM name WHERE kind = {Kind.LOCALITY:d} ORDER BY text"  # noqa: S608 - as above
AUTHOR: Final = 7  # the place of the author in a row of `statements.CURRENT`


class Seeing(ABC):
    """A whole store's part in it."""

    _names: Names
    _clock: Callable[[], int]
    _masked: Callable[[str, Resource], Resource]

    @property
    def whole(self) -> Self:
        """As `Store.whole`."""
        return self

    @property
    def sight(self) -> Sight | None:
        """As `Store.sight`."""
        return None

    def seen_by(self, locality: str, sight: Sight | None, seen: Seen) -> Store:
        """As `Store.seen_by`."""
        return Sighted(self, self._masked, locality, sight, seen)  # type: ignore[arg-type]  # each store is one

    @property
    def withdrawals(self) -> Withdrawals:
        """As `Store.withdrawals`."""
        return Withdrawn(self._names, self._clock, self._located, self._acquainted, self._ask)

    @property
    def _ask(self) -> Ask:
        """How statements about many resources are run, so that they keep nobody waiting."""
        return asked_by(self._fetch)

    async def sharing(self, locality: str, child: str) -> tuple[Share, ...]:
        """As `Store.sharing`."""
        rows = await self._fetch(_SHARES, await self._located(locality), pack_id(child))
        known = self._names.has_all
        parties, purposes = {row[2] for row in rows}, {row[5] for row in rows}
        if not (known(Kind.AGENCY, parties) and known(Kind.PURPOSE, purposes)):
            self._names.learn(await self._fetch(NAMES))
        return tuple(self._share(row) for row in rows)

    def _share(self, row: Sequence[Any]) -> Share:
        source, id_, party, effect, type_, purpose, mask, low, high, team = row
        text = self._names.text
        return Share(
            source=(text(Kind.TYPE, source), unpack_id(id_)),
            party=text(Kind.AGENCY, party),
            effect=effect,
            type=text(Kind.TYPE, type_),
            purpose=text(Kind.PURPOSE, purpose),
            mask=mask,
            low=low,
            high=high,
            team=unpack_id(team),
        )

    async def localities(self) -> tuple[str, ...]:
        """As `Store.localities`."""
        rows = await self._fetch(_LOCALITIES)
        self._names.learn(rows)
        return tuple(row[2] for row in rows)

    async def _said(self, locality: int, rid: int, child: bytes) -> set[tuple[object, ...]]:
        """The rows of `index_sharing` by which the resource of that key says something of that child."""
        rows = await self._fetch(_SAID, locality, child, rid)
        return {
            tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows
        }

    async def _located(self, locality: str) -> int:
        """The number of the locality, which gets one when somebody comes from it first."""
        if self._names.code(Kind.LOCALITY, locality) is None:
            await self._intern({(Kind.LOCALITY, locality)})
        return self._locality(locality)

    def _locality(self, locality: str) -> int:
        return self._names.known(Kind.LOCALITY, locality)

    async def _eyes(self, sight: Sight | None, child: str | None = None) -> dict[str, Any]:
        """The values of the decision; who looks for the first time gets a number."""
        await self._acquainted(sight)
        return decision.values(sight, self._names, self._clock(), child)

    async def _acquainted(self, sight: Sight | None) -> None:
        if unknown := decision.unknown(sight, self._names):
            await self._intern(unknown)

    async def _authors(self, rows: Sequence[Any]) -> None:
        """Learns the names of the authors of rows that another process may have numbered since."""
        if not self._names.has_all(Kind.AGENCY, {row[AUTHOR] for row in rows}):
            self._names.learn(await self._fetch(NAMES))

    @abstractmethod
    async def _fetch(self, text: str, *arguments: Any) -> Sequence[Any]:
        """The rows of a statement."""

    @abstractmethod
    async def _intern(self, names: set[Name]) -> None:
        """Gives numbers to those of the names that have none yet."""

"""Who may see what was stored before the rule was known, or was read as it is now: a part of `reindex`.

Of each resource of a piece, and of its superseded versions, the columns that tell whom it is about
and its labels are made anew, and the rows of `index_sharing`. Of what was deleted the last body tells.

Source: ADR 0019
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.storage import sharing
from service.storage.names import Kind, Names, pack_id
from service.storage.sharing import CLOSED_CHILD, Facts, Rule, child_of
from service.storage.tables import DELETED, index_sharing, row_columns

if TYPE_CHECKING:
    from service.storage.sessions import Session

_PIECE: Final = 200  # resources of one transaction
_DEEP: Final = 10**6  # nothing that was stored is too deep to be read
_KINDS: Final = (Kind.AGENCY, Kind.PURPOSE)
_ROWS: Final = ", ".join(column.name for column in row_columns(index_sharing))


class Reshare:
    """What one run of `reindex` does of it."""

    def __init__(self, session: Session, names: Names, rule: Rule) -> None:
        self._session = session
        self._names = names
        self._rule = rule

    async def learn(self, bodies: Iterable[Sequence[Any]]) -> None:
        """Gives numbers to the names in what the bodies (rid, version, body) tell."""
        facts = [self._facts(body) for *_, body in bodies]
        unknown = self._names.unknown(name for told in facts for name in sharing.names_of(told.rows))
        if unknown:
            async with self._session.writing():
                await self._session.number(unknown)
            await self._learn_names()

    async def write(self, locality: int, bodies: Sequence[Sequence[Any]]) -> int:
        """Writes what the resources tell as they are now; how many rows were added. Wants a write transaction."""
        rids = self._session.listed([rid for rid, *_ in bodies])
        among = self._session.among(2, "bigint")
        where = f"WHERE locality = $1 AND rid {among}"
        now = await self._session.fetch(
            f"SELECT rid, version, child, label, body FROM resource {where}", locality, rids
        )
        then = await self._session.fetch(
            f"SELECT rid, version, child, label, body FROM resource_version {where}", locality, rids
        )
        present = await self._session.fetch(f"SELECT {_ROWS} FROM index_sharing {where}", locality, rids)
        wanted: set[tuple[Any, ...]] = set()
        for table, rows in (("resource_version", then), ("resource", now)):
            for rid, version, child, label, body in rows:
                if not body:
                    continue
                facts = self._facts(body)
                await self._mark(table, locality, (rid, version), (child, label), facts)
                if table == "resource":
                    wanted |= {(locality, *row, rid) for row in await self._packed(facts)}
        had = {tuple(_plain(value) for value in row) for row in present}
        if had - wanted:
            await self._session.remove("index_sharing", list(had - wanted))
        if wanted - had:
            await self._session.add("index_sharing", list(wanted - had))
        return len(wanted - had)

    async def gone(self, locality: int, type_: int, until: int) -> int:
        """As `write`, of the deleted resources of a type up to a rid: by their last bodies."""
        rows = await self._session.fetch(
            "SELECT r.rid, r.version, r.child, r.label, v.body FROM resource AS r"
            " JOIN resource_version AS v ON v.locality = $1 AND v.rid = r.rid AND v.version = r.version - 1"
            f" WHERE r.locality = $1 AND r.type = $2 AND r.rid < $3 AND r.method = {DELETED}",
            locality,
            type_,
            until,
        )
        await self.learn([(rid, version, body) for rid, version, _, _, body in rows if body])
        added = 0
        for start in range(0, len(rows), _PIECE):
            async with self._session.writing():
                for rid, version, child, label, body in rows[start : start + _PIECE]:
                    if body:
                        added += await self._gone(locality, (rid, version), (child, label), body)
        return added

    async def _gone(self, locality: int, of: tuple[int, int], kept: tuple[Any, int], body: bytes) -> int:
        facts = self._facts(body)
        await self._mark("resource", locality, of, kept, facts)
        versions = await self._session.fetch(
            "SELECT version, child, label, body FROM resource_version WHERE locality = $1 AND rid = $2",
            locality,
            of[0],
        )
        for version, child, label, earlier in versions:
            if earlier:
                told = self._facts(earlier)
                await self._mark("resource_version", locality, (of[0], version), (child, label), told)
        said = [(locality, *row, of[0]) for row in sharing.kept(await self._packed(facts))]
        if said:
            await self._session.add("index_sharing", said)
        return len(said)

    async def _mark(
        self, table: str, locality: int, of: tuple[int, int], kept: tuple[Any, int], facts: Facts
    ) -> None:
        told = (await self._child(locality, facts, _plain(kept[0])), facts.label)
        if told != (_plain(kept[0]), kept[1]):
            await self._session.run(
                f"UPDATE {table} SET child = $4, label = $5 WHERE locality = $1 AND rid = $2 AND version = $3",
                locality,
                *of,
                *told,
            )

    async def _child(self, locality: int, facts: Facts, kept: bytes | None) -> bytes | None:
        """Of what is about other resources: as it was stored, or else as these are stored."""
        if not facts.through or kept not in {None, CLOSED_CHILD}:
            return kept if facts.through else child_of(facts)
        found: set[tuple[Any, int]] = set()
        for type_, id_ in facts.through:
            rows = await self._session.fetch(
                "SELECT child, label FROM resource WHERE locality = $1 AND type = $2 AND id = $3",
                locality,
                self._names.code(Kind.TYPE, type_),
                pack_id(id_),
            )
            found |= {(_plain(child), label) for child, label in rows} or {(CLOSED_CHILD, 0)}
        [(child, label)] = found if len(found) == 1 else [(CLOSED_CHILD, 0)]
        return CLOSED_CHILD if label or child is None else bytes(child)

    async def _packed(self, facts: Facts) -> set[sharing.Row]:
        if self._names.unknown(sharing.names_of(facts.rows)):
            # Another process has numbered them since: what it stored names them.
            await self._learn_names()
        return sharing.packed(facts.rows, self._names)

    async def _learn_names(self) -> None:
        for kind in _KINDS:
            self._names.learn(
                await self._session.fetch("SELECT kind, code, text FROM name WHERE kind = $1", kind)
            )

    def _facts(self, body: bytes) -> Facts:
        return self._rule.facts(codec.decode(bytes(body), max_depth=_DEEP))


def _plain(value: Any) -> Any:
    """Bytes as such, whatever the driver has for them."""
    return bytes(value) if isinstance(value, memoryview) else value

"""Whether a database is sound: bodies, versions, index rows, audit entries and notices agree.

Everything is read in one snapshot, so a check may run beside a working service. Index
rows are compared as a whole: the rows that the bodies call for and the rows that are
there must give the same count and the same sum of digests for each parameter, which
needs no more memory for ten million resources than for ten. Rows of parameters that wait for
`thrive-fhir reindex`, or are there no longer, are not looked at: nobody is answered by them.

Source: ADR 0002
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

import asyncpg

from service.fhir import codec
from service.fhir.problems import Problem
from service.fhir.registry import Registry
from service.fhir.search.digests import SHARING, definitions
from service.fhir.search.extraction import Extractor
from service.fhir.stamping import instant
from service.storage import audit_checking
from service.storage.audit_checking import Audit
from service.storage.indexed import MARKS, waiting
from service.storage.indexing import Indexer, Rows
from service.storage.names import Kind, Name, Names, unpack_id
from service.storage.open import sqlite_path
from service.storage.sharing import NO_RULE, Facts, Rule, child_of, kept, names_of, packed
from service.storage.tables import DELETED, INDEXES, index_sharing

# So many faults are told one by one; a broken index would otherwise tell millions.
MOST_TOLD = 50
_FETCHED = 1000
_SUM_BITS = 64

NO_PARAMETER = 0  # in place of a parameter's number: of rows that belong to none

Sums = dict[tuple[str, int, int], tuple[int, int]]  # (table, locality, parameter): count and sum of digests


@dataclass(slots=True)
class Report:
    """What was looked at, and each fault in a sentence (no content of any resource).

    `waiting` is the number of notices that no agency has acknowledged.
    `pending` is the number of search parameters, with what is derived from them, that wait for reindex.
    `audit` tells of the audit alone.
    """

    resources: int = 0
    versions: int = 0
    index_rows: int = 0
    notices: int = 0
    waiting: int = 0
    pending: int = 0
    audit: Audit = field(default_factory=Audit)
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


class _Snapshot(Protocol):
    def rows(self, text: str) -> AsyncIterator[Sequence[Any]]: ...


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def rows(self, text: str) -> AsyncIterator[Sequence[Any]]:
        for row in self._connection.execute(text):
            yield row


class _Postgres:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, text: str) -> AsyncIterator[Sequence[Any]]:
        async for row in self._connection.cursor(text, prefetch=_FETCHED):
            yield tuple(row)


async def check(
    database_url: str,
    registry: Registry,
    extractor: Extractor,
    noted: Sequence[str] = (),
    rule: Rule | None = None,
) -> Report:
    """The report on the whole database, every locality.

    `rule` is that of the store; without it, who may see what is not looked at.
    `noted` are hashes of the audit's blocks that were written down before, and must be there.

    Raises:
        UnknownDatabase: the URL's scheme is not ours.
    """
    report = Report()
    async with _snapshot(database_url) as snapshot:
        names = Names()
        names.learn([tuple(row) async for row in snapshot.rows("SELECT kind, code, text FROM name")])
        known = definitions(registry)
        pending = waiting(known, {row[0]: row[1] async for row in snapshot.rows(MARKS)})
        report.pending = len(pending)
        _stand_in(names, ((Kind.PARAMETER, name) for name in known.digests))
        complete = {names.known(Kind.PARAMETER, name) for name in known.digests.keys() - set(pending)}
        told = registry.served if rule is not None else ()
        shared = frozenset(type_ for type_ in told if f"{type_}.{SHARING}" not in pending)
        looked = _Looked(Indexer(registry, extractor, names, rule or NO_RULE), names, shared)
        if len(shared) == len(registry.served):
            complete.add(NO_PARAMETER)
        wanted = await _bodies(snapshot, looked, report)
        await _gone(snapshot, looked, wanted)
        await _indexes(snapshot, wanted, complete, names, report)
        await _history(snapshot, report)
        await _outbox(snapshot, names, report)
        report.audit = await audit_checking.check(snapshot, names, noted)
        report.faults += report.audit.faults
    if len(report.faults) > MOST_TOLD:
        report.faults[MOST_TOLD:] = [f"and {len(report.faults) - MOST_TOLD} faults more"]
    return report


@asynccontextmanager
async def _snapshot(database_url: str) -> AsyncIterator[_Snapshot]:
    if not database_url.startswith("postgres"):
        with closing(sqlite3.connect(sqlite_path(database_url), isolation_level=None)) as connection:
            connection.execute("BEGIN")
            # Not quick_check: SQLite 3.40's finds NULLs in WITHOUT ROWID tables where there are none.
            [(verdict,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"SQLite finds its file damaged: {verdict}")
            yield _Sqlite(connection)
        return
    server = await asyncpg.connect(database_url)
    try:
        async with server.transaction(isolation="repeatable_read", readonly=True):
            yield _Postgres(server)
    finally:
        await server.close()


@dataclass(frozen=True, slots=True)
class _Looked:
    """What bodies are looked at with. `shared` are the types of which it is complete who may see them."""

    indexer: Indexer
    names: Names
    shared: frozenset[str]


async def _bodies(snapshot: _Snapshot, looked: _Looked, report: Report) -> Sums:
    """What index rows the current bodies call for; a body that is not what its row says is a fault."""
    sums: Sums = defaultdict(lambda: (0, 0))
    indexer, names = looked.indexer, looked.names
    text = "SELECT locality, rid, type, id, version, updated, method, child, label, body FROM resource"
    async for row in snapshot.rows(text):
        locality, rid, type_code, packed, version, updated, method, child, label, body = row
        report.resources += 1
        type_, id_ = names.text(Kind.TYPE, type_code), unpack_id(packed)
        where = f"{type_}/{id_}"
        if method == DELETED:
            if body:
                report.faults.append(f"{where} is deleted and has a body")
            continue
        try:
            resource = codec.decode(bytes(body), max_depth=10**6)
        except Problem as problem:
            report.faults.append(f"{where} cannot be read: {problem.issues[0].slug}")
            continue
        meta = resource["meta"]
        said = (resource["resourceType"], resource["id"], meta["versionId"], meta["lastUpdated"])
        if said != (type_, id_, str(version), instant(updated)):
            report.faults.append(
                f"{where} version {version}: the body names another resource, version or time"
            )
            continue
        reading, facts = indexer.read(resource), indexer.facts(resource)
        if type_ in looked.shared and not _as_told(facts, child, label):
            report.faults.append(f"{where}: whom it is about, or its labels, are not what its body tells")
        if unknown := names.unknown(indexer.systems(reading, facts)):
            if not report.pending:
                report.faults.append(f"{where}: {len(unknown)} systems have no number")
                continue
            _stand_in(names, unknown)
        _add(sums, locality, rid, indexer.rows(type_, reading, facts))
    return sums


async def _gone(snapshot: _Snapshot, looked: _Looked, sums: Sums) -> None:
    """What rows the last bodies of deleted resources call for: what they say of a child stays."""
    text = f"""
        SELECT r.locality, r.rid, r.type, v.body FROM resource r
        JOIN resource_version v ON v.locality = r.locality AND v.rid = r.rid AND v.version = r.version - 1
        WHERE r.method = {DELETED}
    """  # noqa: S608 - a number of ours
    async for locality, rid, type_, body in snapshot.rows(text):
        if not body or looked.names.text(Kind.TYPE, type_) not in looked.shared:
            continue
        facts = looked.indexer.facts(codec.decode(bytes(body), max_depth=10**6))
        if facts is None or looked.names.unknown(names_of(facts.rows)):
            continue  # an agency without a number was never said to see anything
        for row in kept(packed(facts.rows, looked.names)):
            _count(sums, ("index_sharing", locality, NO_PARAMETER), rid, row)


def _as_told(facts: Facts | None, child: bytes | None, label: int) -> bool:
    """Whether the columns hold what the body tells; of what is about another resource it tells no child."""
    if facts is None or facts.label != label:
        return False
    kept = None if child is None else bytes(child)
    return kept == child_of(facts) or (bool(facts.through) and kept is not None)


async def _indexes(
    snapshot: _Snapshot, wanted: Sums, complete: set[int], names: Names, report: Report
) -> None:
    found: Sums = defaultdict(lambda: (0, 0))
    for table in INDEXES:
        values = ", ".join(column.name for column in table.c if column.name not in {"locality", "rid"})
        async for row in snapshot.rows(f"SELECT locality, rid, {values} FROM {table.name}"):  # noqa: S608 - our own names
            report.index_rows += 1
            locality, rid, *value = row
            if table is index_sharing:
                _count(found, (table.name, locality, NO_PARAMETER), rid, tuple(map(_plain, value)))
            else:
                _count(found, (table.name, locality, value[0]), rid, tuple(value))
    for key in sorted(wanted.keys() | found.keys()):
        if key[2] in complete and wanted.get(key) != found.get(key):
            (want, _), (have, _) = wanted.get(key, (0, 0)), found.get(key, (0, 0))
            parameter = "sharing" if key[2] == NO_PARAMETER else names.text(Kind.PARAMETER, key[2])
            difference = "are not those" if want == have else f"are {have}, not the {want}"
            report.faults.append(f"the rows of {parameter} in {key[0]} {difference} that the bodies call for")


def _stand_in(names: Names, wanted: Iterable[Name]) -> None:
    """Gives names that have no number yet one that no row has."""
    for kind, text in names.unknown(wanted):
        names.learn([(kind, -1 - len(names.texts(kind)), text)])


async def _history(snapshot: _Snapshot, report: Report) -> None:
    gaps = """
        SELECT r.rid, r.version, count(v.version), coalesce(min(v.version), 1), coalesce(max(v.version), 0)
        FROM resource r LEFT JOIN resource_version v ON v.locality = r.locality AND v.rid = r.rid
        GROUP BY r.locality, r.rid, r.version
    """
    async for rid, version, count, first, last in snapshot.rows(gaps):
        report.versions += version
        if (count, first, last) != (version - 1, 1, version - 1):
            report.faults.append(
                f"resource number {rid} at version {version} has {count} superseded versions"
            )
    orphans = """
        SELECT v.rid, v.version FROM resource_version v
        LEFT JOIN resource r ON r.locality = v.locality AND r.rid = v.rid WHERE r.rid IS NULL
    """
    async for rid, version in snapshot.rows(orphans):
        report.faults.append(f"version {version} of resource number {rid} has no resource")


async def _outbox(snapshot: _Snapshot, names: Names, report: Report) -> None:
    notices = """
        SELECT n.rid, n.version, n.at, n.agency, n.acknowledged, n.acknowledger, coalesce(r.updated, v.updated)
        FROM notice n
        LEFT JOIN resource r ON r.locality = n.locality AND r.rid = n.rid AND r.version = n.version
        LEFT JOIN resource_version v ON v.locality = n.locality AND v.rid = n.rid AND v.version = n.version
    """
    known = {
        kind: {names.known(kind, text) for text in names.texts(kind)} for kind in (Kind.AGENCY, Kind.CLIENT)
    }
    async for rid, version, at, agency, acknowledged, acknowledger, updated in snapshot.rows(notices):
        report.notices += 1
        report.waiting += acknowledged is None
        where = f"a notice of version {version} of resource number {rid}"
        if updated != at:
            report.faults.append(f"{where} is of no such version, or of another time")
        if agency not in known[Kind.AGENCY]:
            report.faults.append(f"{where} is to no agency")
        if (acknowledged is None) != (acknowledger is None) or not known[Kind.CLIENT].issuperset(
            () if acknowledger is None else (acknowledger,)
        ):
            report.faults.append(f"{where} was acknowledged by nobody, or at no time")


def _add(sums: Sums, locality: int, rid: int, rows: Rows) -> None:
    for table, kind in zip(INDEXES, rows, strict=True):
        for row in kind:
            parameter = NO_PARAMETER if table is index_sharing else row[0]
            _count(sums, (table.name, locality, parameter), rid, row)


def _plain(value: Any) -> Any:
    """Bytes as such, whatever the driver has for them."""
    return bytes(value) if isinstance(value, memoryview) else value


def _count(sums: Sums, key: tuple[str, int, int], rid: int, row: tuple[Any, ...]) -> None:
    digest = blake2b(repr((rid, *row)).encode(), digest_size=_SUM_BITS // 8).digest()
    count, total = sums[key]
    sums[key] = (count + 1, (total + int.from_bytes(digest, "big")) % 2**_SUM_BITS)

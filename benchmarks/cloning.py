"""What a clone of the base is in the database: the SQL that makes its rows of the base's rows.

Ids, references and identifiers get the clone's prefix wherever they stand: in bodies, keys, index rows, and in
the audit. Numbers of resources follow each other session by session. Agencies that may see a record are kept by
their names' numbers, so that each clone has agencies of its own, which are named in the table `name`.

Source: ADR 0002, ADR 0019; benchmarks/population.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sqlalchemy import LargeBinary, Text

from benchmarks import population
from benchmarks.population import PREFIX
from service.storage.audit import version_serial
from service.storage.names import Kind
from service.storage.tables import audit, audit_child, resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, Table

AUDITED = (audit, audit_child)
# A serial of the audit is this many times the number of the resource, and the version.
STEP = version_serial(1, 0)


class Dialect(Protocol):
    """How one database says what a clone changes of a value, and in which order its rows are best filled in."""

    def text(self, column: str) -> str:
        """Return the text with the clone's prefix."""
        ...

    def body(self, column: str) -> str:
        """Return the JSON with the clone's prefix."""
        ...

    def packed(self, column: str) -> str:
        """Return the packed id with the clone's first four bytes; what is no packed id of ours stays."""
        ...

    def children(self, column: str) -> str:
        """Return an audit entry's one child, packed behind its ground and its length, in the clone."""
        ...

    def rows(self, table: Table, columns: str) -> str:
        """Return the SELECT of all clones' rows of the table."""
        ...


# An audit entry's children where there is one of ours: ground, length, and a packed id of 16 bytes.
ONE_CHILD = 18


def _rid(table: Table) -> str:
    """Return by which number of a row its resource is known."""
    return f"t.serial / {STEP}" if table in AUDITED else "t.rid"


class Sqlite:
    """SQLite: `base` is an attached file."""

    def text(self, column: str) -> str:
        """As `Dialect.text`."""
        return f"replace({column}, '{PREFIX}', c.prefix)"

    def body(self, column: str) -> str:
        """As `Dialect.body`."""
        decoded = f"CAST({column} AS TEXT)"
        return f"CAST({self.text(decoded)} AS BLOB)"

    def packed(self, column: str) -> str:
        """As `Dialect.packed`."""
        ours = f"length({column}) = 16 AND substr({column}, 1, 4) = x'{PREFIX}'"
        return f"CASE WHEN {ours} THEN CAST(c.packed || substr({column}, 5) AS BLOB) ELSE {column} END"

    def children(self, column: str) -> str:
        """As `Dialect.children`."""
        ours = f"length({column}) = {ONE_CHILD} AND substr({column}, 3, 4) = x'{PREFIX}'"
        changed = f"CAST(substr({column}, 1, 2) || c.packed || substr({column}, 7) AS BLOB)"
        return f"CASE WHEN {ours} THEN {changed} ELSE {column} END"

    def rows(self, table: Table, columns: str) -> str:
        """As `Dialect.rows`: in the order of the table's key, so that its pages are filled once.

        Wide rows are read in that order; narrow ones are sorted.
        """
        if table is resource:
            return (
                f"SELECT {columns} FROM (SELECT DISTINCT start FROM base.place) AS s CROSS JOIN clone AS c"  # noqa: S608 - our own names
                f" CROSS JOIN base.place AS p ON p.start = s.start CROSS JOIN base.{table.name} AS t"
                " ON t.locality = (SELECT locality FROM base.locality_keys) AND t.rid = p.rid"
            )
        key = [column.name for column in table.primary_key]
        positions = {one.name: str(position) for position, one in enumerate(table.c, 1)}
        order = ", ".join(positions[one] for one in key)
        return (
            f"SELECT {columns} FROM base.{table.name} AS t CROSS JOIN base.place AS p ON p.rid = {_rid(table)}"  # noqa: S608 - our own names
            f" CROSS JOIN clone AS c ORDER BY {order}"
        )


class Postgres:
    """PostgreSQL: `base` is a schema."""

    def text(self, column: str) -> str:
        """As `Dialect.text`."""
        return f"replace({column}, '{PREFIX}', c.prefix)"

    def body(self, column: str) -> str:
        """As `Dialect.body`."""
        decoded = f"convert_from({column}, 'UTF8')"
        return f"convert_to({self.text(decoded)}, 'UTF8')"

    def packed(self, column: str) -> str:
        """As `Dialect.packed`."""
        ours = f"length({column}) = 16 AND substring({column} FROM 1 FOR 4) = '\\x{PREFIX}'::bytea"
        return f"CASE WHEN {ours} THEN c.packed || substring({column} FROM 5) ELSE {column} END"

    def children(self, column: str) -> str:
        """As `Dialect.children`."""
        ours = f"length({column}) = {ONE_CHILD} AND substring({column} FROM 3 FOR 4) = '\\x{PREFIX}'::bytea"
        changed = f"substring({column} FROM 1 FOR 2) || c.packed || substring({column} FROM 7)"
        return f"CASE WHEN {ours} THEN {changed} ELSE {column} END"

    def rows(self, table: Table, columns: str) -> str:
        """As `Dialect.rows`: in the order of rids, as a service writes its rows."""
        position = [one.name for one in table.c].index("serial" if table in AUDITED else "rid") + 1
        return (
            f"SELECT {columns} FROM base.{table.name} AS t JOIN base.place AS p ON p.rid = {_rid(table)}"  # noqa: S608 - our own names
            f" CROSS JOIN clone AS c ORDER BY {position}"
        )


def filling(table: Table, clones: int, dialect: Dialect) -> str:
    """Return the statement that fills the table with the rows of all clones of the base."""
    columns = ", ".join(_expression(column, clones, dialect) for column in table.columns)
    names = ", ".join(column.name for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) {dialect.rows(table, columns)}"


def _expression(column: Column[object], clones: int, dialect: Dialect) -> str:
    rid = f"(p.start - 1) * {clones} + c.number * p.size + (p.rid - p.start) + 1"
    if column.name == "rid":
        return rid
    if column.name == "party":
        own = "SELECT a.own FROM agency AS a WHERE a.code = t.party AND a.number = c.number"
        return f"coalesce(({own}), t.party)"
    if column.name == "serial":
        return f"({rid}) * {STEP} + t.serial % {STEP}"
    if isinstance(column.type, LargeBinary):
        kinds = {"body": dialect.body, "children": dialect.children}
        return kinds.get(column.name, dialect.packed)(f"t.{column.name}")
    if isinstance(column.type, Text):
        return dialect.text(f"t.{column.name}")
    return f"t.{column.name}"


def clone_rows(clones: int) -> list[tuple[int, str, bytes]]:
    """Return number, prefix and packed prefix of each clone."""
    prefixes = [population.prefix(number) for number in range(clones)]
    return [(number, one, bytes.fromhex(one)) for number, one in enumerate(prefixes)]


AGENCIES = f"SELECT code, text FROM name WHERE kind = {int(Kind.AGENCY)}"  # noqa: S608 - our own names
"""The agencies of the base, by their numbers."""


def agency_rows(found: Iterable[tuple[int, str]], clones: int) -> list[tuple[int, int, int, int, int, str]]:
    """Return of each agency that clones have others of: number in the base, clone, own number, and its name's row.

    Own numbers follow each other behind all that there are, clone by clone. Whose id has no prefix is
    the same in all clones.
    """
    agencies = list(found)
    span = max((code for code, _ in agencies), default=0) + 1
    return [
        (code, number, own, int(Kind.AGENCY), own, text.replace(PREFIX, population.prefix(number)))
        for number in range(clones)
        for code, text in agencies
        if text.startswith(f"{PREFIX}-")
        for own in (code + number * span,)
    ]

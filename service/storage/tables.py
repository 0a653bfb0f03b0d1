"""The tables, one set for SQLite and PostgreSQL.

Every key begins with `locality`, so that Citus can shard the same schema by it; only
`name`, `secret`, `locality_keys` and `indexed_parameter` are the same everywhere (reference tables).
`rid` is the store's own number of a resource, the same for all its versions. Index rows
are narrow and hold nothing that is not a pure function of the current body, so that an
update finds the rows it must take away by their whole keys. Text that is searched by
its beginning is compared byte by byte on both databases (collation "C").

Units: `updated` and `at` milliseconds, `low` and `high` microseconds since 1970 UTC.

Source: ADR 0002
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.storage.store import Method

metadata = MetaData()

# Compared byte by byte: SQLite does so anyhow, PostgreSQL has to be told.
BINARY_TEXT = Text().with_variant(Text(collation="C"), "postgresql")

# The newest Alembic revision: known here so that a start need not load Alembic to see
# that there is nothing to do. A test holds it equal to the newest script.
REVISION = "0003"

# Codes of `resource.method`.
METHODS: dict[Method, int] = {"POST": 1, "PUT": 2, "PATCH": 3, "DELETE": 4}
METHOD_NAMES: dict[int, Method] = {code: name for name, code in METHODS.items()}
DELETED = METHODS["DELETE"]

name = Table(
    "name",
    metadata,
    Column("kind", SmallInteger, nullable=False),
    Column("code", Integer, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("kind", "code", name="name_pkey"),
    UniqueConstraint("kind", "text", name="name_text_key"),
)

secret = Table(
    "secret",
    metadata,
    Column("name", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("name", name="secret_pkey"),
)

locality_keys = Table(
    "locality_keys",
    metadata,
    Column("locality", SmallInteger, nullable=False, autoincrement=False),
    Column("next_rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("locality", name="locality_keys_pkey"),
)

resource = Table(
    "resource",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("method", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "rid", name="resource_pkey"),
    UniqueConstraint("locality", "type", "id", name="resource_id_key"),
    Index("resource_type", "locality", "type", "rid"),
    Index("resource_updated", "locality", "type", "updated", "rid"),
    # Few: what there is of a type is all that there ever was, without these.
    Index(
        "resource_deleted",
        "locality",
        "type",
        "rid",
        sqlite_where=text(f"method = {DELETED}"),
        postgresql_where=text(f"method = {DELETED}"),
    ),
)

resource_version = Table(
    "resource_version",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("method", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "rid", "version", name="resource_version_pkey"),
    Index("resource_version_updated", "locality", "type", "updated", "rid", "version"),
)

# What the index tables are complete for: a search parameter, or what a modifier of it asks for
# (`Observation.code:text`), and the digest of the definition by which its rows were made.
indexed_parameter = Table(
    "indexed_parameter",
    metadata,
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("name", name="indexed_parameter_pkey"),
)

# By which definitions processes make index rows: each stores the digest of its own here before it writes, so
# that nothing is marked as complete for long that one of them leaves out.
index_writer = Table(
    "index_writer",
    metadata,
    Column("definitions", Text, nullable=False),
    PrimaryKeyConstraint("definitions", name="index_writer_pkey"),
)

# How far `reindex` came: all resources of the type up to and with `rid` have rows by the definitions of `digest`.
reindex_progress = Table(
    "reindex_progress",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("locality", "type", name="reindex_progress_pkey"),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("client", Integer, nullable=False),
    Column("agency", Integer, nullable=False),
    Column("interaction", Integer, nullable=False),
    Column("request", Text, nullable=False),
    PrimaryKeyConstraint("locality", "rid", "version", name="audit_entry_pkey"),
    sqlite_with_rowid=False,
)

# The outbox: word to an agency of a version of a resource, stored with it; `at` is that version's time. It waits
# until the agency acknowledges it, by the client `acknowledger`.
notice = Table(
    "notice",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("agency", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("acknowledged", BigInteger),
    Column("acknowledger", Integer),
    PrimaryKeyConstraint("locality", "id", name="notice_pkey"),
    # What waits is little beside what was acknowledged in years, and lies in the order in which it is told.
    Index(
        "notice_waiting",
        "locality",
        "agency",
        "at",
        "id",
        sqlite_where=text("acknowledged IS NULL"),
        postgresql_where=text("acknowledged IS NULL"),
    ),
)


def _index(
    table_name: str,
    *columns: Column[Any],
    key: tuple[str, ...],
    also: tuple[str, ...] = (),
    by_resource: bool = False,
    wide: bool = False,
) -> Table:
    """An index table: `key` orders its rows after locality and parameter, `also` a second index.

    With `by_resource` a third leads from a resource to its rows: they lie side by side, so
    that keeping it costs little. A `wide` one has rows of kilobytes, which SQLite keeps apart from the key.
    """
    further = [Index(f"{table_name}_value", "locality", "parameter", *also)] if also else []
    if by_resource:
        further.append(Index(f"{table_name}_resource", "locality", "rid", "parameter"))
    # SQLite's integrity_check is wrong about tables that have a column outside the key before one within it.
    keyed = [column for column in columns if column.name in key]
    beside = [column for column in columns if column.name not in key]
    return Table(
        table_name,
        metadata,
        Column("locality", SmallInteger, nullable=False),
        Column("parameter", SmallInteger, nullable=False),
        *keyed,
        Column("rid", BigInteger, nullable=False),
        *beside,
        PrimaryKeyConstraint("locality", "parameter", *key, name=f"{table_name}_pkey"),
        *further,
        sqlite_with_rowid=wide,
    )


# Tokens and references are asked for by value: "which resources have it" reads a run of
# rows, "has this one it" finds one, both in the one key. `system` and `target_type` stand
# behind `rid` because they rarely tell two values apart and are often not given.
index_token = _index(
    "index_token",
    Column("code", BINARY_TEXT, nullable=False),
    Column("system", Integer, nullable=False),
    key=("code", "rid", "system"),
    by_resource=True,
)
index_reference = _index(
    "index_reference",
    Column("target_type", SmallInteger, nullable=False),
    Column("target", LargeBinary, nullable=False),
    key=("target", "rid", "target_type"),
    by_resource=True,
)

# The others are asked for by range, so "has this one it" needs the resource first.
index_string = _index(
    "index_string",
    Column("folded", BINARY_TEXT, nullable=False),
    Column("original", Text, nullable=False),
    key=("rid", "folded", "original"),
    also=("folded", "rid"),
)
index_date = _index(
    "index_date",
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    key=("rid", "low", "high"),
    also=("low", "high", "rid"),
)
# The end is asked for too: `gt` and `ge` by it alone, and what is sorted downwards lies in its order.
Index(
    "index_date_until", *(index_date.c[column] for column in ("locality", "parameter", "high", "rid", "low"))
)
index_number = _index(
    "index_number",
    Column("value", Double, nullable=False),
    key=("rid", "value"),
    also=("value", "rid"),
)
index_quantity = _index(
    "index_quantity",
    Column("code", Text, nullable=False),
    Column("system", Integer, nullable=False),
    Column("value", Double, nullable=False),
    key=("rid", "code", "system", "value"),
    also=("value", "rid"),
)
index_uri = _index(
    "index_uri",
    Column("uri", BINARY_TEXT, nullable=False),
    key=("rid", "uri"),
    also=("uri", "rid"),
)

# A composite's first part is a token, asked for as tokens are. Its second part is of any kind and
# has what it needs of the last columns, the others empty or 0: a token `text` (code) and
# `text_system`, a reference `text` (type/id or URL), a string `text` (folded), a uri `text`, a date `low` and `high`, a
# number `value`, a quantity `text` (unit), `text_system` and `value`.
index_composite = _index(
    "index_composite",
    Column("code", BINARY_TEXT, nullable=False),
    Column("system", Integer, nullable=False),
    Column("text", BINARY_TEXT, nullable=False),
    Column("text_system", Integer, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    key=("code", "rid", "system", "text", "text_system", "low", "high", "value"),
    also=("code", "value", "rid"),
)

# The folded words of a resource's narrative and of all its text, one row each.
index_text = _index(
    "index_text",
    Column("words", Text, nullable=False),
    key=("rid",),
    wide=True,
)

INDEXES = (
    index_token,
    index_reference,
    index_string,
    index_date,
    index_number,
    index_quantity,
    index_uri,
    index_composite,
    index_text,
)


def row_columns(table: Table) -> list[Column[Any]]:
    """The columns of an index table in the order of its rows here: locality, parameter, the values, rid.

    In the database `rid` may stand before a value that is in no key.
    """
    return [*(column for column in table.c if column.name != "rid"), table.c.rid]

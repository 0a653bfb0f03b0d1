"""The tables, one set for SQLite and PostgreSQL.

Every key begins with `locality`, so that Citus can shard the same schema by it; only
`name`, `secret`, `locality_keys`, `indexed_parameter`, `client`, `used_assertion` and `revoked_token` are
the same everywhere (reference tables).
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
    Boolean,
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
REVISION = "0010"

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


def _whose() -> list[Column[Any]]:
    """Columns that tell who may see a version: whoever asks reads them and not the body, which they lie before.

    `author` is the number of the agency that made the resource, 0 where nobody knows. `child` is the
    packed id of the one Patient that it is about: NULL where about nobody, the byte 0 where about
    several or unknown people. `label` are the bits of its sensitive labels.
    """
    return [
        Column("author", Integer, nullable=False),
        Column("child", LargeBinary),
        Column("label", Integer, nullable=False),
    ]


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
    *_whose(),
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
    *_whose(),
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

# Who did what: one row for each version, written with it, and one for each other act. `at` (with `serial`) is the
# place in the locality's audit; `delay` says how many milliseconds before it the act was. 0 in place of a name's
# number: there is none. `children` are the young people concerned; `audit_child` says the same by child.
audit = Table(
    "audit",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("action", SmallInteger, nullable=False),
    Column("what", Integer, nullable=False),
    Column("client", Integer, nullable=False),
    Column("agency", Integer, nullable=False),
    Column("person", Integer, nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("delay", Integer, nullable=False),
    Column("request", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("children", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "at", "serial", name="audit_pkey"),
    Index("audit_agency", "locality", "agency", "at", "serial"),
    sqlite_with_rowid=False,
)

audit_child = Table(
    "audit_child",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("child", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("ground", SmallInteger, nullable=False),
    PrimaryKeyConstraint("locality", "child", "at", "serial", name="audit_child_pkey"),
    sqlite_with_rowid=False,
)

# The seals of the audit: each block holds the entries after the former one's up to and with (`high`, `last`), and
# its hash is of the former one's and of all that they say.
audit_block = Table(
    "audit_block",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "number", name="audit_block_pkey"),
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

# The clients by their own names: they are asked for before anything is known by which a name could be looked up.
client = Table(
    "client",
    metadata,
    Column("id", Text, nullable=False),
    Column("locality", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("keys", Text),
    Column("jwks_url", Text),
    Column("administrator", Boolean, nullable=False),
    Column("governance", Boolean, nullable=False),
    Column("chooses_ids", Boolean, nullable=False),
    Column("sectors", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    PrimaryKeyConstraint("id", name="client_pkey"),
)


def _spent(table_name: str) -> Table:
    """A table of digests that must not count again until they expire."""
    return Table(
        table_name,
        metadata,
        Column("id", LargeBinary, nullable=False),
        Column("expires", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name=f"{table_name}_pkey"),
        Index(f"{table_name}_expires", "expires"),
    )


used_assertion = _spent("used_assertion")
revoked_token = _spent("revoked_token")


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

# Who may see the record of a child, as one resource says (`rid`): all that is said of a child lies side by side. Times
# are milliseconds, `low` until before `high`; `party` an agency or a sector by its number, 0 for none; `type` and
# `purpose` 0 for all; `team` the packed id of a care team, or empty. `effect` is a code of the clinic's rule.
index_sharing = Table(
    "index_sharing",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("child", LargeBinary, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("party", Integer, nullable=False),
    Column("effect", SmallInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("mask", Integer, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("team", LargeBinary, nullable=False),
    PrimaryKeyConstraint(
        *("locality", "child", "rid", "party", "effect", "type", "purpose", "mask", "low", "high", "team"),
        name="index_sharing_pkey",
    ),
    sqlite_with_rowid=False,
)

# Rows that belong to a search parameter.
PARAMETER_INDEXES = (
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
INDEXES = (*PARAMETER_INDEXES, index_sharing)


def row_columns(table: Table) -> list[Column[Any]]:
    """The columns of an index table in the order of its rows here: locality, parameter if any, the values, rid.

    In the database `rid` may stand before a value that is in no key.
    """
    return [*(column for column in table.c if column.name != "rid"), table.c.rid]

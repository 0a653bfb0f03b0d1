"""Who may see what: columns of resources and their versions, and what resources say of a child's record.

Nobody sees what was stored before but the agency that made it, as the audit entries tell, until
`thrive-fhir reindex` has read who it is about.

Revision: 0004
"""

# ruff: noqa: S608 - the texts are made of names of our own tables and columns

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BEFORE = ("locality", "rid", "version", "type", "id", "updated", "method")
_NOBODY = 0
_DELETED = 4
# About several people, or unknown ones.
_CLOSED = {"sqlite": "x'00'", "postgresql": "'\\x00'::bytea"}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("resource", "resource_version"):
        if sqlite:
            _rebuild(table)
        else:
            _extend(table)
    op.create_table(
        "index_sharing",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("child", sa.LargeBinary, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("party", sa.Integer, nullable=False),
        sa.Column("effect", sa.SmallInteger, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("purpose", sa.Integer, nullable=False),
        sa.Column("mask", sa.Integer, nullable=False),
        sa.Column("low", sa.BigInteger, nullable=False),
        sa.Column("high", sa.BigInteger, nullable=False),
        sa.Column("team", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(
            *(
                "locality",
                "child",
                "rid",
                "party",
                "effect",
                "type",
                "purpose",
                "mask",
                "low",
                "high",
                "team",
            ),
            name="index_sharing_pkey",
        ),
        sqlite_with_rowid=False,
    )


def _author(table: str) -> str:
    """The agency by which the first version was stored."""
    return (
        f"coalesce((SELECT a.agency FROM audit_entry a WHERE a.locality = {table}.locality"
        f" AND a.rid = {table}.rid AND a.version = 1), {_NOBODY})"
    )


def _extend(table: str) -> None:
    closed = _CLOSED["postgresql"]
    op.add_column(table, sa.Column("author", sa.Integer, nullable=False, server_default=str(_NOBODY)))
    op.add_column(table, sa.Column("child", sa.LargeBinary, server_default=sa.text(closed)))
    op.add_column(table, sa.Column("label", sa.Integer, nullable=False, server_default="0"))
    op.execute(f"UPDATE {table} SET author = {_author(table)}")
    for column in ("author", "child", "label"):
        op.alter_column(table, column, server_default=None)


def _rebuild(table: str) -> None:
    """SQLite reads a row from its beginning: the columns shall lie before the body."""
    key = ["locality", "rid"] if table == "resource" else ["locality", "rid", "version"]
    more = (
        [sa.UniqueConstraint("locality", "type", "id", name="resource_id_key")] if table == "resource" else []
    )
    for index in _INDEXES[table]:
        op.drop_index(index, table_name=table)
    op.rename_table(table, "former")
    first = ["locality", "rid", "type", "id", "version", "updated", "method"]
    order = first if table == "resource" else list(_BEFORE)
    kinds = {
        "locality": sa.SmallInteger,
        "rid": sa.BigInteger,
        "type": sa.SmallInteger,
        "id": sa.LargeBinary,
        "version": sa.Integer,
        "updated": sa.BigInteger,
        "method": sa.SmallInteger,
    }
    op.create_table(
        table,
        *(sa.Column(name, kinds[name], nullable=False) for name in order),
        sa.Column("author", sa.Integer, nullable=False),
        sa.Column("child", sa.LargeBinary),
        sa.Column("label", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(*key, name=f"{table}_pkey"),
        *more,
    )
    names = ", ".join(order)
    op.execute(
        f"INSERT INTO {table} ({names}, author, child, label, body)"
        f" SELECT {names}, {_author('former')}, {_CLOSED['sqlite']}, 0, body FROM former ORDER BY {', '.join(key)}"
    )
    op.drop_table("former")
    for index, columns in _INDEXES[table].items():
        gone = sa.text(f"method = {_DELETED}") if index == "resource_deleted" else None
        op.create_index(index, table, columns, sqlite_where=gone)


_INDEXES = {
    "resource": {
        "resource_type": ["locality", "type", "rid"],
        "resource_updated": ["locality", "type", "updated", "rid"],
        "resource_deleted": ["locality", "type", "rid"],
    },
    "resource_version": {
        "resource_version_updated": ["locality", "type", "updated", "rid", "version"],
    },
}

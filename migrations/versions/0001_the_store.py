"""The store: names, resources, their versions, audit entries and index tables.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BINARY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "name",
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("code", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "code", name="name_pkey"),
        sa.UniqueConstraint("kind", "text", name="name_text_key"),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="secret_pkey"),
    )
    op.create_table(
        "locality_keys",
        sa.Column("locality", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("next_rid", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", name="locality_keys_pkey"),
    )
    _resources()
    _audit()
    _indexes()


def _resources() -> None:
    op.create_table(
        "resource",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("method", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "rid", name="resource_pkey"),
        sa.UniqueConstraint("locality", "type", "id", name="resource_id_key"),
    )
    op.create_index("resource_type", "resource", ["locality", "type", "rid"])
    op.create_index("resource_updated", "resource", ["locality", "type", "updated", "rid"])
    op.create_table(
        "resource_version",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("method", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "rid", "version", name="resource_version_pkey"),
    )
    op.create_index(
        "resource_version_updated", "resource_version", ["locality", "type", "updated", "rid", "version"]
    )


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("client", sa.Integer, nullable=False),
        sa.Column("agency", sa.Integer, nullable=False),
        sa.Column("interaction", sa.Integer, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("locality", "rid", "version", name="audit_entry_pkey"),
        sqlite_with_rowid=False,
    )


def _index(name: str, *columns: sa.Column[object], key: tuple[str, ...], also: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("parameter", sa.SmallInteger, nullable=False),
        *columns,
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", "parameter", *key, name=f"{name}_pkey"),
        sqlite_with_rowid=False,
    )
    if also:
        op.create_index(f"{name}_value", name, ["locality", "parameter", *also])


def _indexes() -> None:
    _index(
        "index_token",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("system", sa.Integer, nullable=False),
        key=("code", "rid", "system"),
    )
    _index(
        "index_reference",
        sa.Column("target_type", sa.SmallInteger, nullable=False),
        sa.Column("target", sa.LargeBinary, nullable=False),
        key=("target", "rid", "target_type"),
    )
    _index(
        "index_string",
        sa.Column("folded", BINARY_TEXT, nullable=False),
        sa.Column("original", sa.Text, nullable=False),
        key=("rid", "folded", "original"),
        also=("folded", "rid"),
    )
    _index(
        "index_date",
        sa.Column("low", sa.BigInteger, nullable=False),
        sa.Column("high", sa.BigInteger, nullable=False),
        key=("rid", "low", "high"),
        also=("low", "high", "rid"),
    )
    _index(
        "index_number",
        sa.Column("value", sa.Double, nullable=False),
        key=("rid", "value"),
        also=("value", "rid"),
    )
    _index(
        "index_quantity",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("system", sa.Integer, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        key=("rid", "code", "system", "value"),
        also=("value", "rid"),
    )
    _index(
        "index_uri", sa.Column("uri", BINARY_TEXT, nullable=False), key=("rid", "uri"), also=("uri", "rid")
    )

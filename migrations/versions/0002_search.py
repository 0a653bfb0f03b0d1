"""Search: composites, words, rows by resource, and what the index tables are complete for.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BINARY_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("index_token", "code", type_=sa.Text(collation="C"))
    op.create_index("index_token_resource", "index_token", ["locality", "rid", "parameter"])
    op.create_index("index_reference_resource", "index_reference", ["locality", "rid", "parameter"])
    op.create_index("index_date_until", "index_date", ["locality", "parameter", "high", "rid", "low"])
    op.create_index(
        "resource_deleted",
        "resource",
        ["locality", "type", "rid"],
        sqlite_where=sa.text("method = 4"),
        postgresql_where=sa.text("method = 4"),
    )
    op.create_table(
        "index_composite",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("parameter", sa.SmallInteger, nullable=False),
        sa.Column("code", BINARY_TEXT, nullable=False),
        sa.Column("system", sa.Integer, nullable=False),
        sa.Column("text", BINARY_TEXT, nullable=False),
        sa.Column("text_system", sa.Integer, nullable=False),
        sa.Column("low", sa.BigInteger, nullable=False),
        sa.Column("high", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "locality",
            "parameter",
            "code",
            "rid",
            "system",
            "text",
            "text_system",
            "low",
            "high",
            "value",
            name="index_composite_pkey",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "index_composite_value", "index_composite", ["locality", "parameter", "code", "value", "rid"]
    )
    op.create_table(
        "index_text",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("parameter", sa.SmallInteger, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("locality", "parameter", "rid", name="index_text_pkey"),
    )
    _completeness()


def _completeness() -> None:
    """What was indexed by the first program is marked as such; the program knows what of it still holds."""
    op.create_table(
        "indexed_parameter",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="indexed_parameter_pkey"),
    )
    # 3 is the kind of name that search parameters are.
    op.execute("INSERT INTO indexed_parameter (name, digest) SELECT text, '0001' FROM name WHERE kind = 3")
    op.create_table(
        "index_writer",
        sa.Column("definitions", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("definitions", name="index_writer_pkey"),
    )
    op.create_table(
        "reindex_progress",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", "type", name="reindex_progress_pkey"),
    )

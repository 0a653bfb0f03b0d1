"""The outbox: what agencies are told of units, until they acknowledge it.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("agency", sa.Integer, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("rid", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.BigInteger),
        sa.Column("acknowledger", sa.Integer),
        sa.PrimaryKeyConstraint("locality", "id", name="notice_pkey"),
    )
    waiting = sa.text("acknowledged IS NULL")
    op.create_index(
        "notice_waiting",
        "notice",
        ["locality", "agency", "at", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )

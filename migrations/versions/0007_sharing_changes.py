"""How often what is said of who may see a record was changed, by locality: on SQLite triggers count it.

Whoever remembers a decision tells by the count whether it still stands (ADR 0019). PostgreSQL remembers
none, and one row that each unit counts up would make units wait for each other: there it stays empty.

Revision: 0007
"""
# ruff: noqa: S608 - the texts are made of names of our own tables

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sharing_changes",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", name="sharing_changes_pkey"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name != "sqlite":
        return
    for event, rows in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), ("UPDATE", ("OLD", "NEW"))):
        counted = " ".join(
            f"INSERT INTO sharing_changes (locality, number) VALUES ({row}.locality, 1)"
            " ON CONFLICT (locality) DO UPDATE SET number = number + 1;"
            for row in rows
        )
        op.execute(
            f"CREATE TRIGGER index_sharing_{event.lower()} AFTER {event} ON index_sharing BEGIN {counted} END"
        )
    op.execute(
        "INSERT INTO sharing_changes (locality, number) SELECT locality, 1 FROM index_sharing GROUP BY locality"
    )

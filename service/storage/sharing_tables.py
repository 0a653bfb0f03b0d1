"""The table of how often what is said of who may see a record was changed.

Source: ADR 0019
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, SmallInteger, Table

from service.storage.tables import metadata

# On SQLite triggers on `index_sharing` count it, by locality; on PostgreSQL nothing does (migration 0007).
sharing_changes = Table(
    "sharing_changes",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("locality", name="sharing_changes_pkey"),
    sqlite_with_rowid=False,
)

"""The table of what the audit has still to index, beside those of resources and with the same metadata.

Source: ADR 0020
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Table

from service.storage.tables import metadata

# `number` is random; `told` is what `service.storage.audit_due.due` makes.
audit_due = Table(
    "audit_due",
    metadata,
    Column("number", BigInteger, nullable=False, autoincrement=False),
    Column("told", LargeBinary, nullable=False),
    PrimaryKeyConstraint("number", name="audit_due_pkey"),
)

DUE_COLUMNS: Final = tuple(audit_due.c.keys())
"""The columns of the table `audit_due` in order."""

"""Rows of the audit by young person that are still to be made: some seconds later, many at once.

Revision: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_due",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("told", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="audit_due_pkey"),
    )

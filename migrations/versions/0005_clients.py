"""Clients, and what of theirs was used once or called back.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("locality", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("keys", sa.Text),
        sa.Column("jwks_url", sa.Text),
        sa.Column("administrator", sa.Boolean, nullable=False),
        sa.Column("governance", sa.Boolean, nullable=False),
        sa.Column("chooses_ids", sa.Boolean, nullable=False),
        sa.Column("sectors", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="client_pkey"),
    )
    for name in ("used_assertion", "revoked_token"):
        op.create_table(
            name,
            sa.Column("id", sa.LargeBinary, nullable=False),
            sa.Column("expires", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"{name}_pkey"),
        )
        op.create_index(f"{name}_expires", name, ["expires"])

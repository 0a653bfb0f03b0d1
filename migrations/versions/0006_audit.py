"""Audit: every act and not only versions, by young person, and sealed in blocks.

Revision: 0006
"""
# ruff: noqa: S608 - the statements are made of constants alone

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("action", sa.SmallInteger, nullable=False),
        sa.Column("what", sa.Integer, nullable=False),
        sa.Column("client", sa.Integer, nullable=False),
        sa.Column("agency", sa.Integer, nullable=False),
        sa.Column("person", sa.Integer, nullable=False),
        sa.Column("purpose", sa.Integer, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("delay", sa.Integer, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("children", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "at", "serial", name="audit_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_agency", "audit", ["locality", "agency", "at", "serial"])
    op.create_table(
        "audit_child",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("child", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("ground", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", "child", "at", "serial", name="audit_child_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_block",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("low", sa.BigInteger, nullable=False),
        sa.Column("high", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "number", name="audit_block_pkey"),
        sqlite_with_rowid=False,
    )
    _take_over()
    op.drop_table("audit_entry")


def _take_over() -> None:
    """The entries that there were: of versions only, and of whom they were is not known of them.

    A version's serial is its resource's number times 2^20 and its own. Methods are 1 POST, 2 PUT, 3 PATCH
    and 4 DELETE; actions 1 create, 3 update and 4 delete.
    """
    nothing = "''" if op.get_bind().dialect.name == "postgresql" else "x''"
    # How the second and later versions of a PUT are told from the first is by their number.
    action = "CASE WHEN v.method = 4 THEN 4 WHEN a.version = 1 THEN 1 ELSE 3 END"
    for table in ("resource", "resource_version"):
        op.execute(
            "INSERT INTO audit (locality, at, serial, action, what, client, agency, person, purpose, status,"
            " type, id, version, delay, request, address, query, reason, children)"
            f" SELECT a.locality, a.at, a.rid * 1048576 + a.version, {action}, a.interaction, a.client, a.agency,"
            f" 0, 0, CASE WHEN v.method = 4 THEN 204 WHEN a.version = 1 THEN 201 ELSE 200 END,"
            f" v.type, v.id, a.version, 0, a.request, '', '', '', {nothing}"
            f" FROM audit_entry AS a JOIN {table} AS v"
            " ON v.locality = a.locality AND v.rid = a.rid AND v.version = a.version"
        )

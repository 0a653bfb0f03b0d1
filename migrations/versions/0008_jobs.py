"""Jobs, their tasks and their files.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OPEN_JOB = sa.text("state IN ('queued', 'running')")
_OPEN_TASK = sa.text("state = 'open'")
_HELD_TASK = sa.text("holder <> ''")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("caller", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("fault", sa.LargeBinary, nullable=False),
        sa.Column("keep", sa.BigInteger, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("sweeps", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("locality", "id", name="job_pkey"),
    )
    op.create_index("job_client", "job", ["locality", "client", "created", "id"])
    op.create_index("job_open", "job", ["locality", "id"], sqlite_where=_OPEN_JOB, postgresql_where=_OPEN_JOB)
    op.create_index("job_due", "job", ["due"])
    _create_tasks()
    op.create_table(
        "job_file",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("job", sa.LargeBinary, nullable=False),
        sa.Column("task", sa.Integer, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("children", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "job", "task", "ordinal", name="job_file_pkey"),
    )


def _create_tasks() -> None:
    op.create_table(
        "job_task",
        sa.Column("locality", sa.SmallInteger, nullable=False),
        sa.Column("job", sa.LargeBinary, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("waits", sa.SmallInteger, nullable=False),
        sa.Column("what", sa.LargeBinary, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("faults", sa.SmallInteger, nullable=False),
        sa.Column("losses", sa.SmallInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("result", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("locality", "job", "number", name="job_task_pkey"),
    )
    op.create_index(
        "job_task_open",
        "job_task",
        ["locality", "job", "number"],
        sqlite_where=_OPEN_TASK,
        postgresql_where=_OPEN_TASK,
    )
    op.create_index(
        "job_task_held",
        "job_task",
        ["locality", "job"],
        sqlite_where=_HELD_TASK,
        postgresql_where=_HELD_TASK,
    )

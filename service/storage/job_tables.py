"""The tables of jobs, beside those of resources and with the same metadata.

Units: times in milliseconds since 1970 UTC, `keep` milliseconds, `size` bytes.

Source: ADR 0024
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from service.storage.tables import metadata

_OPEN_JOB = text("state IN ('queued', 'running')")
_OPEN_TASK = text("state = 'open'")
_HELD_TASK = text("holder <> ''")

# `id` is random. `keep` is how long its files are kept after its end, `expires` until when; `turn` is when a task of
# it was last claimed; `due` is when something must be done for it next, and `sweeps` how often its files were swept.
job = Table(
    "job",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("caller", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("expires", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("fault", LargeBinary, nullable=False),
    Column("keep", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("sweeps", SmallInteger, nullable=False),
    PrimaryKeyConstraint("locality", "id", name="job_pkey"),
    Index("job_client", "locality", "client", "created", "id"),
    Index("job_open", "locality", "id", sqlite_where=_OPEN_JOB, postgresql_where=_OPEN_JOB),
    Index("job_due", "due"),
)

# `state` is open, done, or dropped where its job ended before it. `attempt` counts the claims, `faults` those that
# failed for reasons of their own, `losses` those that ran out. `holder` has it until `until`; with no holder, nobody
# gets it before that. One that `waits` (1) is for whoever comes when all tasks before it are finished.
job_task = Table(
    "job_task",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("job", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("waits", SmallInteger, nullable=False),
    Column("what", LargeBinary, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("faults", SmallInteger, nullable=False),
    Column("losses", SmallInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("result", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "job", "number", name="job_task_pkey"),
    # Next is the first that is open, and how many are held is asked at each claim: neither may read what is done.
    Index("job_task_open", "locality", "job", "number", sqlite_where=_OPEN_TASK, postgresql_where=_OPEN_TASK),
    Index("job_task_held", "locality", "job", sqlite_where=_HELD_TASK, postgresql_where=_HELD_TASK),
)

job_file = Table(
    "job_file",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("job", LargeBinary, nullable=False),
    Column("task", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("children", LargeBinary, nullable=False),
    PrimaryKeyConstraint("locality", "job", "task", "ordinal", name="job_file_pkey"),
)

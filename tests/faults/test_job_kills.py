"""Jobs are disturbed in every way there is: each ends, every line is there exactly once, and nothing is left behind.

The long run is `python -m benchmarks.job_kills --rounds 300 --kind mixed`.
"""

import asyncio
from collections import Counter

import pytest

from benchmarks.job_kills import run, world
from tests.postgres import PostgresAbsent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "kind", "rounds", "seed", "faults"),
    [
        pytest.param("sqlite", "count", 2, 21, {}, id="sqlite"),
        pytest.param("sqlite", "count", 2, 25, {"together": True}, id="sqlite-on-the-disk-that-is-full"),
        pytest.param("postgresql", "count", 2, 22, {"crashes": True}, id="postgresql"),
        pytest.param("sqlite", "mixed", 2, 23, {}, id="sqlite-exports-and-imports"),
        pytest.param("postgresql", "mixed", 1, 24, {"crashes": True}, id="postgresql-exports-and-imports"),
    ],
)
def test_every_job_ends_and_every_line_is_there_once(database, kind, rounds, seed, faults):
    try:
        with world(database, seed, **faults) as around:
            done = asyncio.run(run(around, rounds, kind, lambda _: None))
    except PostgresAbsent as absent:
        pytest.skip(str(absent))
    assert [fault for one in done for fault in one.faults] == []
    chaos, ended = Counter(), Counter()
    for one in done:
        chaos.update(one.done_to_them)
        ended.update(one.ended)
    assert ended["done"] > 0
    assert chaos["SIGKILL"] + chaos["SIGTERM"] + chaos["SIGSTOP"] >= rounds

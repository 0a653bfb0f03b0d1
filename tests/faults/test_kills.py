"""The server is killed under load: what it acknowledged is there after the restart, and nothing is half.

The long run is `python -m benchmarks.kills --rounds 200`.
"""

import pytest

from benchmarks.durability.rounds import Kills, rounds
from tests.postgres import PostgresAbsent


def kill(kills):
    try:
        return list(rounds(kills))
    except PostgresAbsent as absent:
        pytest.skip(str(absent))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(Kills("sqlite", rounds=3, seed=11), id="sqlite"),
        pytest.param(Kills("postgresql", rounds=2, seed=12), id="postgresql"),
        pytest.param(Kills("postgresql", rounds=1, seed=13, victim="database"), id="postgresql-itself"),
        pytest.param(Kills("postgresql", rounds=1, seed=14, victim="both"), id="both"),
    ],
)
def test_nothing_acknowledged_is_lost_and_nothing_is_half(kills):
    done = kill(kills)
    assert [one.faults for one in done] == [()] * kills.rounds
    assert all(one.acknowledged > 0 for one in done)
    assert all(one.checked for one in done)

"""A small store made as `benchmarks.volume` makes large ones: three clones of five young people."""

import pytest

from benchmarks import population
from benchmarks.volume import build_sqlite

PATIENTS = 5
CLONES = 3


@pytest.fixture(scope="session")
def sessions():
    """What the store holds: with an agency that reads along in every record."""
    return population.read_along(population.sessions(PATIENTS))


@pytest.fixture(scope="session")
def volume(tmp_path_factory, sessions):
    """The file; whoever writes to it makes a copy first."""
    path = tmp_path_factory.mktemp("volume") / "volume.db"
    build_sqlite(path, sessions, CLONES)
    return path

import dataclasses
import time

import pytest

from benchmarks import servers
from benchmarks.importing import Import, NotImported
from benchmarks.target import target

LONG_ENOUGH = 60  # seconds until a few lines are stored on a busy machine


def written(path, count):
    """A file of so many young people of whom nothing is known."""
    path.write_text("".join(f'{{"resourceType":"Patient","id":"{path.stem}-{at}"}}\n' for at in range(count)))
    return path


def until_done(job):
    deadline = time.monotonic() + LONG_ENOUGH
    while job._stored() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.slow
def test_an_import_goes_on_until_the_end_and_must_not_be_done_before(tmp_path):
    long, short = written(tmp_path / "long.ndjson", 30_000), written(tmp_path / "short.ndjson", 3)
    with servers.place("sqlite") as place, servers.running(place, 1, "--sandbox") as server:
        goal = target(server.base_url)
        with Import(goal, long) as job:
            assert job.resources == 0
        assert 0 < job.resources < 30_000
        with pytest.raises(NotImported, match="ended too soon"), Import(goal, short) as job:
            until_done(job)
        with (
            pytest.raises(NotImported, match="404"),
            Import(dataclasses.replace(goal, path="/nowhere"), short),
        ):
            pass

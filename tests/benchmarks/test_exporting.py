import dataclasses
import shutil
import time

import pytest

from benchmarks import servers
from benchmarks.exporting import Exports, NotExported
from benchmarks.target import target

LONG_ENOUGH = 30  # seconds until an export of a small store is finished on a busy machine


@pytest.mark.slow
def test_exports_follow_each_other_until_the_end(tmp_path, volume):
    shutil.copy(volume, tmp_path / "volume.db")
    place = servers.Place(tmp_path, f"sqlite:///{tmp_path / 'volume.db'}", None)
    with servers.running(place, 1, "--sandbox") as server:
        goal = target(server.base_url)
        with Exports(goal) as exports:
            deadline = time.monotonic() + LONG_ENOUGH
            while exports.finished < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
        assert exports.finished >= 2
        assert exports.resources > 1000
        elsewhere = dataclasses.replace(goal, path="/nowhere")
        with pytest.raises(NotExported, match="404"), Exports(elsewhere):
            pass

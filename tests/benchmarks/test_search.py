import json
import shutil

import pytest

from benchmarks.figures import result_from_json
from benchmarks.search import main


@pytest.mark.slow
@pytest.mark.parametrize("access", [(), ("--access",)], ids=["open", "access"])
def test_one_command_serves_the_store_and_prints_and_writes(access, tmp_path, volume, capsys):
    path = tmp_path / "volume.db"
    shutil.copy(volume, path)
    written = tmp_path / "search.json"
    given = ["--file", str(path), "--resources", "1", "--patients", "5", "--workers", "1"]
    given += ["--connections", "2", "--seconds", "0.5", "--warm-up", "0.1"]
    assert main([*given, *access, "--json", str(written)]) == 0
    [one] = [result_from_json(found) for found in json.loads(written.read_text())["results"]]
    assert one.scenario == "search"
    assert one.access == bool(access)
    assert one.requests > 0
    assert "sorted page" in one.by_kind
    assert "sorted page" in capsys.readouterr().out


def test_a_shape_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--file", "x", "--shapes", "token,telepathy"])
    assert end.value.code == 2
    assert "telepathy" in capsys.readouterr().err

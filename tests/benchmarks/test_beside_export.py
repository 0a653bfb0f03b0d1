import json
import shutil

import pytest

from benchmarks.beside_export import ALONE, BESIDE, WORK, Arm, arguments, main, ratio, told
from benchmarks.load import Counts

MILLISECOND = 1_000_000
# Lines that are not imported before the requests end, though these take many times as long on a busy machine.
MORE_THAN_ENOUGH = 300_000


def arm(*rounds: int) -> Arm:
    """Of one answer of each kind in each round, which all took so many milliseconds."""
    found = Arm(exports=2, resources=3_000, seconds=4.0)
    for milliseconds in rounds:
        took = [milliseconds * MILLISECOND]
        found.add(Counts({"read": took, "create": took, "date eq": took, "token": took}))
    return found


def test_all_shapes_of_searches_are_one_kind_of_work():
    one = arm(5, 7)
    assert one.latency("search").requests == 4
    assert one.latency("read").requests == 2
    assert one.latency().requests == 8
    assert (one.latency(number=0).p99, one.latency(number=1).p99) == (5.0, 7.0)
    assert one.as_json()["p99"] == [5.0, 7.0]


def test_the_ratio_is_of_the_p99_of_all_answers():
    arms = {ALONE: arm(4, 10), BESIDE: arm(15)}
    assert ratio(arms) == 1.5
    text = told(arms)
    assert "1.50" in text
    assert "2 exports finished, 3,000 resources in 4 s" in text
    assert "errors: none" in text


def test_errors_are_told_and_added_up():
    one = arm(1)
    for _ in range(2):
        one.add(Counts({"read": [1]}, errors={"read answered 500": 1}))
    assert one.errors == {"read answered 500": 2}
    assert "read answered 500" in told({ALONE: arm(1), BESIDE: one})


def test_connections_do_all_kinds_of_work():
    lanes = arguments().parse_args(["--file", "x"]).connections
    assert {WORK[lane % len(WORK)] for lane in range(lanes)} == {"search", "read", "create"}
    assert WORK.count("search") == len(WORK) / 2


@pytest.mark.slow
def test_one_command_measures_with_and_without_exports(tmp_path, volume, capsys):
    path, written = tmp_path / "volume.db", tmp_path / "beside.json"
    shutil.copy(volume, path)
    given = ["--file", str(path), "--resources", "1", "--patients", "5", "--workers", "1"]
    given += ["--connections", "10", "--rate", "40", "--seconds", "1", "--warm-up", "0.2", "--between", "0"]
    main([*given, "--rounds", "2", "--json", str(written)])  # how it ends depends on how busy the machine is
    found = json.loads(written.read_text())
    assert found["kind"] == "beside-export"
    assert found["arms"]["alone"]["errors"] == found["arms"]["beside"]["errors"] == {}
    assert found["arms"]["alone"]["kinds"].keys() == {"search", "read", "create"}
    assert found["arms"]["alone"]["resources"] == 0
    assert found["arms"]["beside"]["resources"] > 0
    assert len(found["arms"]["beside"]["p99"]) == 2
    assert "round 2: p99 alone" in capsys.readouterr().out


@pytest.mark.slow
def test_it_may_be_an_import_that_runs_beside_them(tmp_path, volume):
    path, written, lines = tmp_path / "volume.db", tmp_path / "beside.json", tmp_path / "people.ndjson"
    shutil.copy(volume, path)
    lines.write_text(
        "".join(f'{{"resourceType":"Patient","id":"p{at}"}}\n' for at in range(MORE_THAN_ENOUGH))
    )
    given = ["--file", str(path), "--importing", str(lines), "--resources", "1", "--patients", "5"]
    given += ["--workers", "1", "--connections", "10", "--rate", "40", "--seconds", "1", "--warm-up", "0.2"]
    assert main([*given, "--between", "0", "--rounds", "1", "--json", str(written)]) == 0
    found = json.loads(written.read_text())
    assert found["kind"] == "beside-import"
    assert found["arms"]["alone"]["resources"] == 0
    assert 0 < found["arms"]["beside"]["resources"] < MORE_THAN_ENOUGH

import json
import shutil

import pytest

from benchmarks.cost import ACCESS, BEFORE, OPEN, kept, main, printed
from benchmarks.servers import ROOT


def arm(*per_second, cpu=(None,)):
    return {"per_second": per_second, "p99": [5.0], "server_cpu": cpu, "database_cpu": [None], "errors": 0}


def test_each_round_is_compared_with_itself():
    arms = {OPEN: arm(900, 1800), BEFORE: arm(1000, 2000), ACCESS: arm(800, 1700)}
    assert kept(arms) == (BEFORE, [0.8, 0.85])


def test_without_an_older_checkout_it_is_compared_with_the_sandbox():
    assert kept({OPEN: arm(1000), ACCESS: arm(900)}) == (OPEN, [0.9])


def test_medians_are_printed_with_how_far_the_rounds_lie_apart():
    arms = {OPEN: arm(1000, 1000, 1000), ACCESS: arm(800, 900, 950, cpu=(100.0, 120.0, 110.0))}
    text = printed({"scenario": "crud", "database": "sqlite", "arms": arms})
    assert "90.0% of the rate of «sandbox» is left (median of 3 rounds, 80.0% to 95.0%)" in text
    [row] = [line for line in text.splitlines() if line.startswith("access")]
    assert row.split() == ["access", "900", "5.00", "110", "-", "0"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["search"], "--store"),
        (["search", "--store", "x", "--before", "."], "--before-store"),
        (["telepathy"], "telepathy"),
        (["crud", "--seconds", "0"], "out of bounds"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_two(given, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(given)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


SHORT = ["--rounds", "2", "--seconds", "0.3", "--warm-up", "0.1", "--connections", "2", "--workers", "1"]


@pytest.mark.slow
def test_all_arms_take_turns_and_make_no_errors(tmp_path, capsys):
    written = tmp_path / "cost.json"
    assert main(["crud", *SHORT, "--before", str(ROOT), "--json", str(written)]) == 0
    found = json.loads(written.read_text())
    assert list(found["arms"]) == [BEFORE, OPEN, ACCESS]
    for one in found["arms"].values():
        assert len(one["per_second"]) == len(one["p99"]) == 2
        assert min(one["per_second"]) > 0
    turns = [line.split()[2] for line in capsys.readouterr().out.splitlines() if line.startswith("round ")]
    assert turns == [BEFORE, OPEN, ACCESS, OPEN, ACCESS, BEFORE]


@pytest.mark.slow
def test_an_agency_finds_in_the_store_what_the_sandbox_finds(tmp_path, volume):
    """The mix takes an answer that lacks what is there for an error, so that this shows that the circle lets through."""
    path = tmp_path / "volume.db"
    shutil.copy(volume, path)
    written = tmp_path / "cost.json"
    given = ["search", "--store", str(path), "--resources", "1", "--patients", "5", *SHORT]
    assert main([*given, "--json", str(written)]) == 0
    found = json.loads(written.read_text())
    assert list(found["arms"]) == [OPEN, ACCESS]

import json

import pytest

from benchmarks import kills
from benchmarks.durability.rounds import Round, total


def a_round(number, *faults, restart=0.5):
    return Round(number, 100, 8, 3, restart, 1.0, True, faults)


def test_the_total_sums_rounds_and_orders_restarts():
    done = [a_round(0, restart=0.9), a_round(1, "lost"), a_round(2, restart=0.7)]
    assert total(done) == {
        "rounds": 3,
        "acknowledged": 300,
        "open": 24,
        "open_and_stored": 9,
        "faults": 1,
        "restart_p50": 0.7,
        "restart_max": 0.9,
    }


def test_a_round_is_told_with_its_faults():
    lines = kills.told(a_round(0, "Goal/1 is gone", "half a transaction")).splitlines()
    assert lines[0].startswith("round 1: 100 acknowledged, 8 open of which 3 stored, ready after 0.50 s")
    assert lines[1:] == ["  FAULT Goal/1 is gone", "  FAULT half a transaction"]


@pytest.mark.parametrize(("faults", "status"), [((), 0), (("Goal/1 is gone",), 1)])
def test_the_status_says_whether_anything_was_lost(faults, status, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(kills, "rounds", lambda _: iter([a_round(0), a_round(1, *faults)]))
    path = tmp_path / "kills.json"
    assert kills.main(["--rounds", "2", "--json", str(path)]) == status
    document = json.loads(path.read_text())
    assert (document["kind"], document["database"], document["faults"]) == ("kills", "sqlite", len(faults))
    assert "acknowledged 200" in capsys.readouterr().out


def test_sqlite_has_no_process_to_kill():
    with pytest.raises(SystemExit):
        kills.main(["--database", "sqlite", "--victim", "database"])

import pytest

from benchmarks import power_loss
from benchmarks.durability.forgetting import Unrecorded
from benchmarks.durability.outages import Outage


def an_outage(number, *faults):
    return Outage(number, "some", 1_000, 3 * 1024 * 1024, 20 + number, 1_600, faults)


def test_an_outage_is_told_with_its_faults():
    lines = power_loss.told(an_outage(0, "Goal/1 is not there")).splitlines()
    assert lines == [
        (
            "outage 1 after 1000 events: 3.0 MiB not synced, of which the disk has some; "
            "20 writes acknowledged, 1600 lines stored"
        ),
        "  FAULT Goal/1 is not there",
    ]


@pytest.mark.parametrize(("faults", "status"), [((), 0), (("Goal/1 is not there",), 1)])
def test_the_status_says_whether_anything_was_lost(faults, status, monkeypatch, capsys):
    monkeypatch.setattr(power_loss, "outages", lambda *_, **__: iter([an_outage(0), an_outage(1, *faults)]))
    assert power_loss.main(["--outages", "2"]) == status
    assert f"2 outages, {len(faults)} faults" in capsys.readouterr().out


def test_a_recording_that_is_not_whole_counts_for_nothing(monkeypatch, capsys):
    def broken(*_, **__):
        raise Unrecorded("a file was written to")
        yield

    monkeypatch.setattr(power_loss, "outages", broken)
    assert power_loss.main([]) == 2
    assert "a file was written to" in capsys.readouterr().out

from __future__ import annotations

import pytest

from benchmarks import paths


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(paths, "BATCHES", 1)
    monkeypatch.setattr(paths, "CALLS", 1)


def test_every_expression_is_measured(few, capsys):
    paths.main()
    printed = capsys.readouterr().out
    for _, expression in paths.SEARCH:
        assert expression in printed
    for key in ("obs-6", "obs-7", "ele-1", "dom-3", "per-1", "qty-3", "gol-1"):
        assert f"\n{key} on " in printed


def test_every_invariant_holds_of_what_it_is_measured_on(few, capsys):
    paths.main()
    invariants = capsys.readouterr().out.partition("invariants")[2].splitlines()[1:]
    assert [line.split()[-1] for line in invariants if " on " in line] == ["True"] * len(paths.INVARIANTS)

import json

import pytest

from benchmarks.imports import TOLD, Run, main


def test_what_the_command_says_is_understood():
    said = "5 resources are new, 1 changed, 2 were there; 1 line was refused.\n"
    assert TOLD.search(said).groups() == ("5", "1", "2", "1")


def test_rates_are_of_all_lines():
    run = Run(60, 30, 10, 2.0, 0.5, 0.0)
    assert run.per_second == 50
    assert run.microseconds == 5_000


@pytest.mark.slow
def test_one_command_imports_a_cohort_twice(tmp_path, capsys):
    written = tmp_path / "imports.json"
    assert main(["--patients", "10", "--workers", "2", "--json", str(written)]) == 0
    told = json.loads(written.read_text())
    new, again = told["runs"]
    assert new["new"] == again["there"] > 500
    assert (new["refused"], again["refused"], again["new"]) == (0, 0, 0)
    assert "faults" not in capsys.readouterr().out

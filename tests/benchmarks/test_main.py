import json

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import result_from_json


def test_one_command_loads_prints_and_writes(tmp_path, capsys):
    path = tmp_path / "results.json"
    given = ["all", "--serve", "bare", "--seconds", "0.2", "--warm-up", "0.1", "--connections", "2"]
    assert main([*given, "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    results = [result_from_json(one) for one in json.loads(path.read_text())["results"]]
    assert [one.scenario for one in results] == ["read", "create", "transaction", "crud"]
    for one in results:
        assert one.requests > 0
        assert one.memory.processes == 1
        assert one.server_cpu is not None
        assert one.scenario in printed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["crud", "--base-url", "http://fhir.example/fhir"], "only loopback addresses"),
        (["crud", "--base-url", "http://127.0.0.1:1/fhir"], ""),
        (["crud", "--serve", "bare", "--seconds", "0"], "out of bounds"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_two(given, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(given)
    assert end.value.code == 2
    assert said in capsys.readouterr().err

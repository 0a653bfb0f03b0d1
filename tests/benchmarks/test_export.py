import json
import os

import pytest

from benchmarks.export import Result, main, peak, processor, shown
from service.fhir import codec
from service.sandbox.cohort import cohort
from tests.rest.serving import command


def test_a_line_tells_how_fast_and_how_large():
    result = Result("sqlite", 2, 1, "", 3_000, 4, 5, 2.0, 0.125, 150, 1.5)
    assert result.per_second == 1_500
    assert shown(result) == (
        "sqlite, 2 x 1 tasks, administrator: 3,000 resources, 4 MB in 5 files, 2.0 s: 1,500 a second;"
        " first file after 0.125 s; 150 MiB; processor 1.5 s"
    )


def test_a_process_tells_what_it_had():
    assert peak(os.getpid()) > 10
    assert processor(os.getpid()) > 0


@pytest.mark.slow
def test_workers_export_a_store(tmp_path, capsys):
    path, lines = tmp_path / "thrive.db", tmp_path / "cohort.ndjson"
    resources = [each for batch in cohort(3, 1) for each in batch]
    lines.write_bytes(b"".join(codec.encode(each) + b"\n" for each in resources))
    url = f"sqlite:///{path}"
    command("migrate", database_url=url)
    command("import", str(lines), database_url=url, FILES_URL=str(tmp_path / "files"))
    written = tmp_path / "export.json"
    assert main(["--file", str(path), "--rounds", "1", "--json", str(written)]) == 0
    [told] = json.loads(written.read_text())
    assert told["resources"] > len(resources)  # with what the service itself has published
    assert 0 < told["first"] <= told["seconds"]
    assert "first file after" in capsys.readouterr().out

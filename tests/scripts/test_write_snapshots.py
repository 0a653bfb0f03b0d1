from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from scripts import write_snapshots
from scripts.write_snapshots import FOLDER, run, stale
from service.fhir import codec
from service.fhir.conformance.trees import grown

ADDRESS = "http://example.org/StructureDefinition/"


def profile(id_, base, *elements):
    return {
        "resourceType": "StructureDefinition",
        "id": id_,
        "url": ADDRESS + id_,
        "name": "Profile",
        "type": "Observation",
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {"element": [{"id": "Observation", "path": "Observation"}, *elements]},
    }


SCORE = profile(
    "score",
    "http://hl7.org/fhir/StructureDefinition/Observation",
    {
        "id": "Observation.value[x]",
        "path": "Observation.value[x]",
        "type": [{"code": "Quantity"}],
        "maxValueQuantity": {"value": Decimal("10.0")},
    },
)
# Its name comes before its base's.
GOAL_SCORE = profile(
    "goal-score", SCORE["url"], {"id": "Observation.focus", "path": "Observation.focus", "min": 1}
)


@pytest.fixture
def folder(tmp_path):
    for one in (SCORE, GOAL_SCORE):
        (tmp_path / f"{one['id']}.json").write_bytes(codec.encode(one))
    return tmp_path


def asked(folder, *switches):
    return run(["--folder", str(folder), *switches])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def snapshot(folder, id_):
    elements = codec.decode((folder / f"{id_}.json").read_bytes())["snapshot"]["element"]
    return {element["id"]: element for element in elements}


def test_our_own_files_are_as_they_should_be():
    assert [path.name for path in stale(FOLDER)] == [], "run `make snapshots`"


def test_every_snapshot_of_ours_can_be_read_by_who_compiles_it():
    files = {path: path.read_bytes() for path in sorted(FOLDER.glob("*.json"))} | stale(FOLDER)
    assert files
    for content in files.values():
        structure = codec.decode(content)
        assert grown(structure["snapshot"]["element"]).name == structure["type"]


def test_a_snapshot_is_written_whatever_the_order(folder, capsys):
    assert asked(folder) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("goal-score.json: ")
    assert snapshot(folder, "goal-score")["Observation.focus"]["min"] == 1
    assert snapshot(folder, "goal-score")["Observation.value[x]"]["type"] == [{"code": "Quantity"}]
    assert snapshot(folder, "score")["Observation.focus"]["min"] == 0


def test_what_was_written_is_written_no_more(folder, capsys):
    asked(folder)
    before = contents(folder)
    capsys.readouterr()
    assert asked(folder) == 0
    assert (contents(folder), capsys.readouterr().out) == (before, "")


def test_a_snapshot_that_is_out_of_date_does_not_matter(folder):
    asked(folder)
    before = contents(folder)
    path = folder / "score.json"
    path.write_bytes(path.read_bytes().replace(b'"min": 1', b'"min": 7'))
    asked(folder)
    assert contents(folder) == before


def test_the_differential_is_spread_out_and_the_snapshot_has_an_element_a_line(folder):
    asked(folder)
    lines = (folder / "score.json").read_text().splitlines()
    assert lines[1] == '  "resourceType": "StructureDefinition",'
    assert '          "path": "Observation.value[x]",' not in lines
    assert '        "path": "Observation.value[x]",' in lines
    start = lines.index('  "snapshot": {')
    assert lines[start + 1] == '    "element": ['
    elements = [json.loads(line.removesuffix(",")) for line in lines[start + 2 : -3]]
    assert [element["id"] for element in elements] == list(snapshot(folder, "score"))
    assert lines[-3:] == ["    ]", "  }", "}"]


def test_decimals_keep_their_digits(folder):
    asked(folder)
    text = (folder / "goal-score.json").read_text()
    assert '"maxValueQuantity": {"value": 10.0}' in text


def test_a_check_names_what_would_change_and_changes_nothing(folder, capsys):
    before = contents(folder)
    assert asked(folder, "--check") == 1
    assert capsys.readouterr().out.splitlines() == [
        "goal-score.json: is not up to date",
        "score.json: is not up to date",
    ]
    assert contents(folder) == before
    asked(folder)
    assert asked(folder, "--check") == 0


def test_a_differential_that_does_not_fit_is_told_and_nothing_is_written(folder, capsys):
    misfit = profile("misfit", SCORE["url"], {"id": "Observation.points", "path": "Observation.points"})
    (folder / "misfit.json").write_bytes(codec.encode(misfit))
    before = contents(folder)
    assert asked(folder) == 1
    assert capsys.readouterr().out.startswith("Observation.points is not an element of its base")
    assert contents(folder) == before


def test_an_address_with_a_version_is_told(folder, capsys):
    (folder / "versioned.json").write_bytes(codec.encode(profile("versioned|1", SCORE["url"])))
    assert asked(folder) == 1
    assert capsys.readouterr().out == f"{ADDRESS}versioned|1 is the address of nothing that is kept.\n"


def test_it_runs_as_a_script(folder):
    script = Path(write_snapshots.__file__)
    command = [sys.executable, str(script), "--check", "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")

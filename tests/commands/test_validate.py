"""`thrive-fhir validate` as somebody types it.

Source: docs/commands.md
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc

import pytest
from click.testing import CliRunner

from service import cli
from service.fhir import artefacts, codec
from service.sandbox.cohort import cohort
from tests.rest.asking import patient
from tests.rest.serving import ROOT

EXAMPLES = artefacts.shipped() / "examples"
PROFILE = "https://thrive-fhir.example/StructureDefinition"
UNSOUND = patient(id="p2", gender="purple", birthDate="tomorrow")


def run(*arguments):
    return CliRunner().invoke(cli.main, ["validate", *map(str, arguments)])


def lines(*resources):
    return "".join(json.dumps(each) + "\n" for each in resources)


@pytest.fixture
def mixed(tmp_path):
    file = tmp_path / "mixed.ndjson"
    file.write_text(lines(patient(id="p1"), UNSOUND, patient(id="p3")))
    return file


def test_valid_files_end_with_code_0(tmp_path):
    file = tmp_path / "one.json"
    file.write_text(json.dumps(patient(), indent=2))
    done = run(file)
    assert (done.exit_code, done.stdout) == (
        0,
        "1 resource in 1 file: 1 valid, 0 with faults; 0 faults, 0 warnings.\n",
    )


def test_faults_are_told_one_a_line_with_their_place_and_end_with_code_1(mixed):
    done = run(mixed)
    first, second, summary = done.stdout.splitlines()
    assert first.startswith(f"{mixed}:2 Patient/p2 error code-not-in-value-set Patient.gender: ")
    assert second.startswith(f"{mixed}:2 Patient/p2 error value-malformed Patient.birthDate: ")
    assert summary == "3 resources in 1 file: 2 valid, 1 with faults; 2 faults, 0 warnings."
    assert done.exit_code == 1
    assert "purple" not in done.output


def test_as_json_there_is_an_object_a_line_and_the_summary_is_beside_them(mixed):
    done = run("--format", "json", mixed)
    first, _ = map(json.loads, done.stdout.splitlines())
    assert first.pop("text").endswith(".")
    assert first == {
        "file": str(mixed),
        "line": 2,
        "type": "Patient",
        "id": "p2",
        "severity": "error",
        "code": "code-invalid",
        "slug": "code-not-in-value-set",
        "expression": "Patient.gender",
    }
    assert "3 resources in 1 file" in done.stderr


def test_gzip_and_standard_input(mixed, tmp_path):
    packed = tmp_path / "packed.ndjson.gz"
    packed.write_bytes(gzip.compress(mixed.read_bytes()))
    expected = run(mixed).stdout.replace(str(mixed), "")
    assert run(packed).stdout.replace(str(packed), "") == expected
    for given in (mixed.read_bytes(), packed.read_bytes()):
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "validate", "-"],
            cwd=ROOT,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.stdout.decode().replace("standard input", "") == expected
        assert done.returncode == 1


def test_what_cannot_be_read_ends_with_code_2_and_the_rest_is_still_checked(mixed, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    done = run(broken, tmp_path / "none.json", tmp_path, mixed)
    told = done.stdout.splitlines()
    assert told[0].startswith(f"{broken}:1 fatal json-malformed: ") or told[0].startswith(
        f"{broken}:1 error json-malformed: "
    )
    assert (
        told[1]
        == f"{tmp_path / 'none.json'} fatal file-missing: It cannot be opened: No such file or directory."
    )
    assert told[2].startswith(f"{tmp_path} fatal file-missing")
    assert (
        told[-1]
        == "3 resources in 4 files: 2 valid, 1 with faults; 2 faults, 0 warnings; 3 places that cannot be read."
    )
    assert done.exit_code == 2


def test_in_a_bundle_the_fault_is_of_the_entry(tmp_path):
    file = tmp_path / "bundle.json"
    entries = [
        {"fullUrl": f"http://x/Patient/{each['id']}", "resource": each}
        for each in (patient(id="p1"), UNSOUND)
    ]
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    done = run(file)
    assert f"{file}:1 Patient/p2 error code-not-in-value-set Bundle.entry[1].resource.gender: " in done.stdout
    assert done.exit_code == 1


def test_our_examples_are_valid_and_the_invalid_ones_are_not():
    valid = sorted((EXAMPLES / "valid").glob("*.json"))
    done = run(*valid)
    assert f"{len(valid)} resources in {len(valid)} files: {len(valid)} valid" in done.stdout
    assert run(next((EXAMPLES / "invalid").glob("gbo-score-*.json"))).exit_code == 1


def test_a_profile_can_be_asked_for(tmp_path):
    file = tmp_path / "goal.json"
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "x"},
        "subject": {"reference": "Patient/p1"},
    }
    file.write_text(json.dumps(goal))
    assert run(file).exit_code == 0
    assert run("--profile", f"{PROFILE}/gbo-goal", file).exit_code == 1


def test_a_profile_that_is_not_here_is_typed_wrongly(mixed):
    done = run("--profile", "https://elsewhere.example/p", mixed)
    assert done.exit_code == 2
    assert "There is no profile https://elsewhere.example/p" in done.stderr


def test_without_a_file_it_is_typed_wrongly():
    assert run().exit_code == 2


def test_long_work_shows_that_it_goes_on(tmp_path):
    file = tmp_path / "long.ndjson"
    file.write_text(
        lines(*(patient(id=f"p{number}", implicitRules="urn:" + "x" * 1000) for number in range(1200)))
    )
    done = run(file)
    assert done.exit_code == 0
    assert "Validating: 50 %" in done.stderr
    assert "Validating: 100 %" in done.stderr


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(count):
        file = tmp_path / f"{count}.ndjson"
        line = json.dumps(patient(implicitRules="urn:" + "x" * 10_000)) + "\n"
        file.write_text(line * count)
        tracemalloc.start()
        assert run(file).exit_code == 0
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(1)  # what is loaded once is not the file's
    assert peak(1000) - peak(10) < 2_000_000  # the file has 10 MB


def test_the_sandbox_is_valid(tmp_path):
    file = tmp_path / "cohort.ndjson"
    file.write_bytes(b"".join(codec.encode(each) + b"\n" for batch in cohort(2, 1) for each in batch))
    assert run(file).exit_code == 0

"""`thrive-fhir package` as somebody types it.

Source: docs/commands.md, https://hl7.org/fhir/packages.html
"""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from click.testing import CliRunner

from service import cli
from service.fhir import artefacts
from service.fhir.guide import KINDS, Guide
from service.storage.packages import folders
from tests.conftest import SHARED
from tests.rest.asking import patient

UK_CORE = SHARED / "suites" / "ukcore" / "json"
UK_PATIENT = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"
OTHER = "https://elsewhere.example/StructureDefinition"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of added packages."""
    monkeypatch.setenv("THRIVE_PACKAGES", str(tmp_path / "packages"))
    return tmp_path / "packages"


def run(*arguments):
    return CliRunner().invoke(cli.main, list(map(str, arguments)))


def packed(file, *resources, name="elsewhere.guide", version="1.0.0", **said):
    with tarfile.open(file, "w:gz") as archive:
        contents = {"package.json": {"name": name, "version": version, "fhirVersions": ["4.0.1"], **said}}
        contents |= {f"{number}.json": each for number, each in enumerate(resources)}
        for path, content in contents.items():
            raw = json.dumps(content).encode()
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return file


def profile(name, base="http://hl7.org/fhir/StructureDefinition/Patient"):
    named = {"id": "Patient.name", "path": "Patient.name", "min": 1}
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": f"{OTHER}/{name}",
        "name": name,
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, named]},
    }


def test_build_writes_the_same_package_every_time(tmp_path):
    for folder in ("one", "two"):
        done = run("package", "build", "--output", tmp_path / folder)
        assert done.exit_code == 0
    [one], [two] = ((tmp_path / folder).iterdir() for folder in ("one", "two"))
    assert one.name == two.name == "thrive-fhir.r4-0.1.0.tgz"
    assert one.read_bytes() == two.read_bytes()
    assert f"{two}: {two.stat().st_size} bytes." in done.stdout


def test_the_package_has_our_examples_of_what_is_valid_and_no_others(tmp_path):
    run("package", "build", "--output", tmp_path)
    with tarfile.open(tmp_path / "thrive-fhir.r4-0.1.0.tgz") as archive:
        names = [name for name in archive.getnames() if name.startswith("package/example/")]
    shipped = list((artefacts.shipped() / "examples" / "valid").glob("*.json"))
    assert len(names) == len(shipped) + 1  # and the index
    assert "package/example/Observation-example-gbo-score.json" in names


def test_what_was_built_can_be_added_elsewhere_and_is_the_same_guide(tmp_path, root, guide):
    run("package", "build", "--output", tmp_path)
    done = run("package", "add", tmp_path / "thrive-fhir.r4-0.1.0.tgz")
    assert done.exit_code == 0, done.output
    assert f"{len(guide.all('StructureDefinition'))} StructureDefinition" in done.stdout
    back = Guide(each for folder in folders(root) for each in artefacts.read(folder))
    assert {kind: dict(back.all(kind)) for kind in KINDS} == {kind: dict(guide.all(kind)) for kind in KINDS}


def test_what_was_added_holds_from_the_next_start_on(tmp_path, root):
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(patient(meta={"profile": [f"{OTHER}/named"]})))
    before = run("validate", file)
    assert "warning profile-unknown" in before.stdout
    assert run("package", "add", packed(tmp_path / "p.tgz", profile("named"))).exit_code == 0
    after = run("validate", file)
    assert "error profile-element-missing Patient.name" in after.stdout
    assert after.exit_code == 1


def test_list_says_what_was_added_and_what_it_lacks(tmp_path, root):
    assert run("package", "list").stdout == "No package was added.\n"
    needs = {"dependencies": {"hl7.fhir.r4.core": "4.0.1", "elsewhere.base": "2.0.0"}}
    added = run(
        "package", "add", packed(tmp_path / "p.tgz", profile("a"), {"resourceType": "Patient"}, **needs)
    )
    lacks = "It builds on elsewhere.base 2.0.0, which was not added."
    assert added.stdout.splitlines() == [
        "elsewhere.guide 1.0.0: 1 StructureDefinition.",
        "1 resources of other kinds were left out.",
        lacks,
    ]
    assert run("package", "list").stdout == f"elsewhere.guide 1.0.0: 1 StructureDefinition.\n  {lacks}\n"
    run("package", "add", packed(tmp_path / "b.tgz", profile("b"), name="elsewhere.base", version="2.0.0"))
    assert "builds on" not in run("package", "list").stdout


def test_a_profile_builds_on_that_of_another_package(tmp_path, root):
    derived = packed(
        tmp_path / "d.tgz", profile("derived", f"{OTHER}/a"), dependencies={"elsewhere.base": "1.0.0"}
    )
    refused = run("package", "add", derived)
    assert refused.exit_code == 1
    assert "elsewhere.base 1.0.0, which was not added" in refused.stderr
    run("package", "add", packed(tmp_path / "b.tgz", profile("a"), name="elsewhere.base"))
    assert run("package", "add", derived).exit_code == 0


def test_where_one_profile_cannot_be_used_nothing_is_added_and_it_is_named(tmp_path, root):
    broken = profile("broken", base=f"{OTHER}/nowhere")
    done = run("package", "add", packed(tmp_path / "p.tgz", profile("fine"), broken))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: Nothing was added.\n")
    assert f"{OTHER}/broken" in done.stderr
    assert f"{OTHER}/fine" not in done.stderr
    assert not root.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"no archive", "gzip"), (None, "There is nothing in it")],
)
def test_an_archive_that_is_none_is_refused(tmp_path, root, content, told):
    file = tmp_path / "p.tgz"
    if content is None:
        packed(file, {"resourceType": "Patient"})
    else:
        file.write_bytes(content)
    done = run("package", "add", file)
    assert done.exit_code == 1
    assert told in done.stderr
    assert not root.exists()


def test_a_file_that_is_not_there_is_typed_wrongly(root, tmp_path):
    assert run("package", "add", tmp_path / "none.tgz").exit_code == 2


@pytest.mark.skipif(not UK_CORE.is_dir(), reason="UK Core lies in ../shared/suites, which is not here")
def test_uk_core_can_be_added_and_holds_who_claims_it(tmp_path, root):
    held = [json.loads(path.read_bytes()) for path in sorted(UK_CORE.glob("*.json"))]
    done = run(
        "package", "add", packed(tmp_path / "uk.tgz", *held, name="fhir.r4.ukcore.stu2", version="2.0.0")
    )
    assert done.exit_code == 0, done.stderr
    file = tmp_path / "patient.json"
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    file.write_text(json.dumps(patient(meta={"profile": [UK_PATIENT]}, identifier=[number])))
    assert run("validate", file).exit_code == 0
    del number["value"]
    file.write_text(json.dumps(patient(meta={"profile": [UK_PATIENT]}, identifier=[number])))
    done = run("validate", file)
    assert "error profile-element-missing Patient.identifier[0].value" in done.stdout
    assert done.exit_code == 1

"""FHIR packages as bytes: what is written, what is read back, and what is refused.

Source: https://hl7.org/fhir/packages.html
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from service.fhir import artefacts, codec, packages
from service.fhir.packages import Dependency, PackageRefused, manifest, read, write

EXAMPLE = {"resourceType": "Patient", "id": "somebody"}
SET = {
    "resourceType": "ValueSet",
    "id": "s",
    "url": "https://elsewhere.example/ValueSet/s",
    "status": "draft",
}
SAID = {"name": "elsewhere.guide", "version": "1.0.0", "fhirVersions": ["4.0.1"]}


def member(name, **changes):
    made = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def packed(files=(), *members, said=SAID):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        contents = {} if said is None else {"package/package.json": json.dumps(said)}
        for name, content in {**contents, **dict(files)}.items():
            encoded = content if isinstance(content, bytes) else content.encode()
            archive.addfile(member(name, size=len(encoded)), io.BytesIO(encoded))
        for each in members:
            archive.addfile(each, io.BytesIO(bytes(each.size)) if each.isreg() else None)
    # With a time of its own, two processes would name the same test in two ways.
    return gzip.compress(raw.getvalue(), mtime=0)


def taken(raw):
    return read(io.BytesIO(raw))


def sentences(raw):
    with pytest.raises(PackageRefused) as caught:
        taken(raw)
    return caught.value.sentences


def names(raw):
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        return archive.getnames()


def test_our_guide_comes_back_as_it_was(guide):
    back = taken(write(manifest("1.2.3"), guide, [EXAMPLE]))
    assert (back.name, back.version, back.dependencies) == (packages.NAME, "1.2.3", ())
    assert {each["url"]: each for each in back.artefacts} == {each["url"]: each for each in guide}
    assert len(list(guide)) > 50


def test_the_same_contents_are_the_same_bytes(guide):
    again = artefacts.load()
    assert write(manifest("1"), guide, [EXAMPLE]) == write(manifest("1"), again, [EXAMPLE])


def test_the_archive_has_the_layout_of_packages(guide):
    raw = write(manifest("1"), guide, [EXAMPLE])
    found = names(raw)
    assert found[:2] == ["package/package.json", "package/.index.json"]
    assert found[-2:] == ["package/example/.index.json", "package/example/Patient-somebody.json"]
    assert found[2:-2] == sorted(found[2:-2])
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        assert {(each.mtime, each.uid, each.uname, each.mode) for each in archive} == {(0, 0, "", 0o644)}
        index = json.load(archive.extractfile("package/.index.json"))
    assert index["index-version"] == 2
    assert [f"package/{each['filename']}" for each in index["files"]] == found[2:-2]
    goal = next(each for each in index["files"] if each["id"] == "thrive-goal")
    assert (goal["resourceType"], goal["type"], goal["kind"]) == ("StructureDefinition", "Goal", "resource")
    assert goal["url"] == "https://thrive-fhir.example/StructureDefinition/thrive-goal"


def test_the_manifest_says_what_registries_ask_for():
    said = manifest("0.1.0")
    assert {"name", "version", "description", "author", "license", "canonical", "dependencies"} <= said.keys()
    assert said["fhirVersions"] == ["4.0.1"]
    packages.require_manifest(said)


def test_other_peoples_packages():
    said = {**SAID, "dependencies": {"hl7.fhir.r4.core": "4.0.1", "elsewhere.base": "2.x"}}
    files = {
        "package/ValueSet-s.json": json.dumps(SET),
        "package/ImplementationGuide-i.json": '{"resourceType": "ImplementationGuide", "id": "i"}',
        "package/example/Patient-p.json": "not looked at",
        "package/other/notes.txt": "not looked at",
        "package/.index.json": "not looked at",
        "README.md": "not looked at",
    }
    package = taken(packed(files, said=said))
    assert package.artefacts == (SET,)
    assert package.left_out == 1
    assert package.dependencies == (Dependency("elsewhere.base", "2.x"),)


def test_paths_may_begin_with_a_dot_and_numbers_keep_their_digits():
    raw = packed(
        {
            "./package/package.json": json.dumps(SAID),
            "./package/a.json": '{"resourceType": "CodeSystem", "url": "urn:x", "y": 7.10}',
        },
        said=None,
    )
    assert codec.encode(taken(raw).artefacts[0]).endswith(b'"y":7.10}')


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({**SAID, "name": "../up"}, "The name"),
        ({**SAID, "name": "UPPER.case"}, "The name"),
        ({**SAID, "name": "single"}, "The name"),
        ({**SAID, "name": "a." + "b" * 127}, "The name"),
        ({**SAID, "name": None}, "The name"),
        ({**SAID, "version": "1/2"}, "The version"),
        ({**SAID, "version": 1}, "The version"),
        ({**SAID, "fhirVersions": ["5.0.0"]}, "not one of FHIR R4"),
        ({**SAID, "fhirVersions": []}, "not one of FHIR R4"),
    ],
)
def test_a_manifest_that_is_none(said, told):
    (sentence,) = sentences(packed(said=said))
    assert told in sentence


def test_everything_wrong_with_a_manifest_is_told():
    assert len(sentences(packed(said={}))) == 3


def test_an_older_manifest_names_the_version_otherwise():
    assert taken(
        packed(said={"name": "hl7.fhir.r4.core", "version": "4.0.1", "fhir-version-list": ["4.0.1"]})
    ).name


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "tar"),
        (b"PK\x03\x04 is a zip", "gzip"),
        (gzip.compress(b"is no tar", mtime=0), "tar"),
        (packed()[:-20], "gzip"),
        (packed(said=None), "package.json"),
        (packed({"package/a.json": "{"}), "package/a.json cannot be read"),
        (packed({"package/a.json": "[]"}), "package/a.json cannot be read"),
        (packed({"package/a.json": b'{"a": "\xff"}'}), "package/a.json cannot be read"),
        (packed({"package/../../up.json": "{}"}), "leads out"),
        (packed({"/package/root.json": "{}"}), "leads out"),
        (packed({"package/a\\b.json": "{}"}), "leads out"),
        (packed({"elsewhere/..": "{}"}), "leads out"),
        (
            packed({}, member("package/link.json", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
            "neither a file",
        ),
        (
            packed({}, member("package/link.json", type=tarfile.LNKTYPE, linkname="package/a.json")),
            "neither a file",
        ),
        (packed({}, member("package/pipe", type=tarfile.FIFOTYPE)), "neither a file"),
        (packed({"package/a.json": "{}"}, member("package/a.json", size=2)), "one path"),
    ],
)
def test_an_archive_that_is_broken_or_unsafe(raw, told):
    (sentence,) = sentences(raw)
    assert told in sentence


def test_a_broken_header_is_not_the_end(guide):
    whole = gzip.decompress(packed({"package/a.json": json.dumps(SET), "package/b.json": "{}"}))
    second = whole.index(b"package/b.json")
    broken = whole[:second] + b"X" + whole[second + 1 :]
    (sentence,) = sentences(gzip.compress(broken))
    assert "tar" in sentence


def test_an_archive_that_unpacks_without_end(monkeypatch):
    monkeypatch.setattr(packages, "MOST_UNPACKED", 1_000_000)
    monkeypatch.setattr(packages, "LARGEST_FILE", 10_000_000)
    (sentence,) = sentences(packed({}, member("package/zeros", size=2_000_000)))
    assert "unpacks to more" in sentence


def test_a_file_that_is_too_large(monkeypatch):
    monkeypatch.setattr(packages, "LARGEST_FILE", 1000)
    (sentence,) = sentences(packed({}, member("package/zeros", size=1001)))
    assert "larger" in sentence


def test_too_many_files(monkeypatch):
    monkeypatch.setattr(packages, "MOST_FILES", 3)
    (sentence,) = sentences(packed({f"package/{number}": "" for number in range(3)}))
    assert "more than 3 files" in sentence

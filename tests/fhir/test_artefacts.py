from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from service.fhir import artefacts
from service.fhir.guide import CANONICAL_BASE, KINDS
from service.fhir.problems import Malformed, Problem
from tests.rest.serving import ROOT


def written(folder: Path, kind: str, name: str, **further: object) -> dict[str, object]:
    """Writes an artefact and gives it back."""
    made = {"resourceType": kind, "id": name, "url": f"{CANONICAL_BASE}{kind}/{name}", **further}
    (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / kind / f"{name}.json").write_text(json.dumps(made))
    return made


def test_a_folder_is_read_kind_by_kind_in_the_order_of_names(tmp_path: Path):
    profile = written(tmp_path, "StructureDefinition", "a-profile")
    later = written(tmp_path, "ValueSet", "b-codes")
    earlier = written(tmp_path, "ValueSet", "a-codes")
    assert list(artefacts.read(tmp_path)) == [earlier, later, profile]


def test_examples_and_other_files_are_not_read(tmp_path: Path):
    written(tmp_path / "examples", "StructureDefinition", "an-example")
    written(tmp_path, "ViewDefinition", "a-view")
    (tmp_path / "ValueSet").mkdir()
    (tmp_path / "ValueSet" / "README.md").write_text("no artefact")
    assert list(artefacts.read(tmp_path)) == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path):
    assert list(artefacts.read(tmp_path / "absent")) == []


def test_decimals_keep_their_digits(tmp_path: Path):
    (tmp_path / "StructureDefinition").mkdir()
    (tmp_path / "StructureDefinition" / "a-profile.json").write_text(
        '{"resourceType": "X", "maxValueDecimal": 10.0}'
    )
    [read] = artefacts.read(tmp_path)
    assert str(read["maxValueDecimal"]) == "10.0"
    assert isinstance(read["maxValueDecimal"], Decimal)


def test_a_file_that_is_no_json_is_not_passed_over(tmp_path: Path):
    (tmp_path / "ValueSet").mkdir()
    (tmp_path / "ValueSet" / "broken.json").write_text("{")
    with pytest.raises(Problem):
        list(artefacts.read(tmp_path))


def test_what_is_shipped_is_the_folder_of_the_checkout():
    shipped, ours = artefacts.shipped(), ROOT / "fhir_profiles"
    files = [path.relative_to(ours) for kind in KINDS for path in (ours / kind).glob("*.json")]
    assert len(files) > 0
    assert all((shipped / path).read_bytes() == (ours / path).read_bytes() for path in files)


def test_every_shipped_file_is_in_the_guide():
    files = [path for kind in KINDS for path in (artefacts.shipped() / kind).glob("*.json")]
    guide = artefacts.load()
    assert len(files) > 0
    assert sorted(str(one["id"]) for one in guide) == sorted(path.stem for path in files)


def test_a_folder_beside_ours_wins_over_ours(tmp_path: Path):
    ours = next(iter(artefacts.load().all("StructureDefinition").values()))
    theirs = written(tmp_path, "StructureDefinition", str(ours["id"]), version="9")
    added = written(tmp_path, "StructureDefinition", "an-addition")
    guide = artefacts.load(tmp_path)
    assert guide.find("StructureDefinition", str(ours["url"])) == theirs
    assert guide.find("StructureDefinition", str(added["url"])) == added
    assert len(guide) == len(artefacts.load()) + 1


def test_documents_of_a_folder_are_read_by_file_name(tmp_path: Path):
    (tmp_path / "b.json").write_text('{"resourceType": "SearchParameter", "id": "its-own"}')
    (tmp_path / "a.json").write_text('{"resourceType": "SearchParameter"}')
    (tmp_path / "README.md").write_text("no document")
    assert artefacts.documents(tmp_path) == {
        "a.json": {"id": "a", "resourceType": "SearchParameter"},
        "b.json": {"id": "its-own", "resourceType": "SearchParameter"},
    }
    assert list(artefacts.documents(tmp_path)) == ["a.json", "b.json"]
    assert artefacts.documents(tmp_path / "absent") == {}


def test_a_document_that_is_no_json_is_named(tmp_path: Path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(Malformed, match=r"^broken\.json: "):
        artefacts.documents(tmp_path)

from __future__ import annotations

import pytest

from service.fhir import artefacts, codec
from service.fhir.guide import Guide
from service.fhir.packages import Package
from service.storage.packages import add, added, folders


def value_set(id_, **more):
    return {"resourceType": "ValueSet", "id": id_, "url": f"https://elsewhere.example/ValueSet/{id_}", **more}


def package(*held, name="elsewhere.guide", version="1.0.0"):
    return Package({"name": name, "version": version}, held)


def read_back(root):
    return [each for folder in folders(root) for each in artefacts.read(folder)]


def test_what_was_added_is_read_as_our_own_is(tmp_path, guide):
    add(tmp_path / "deeper", package(*guide))
    back = Guide(read_back(tmp_path / "deeper"))
    for kind in ("CodeSystem", "ValueSet", "StructureDefinition", "SearchParameter", "Questionnaire"):
        assert back.all(kind) == guide.all(kind)


def test_nothing_was_added_where_there_is_no_folder(tmp_path):
    assert folders(tmp_path / "none") == []
    assert added(tmp_path / "none") == []


def test_packages_are_listed_by_name_with_what_they_hold(tmp_path):
    add(tmp_path, package(value_set("b"), name="z.guide"))
    add(tmp_path, package(value_set("a"), value_set("c"), name="a.guide"))
    assert [(each.manifest["name"], each.counts) for each in added(tmp_path)] == [
        ("a.guide", {"ValueSet": 2}),
        ("z.guide", {"ValueSet": 1}),
    ]


def test_another_version_takes_the_place_of_the_one_before(tmp_path):
    add(tmp_path, package(value_set("a"), value_set("gone")))
    add(tmp_path, package(value_set("a", version="2"), version="2.0.0"))
    assert read_back(tmp_path) == [value_set("a", version="2")]
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.guide"]


def test_ids_never_lead_a_path_astray(tmp_path):
    held = [
        value_set("../../up"),
        {"resourceType": "ValueSet", "url": "urn:no-id"},
        {"resourceType": "ValueSet", "id": 7, "url": "urn:number"},
        value_set("same"),
        {"resourceType": "ValueSet", "id": "same", "url": "urn:same"},
        {"resourceType": "ValueSet", "id": "SAME", "url": "urn:other-case"},
        value_set(".."),
        value_set("1"),
    ]
    add(tmp_path, package(*held))
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.guide"]
    assert sorted(map(codec.encode, read_back(tmp_path))) == sorted(map(codec.encode, held))


def test_what_cannot_be_written_whole_is_not_there(tmp_path):
    add(tmp_path, package(value_set("a")))
    with pytest.raises(TypeError):
        add(tmp_path, package(value_set("b"), value_set("no-json", contact=object())))
    assert read_back(tmp_path) == [value_set("a")]
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.guide"]

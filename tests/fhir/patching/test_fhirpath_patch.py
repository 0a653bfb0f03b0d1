from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.patching.fhirpath_patch import apply
from service.fhir.problems import Problem
from service.fhir.registry import Registry, load
from tests.fhir.validation.instances import instance

REGISTRY = load()

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"use": "official", "given": ["a", "b"]}, {"use": "usual", "given": ["c"]}],
    "birthDate": "2010-05-06",
    "_birthDate": {
        "extension": [{"url": "http://example.org/time", "valueDateTime": "2010-05-06T04:00:00Z"}]
    },
    "deceasedBoolean": False,
    "contact": [{"name": {"text": "somebody"}}],
}

Value = dict[str, Any]


def operation(type_: str, path: str, value: Value | None = None, **parts: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        {"name": "type", "valueCode": type_},
        {"name": "path", "valueString": path},
    ]
    for name, one in parts.items():
        found.append({"name": name, "valueString" if isinstance(one, str) else "valueInteger": one})
    if value is not None:
        found.append({"name": "value", **value})
    return {"name": "operation", "part": found}


def patched(*operations: dict[str, Any], resource: dict[str, Any] = PATIENT) -> dict[str, Any]:
    return apply(resource, {"resourceType": "Parameters", "parameter": list(operations)}, REGISTRY)


def slug(*operations: dict[str, Any]) -> str:
    before = copy.deepcopy(PATIENT)
    with pytest.raises(Problem) as caught:
        patched(*operations)
    assert before == PATIENT
    return caught.value.issues[0].slug


def text(value: str) -> Value:
    return {"valueString": value}


def test_add():
    after = patched(
        operation("add", "Patient", {"valueBoolean": True}, name="active"),
        operation("add", "Patient.name[1]", text("d"), name="given"),
        operation("add", "Patient.name.where(use = 'official')", text("z"), name="family"),
        operation("add", "Patient", {"valueInteger": 2}, name="multipleBirth"),
        operation("add", "Patient", {"valueAddress": {"city": "x"}}, name="address"),
    )
    assert after["active"] is True
    assert after["name"][0]["family"] == "z"
    assert after["name"][1]["given"] == ["c", "d"]
    assert after["multipleBirthInteger"] == 2
    assert after["address"] == [{"city": "x"}]


def test_add_extensions_to_primitives():
    value = {
        "part": [{"name": "url", "valueUri": "http://example.org/x"}, {"name": "value", "valueCode": "y"}]
    }
    after = patched(
        operation("add", "Patient.birthDate", value, name="extension"),
        operation("add", "Patient.name[0].given[1]", value, name="extension"),
        operation("add", "Patient.deceased", value, name="extension"),
    )
    assert len(after["_birthDate"]["extension"]) == 2
    assert after["name"][0]["_given"] == [
        None,
        {"extension": [{"url": "http://example.org/x", "valueCode": "y"}]},
    ]
    assert after["_deceasedBoolean"]["extension"][0]["valueCode"] == "y"


def test_insert():
    after = patched(
        operation("insert", "Patient.name", {"valueHumanName": {"use": "nickname"}}, index=0),
        operation(
            "insert", "Patient.name[1].given", {"valueString": "x", "_valueString": {"id": "i"}}, index=1
        ),
        operation("insert", "Patient.telecom", {"valueContactPoint": {"value": "1"}}, index=0),
        operation("insert", "name", {"valueHumanName": {"use": "old"}}, index=3),
    )
    assert [name["use"] for name in after["name"]] == ["nickname", "official", "usual", "old"]
    assert after["name"][1]["given"] == ["a", "x", "b"]
    assert after["name"][1]["_given"] == [None, {"id": "i"}, None]
    assert after["telecom"] == [{"value": "1"}]


def test_delete():
    after = patched(
        operation("delete", "Patient.birthDate"),
        operation("delete", "Patient.deceased"),
        operation("delete", "Patient.name.where(use = 'official').given.where($this = 'a')"),
        operation("delete", "Patient.contact.name.text"),
        operation("delete", "Patient.photo"),
    )
    assert after == {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"use": "official", "given": ["b"]}, {"use": "usual", "given": ["c"]}],
    }


def test_replace():
    after = patched(
        operation("replace", "Patient.birthDate", {"valueDate": "2011"}),
        operation("replace", "Patient.deceased", {"valueDateTime": "2020"}),
        operation("replace", "Patient.name[0].given[0]", text("z")),
        operation("replace", "Patient.name[1]", {"valueHumanName": {"text": "whole"}}),
        operation("replace", "Patient.name.given[1]", text("y")),
    )
    assert (after["birthDate"], "_birthDate" in after) == ("2011", False)
    assert (after["deceasedDateTime"], "deceasedBoolean" in after) == ("2020", False)
    assert after["name"] == [{"use": "official", "given": ["z", "y"]}, {"text": "whole"}]


def test_move():
    after = patched(
        operation("move", "Patient.name", source=1, destination=0),
        operation("move", "Patient.name[1].given", source=0, destination=1),
    )
    assert after["name"] == [{"use": "usual", "given": ["c"]}, {"use": "official", "given": ["b", "a"]}]


def test_contained_resources():
    after = patched(
        operation(
            "add", "Patient", {"resource": {"resourceType": "Organization", "id": "o"}}, name="contained"
        ),
        operation("add", "Patient.contained.ofType(Organization)", text("Example"), name="name"),
    )
    assert after["contained"] == [{"resourceType": "Organization", "id": "o", "name": "Example"}]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (operation("add", "Patient.", text("x"), name="language"), "patch-path-malformed"),
        (operation("add", "Patient.nonsense", text("x"), name="language"), "patch-path-impossible"),
        (operation("add", "Encounter", text("x"), name="language"), "patch-path-impossible"),
        (operation("add", "Patient.name.single()", text("x"), name="family"), "patch-path-fails"),
        (operation("add", "Patient.name", text("x"), name="family"), "patch-path-ambiguous"),
        (operation("add", "Patient.photo", text("x"), name="title"), "patch-path-missing"),
        (operation("add", "Patient.name[7]", text("x"), name="family"), "patch-path-missing"),
        (operation("add", "'Patient'", text("x"), name="family"), "patch-path-not-element"),
        (operation("add", "Patient.name.count()", text("x"), name="family"), "patch-path-not-element"),
        (
            operation("add", "Patient.managingOrganization.resolve()", text("x"), name="name"),
            "patch-path-function-refused",
        ),
        (operation("delete", "Patient.name.where(given.matches('(a+)+$'))"), "patch-path-function-refused"),
        (operation("add", "Patient", {"valueDate": "2011"}, name="birthDate"), "patch-element-exists"),
        (operation("add", "Patient", {"valueDateTime": "2011"}, name="deceased"), "patch-element-exists"),
        (operation("add", "Patient", text("x"), name="nonsense"), "patch-element-unknown"),
        (operation("add", "Patient", text("x"), name="active"), "patch-value-wrong-type"),
        (operation("insert", "Patient.name", {"valueHumanName": {}}, index=3), "patch-index-out-of-range"),
        (operation("insert", "Patient.name", {"valueHumanName": {}}, index=-1), "patch-index-out-of-range"),
        (operation("insert", "Patient.birthDate", {"valueDate": "2011"}, index=0), "patch-path-not-list"),
        (
            operation("insert", "Patient.name.where(true)", {"valueHumanName": {}}, index=0),
            "patch-path-not-list",
        ),
        (operation("insert", "Patient.name.given", text("x"), index=0), "patch-path-ambiguous"),
        (operation("insert", "Patient.photo.title", text("x"), index=0), "patch-path-missing"),
        (operation("insert", "Patient.nonsense", text("x"), index=0), "patch-element-unknown"),
        (operation("move", "Patient.name", source=2, destination=0), "patch-index-out-of-range"),
        (operation("move", "Patient.name", source=0, destination=2), "patch-index-out-of-range"),
        (operation("delete", "Patient.name"), "patch-path-ambiguous"),
        (operation("delete", "Patient"), "patch-removes-resource"),
        (
            operation("replace", "Patient", {"resource": {"resourceType": "Patient"}}),
            "patch-removes-resource",
        ),
        (operation("replace", "Patient.photo", {"valueAttachment": {}}), "patch-path-missing"),
        (operation("replace", "Patient.birthDate", text("x") | {"valueCode": "y"}), "patch-value-missing"),
        (operation("replace", "Patient.name[0]", text("x")), "patch-value-wrong-type"),
        (operation("merge", "Patient.name"), "path-patch-type-unknown"),
    ],
)
def test_each_fault_has_its_slug(change: dict[str, Any], expected: str):
    assert slug(change) == expected


def test_nothing_is_kept_of_a_patch_that_fails_halfway():
    assert (
        slug(operation("delete", "Patient.birthDate"), operation("delete", "Patient.name"))
        == "patch-path-ambiguous"
    )


def test_the_place_of_a_fault_is_that_of_its_operation():
    with pytest.raises(Problem) as caught:
        patched(operation("delete", "Patient.photo"), operation("delete", "Patient.name"))
    assert caught.value.issues[0].expression == "Parameters.parameter[1]"


def test_a_resource_of_a_type_that_there_is_not():
    with pytest.raises(Problem):
        patched(operation("delete", "id"), resource={"resourceType": "Nonsense"})


@given(st.sampled_from(sorted(REGISTRY.served)), st.integers(0, 2**32))
def test_every_element_can_be_deleted_at_the_place_it_says(type_: str, seed: int):
    from service.fhir.paths import Dialect, compile_path

    resource = instance(REGISTRY, type_, Random(seed))
    before = copy.deepcopy(resource)
    nodes = compile_path("descendants()", REGISTRY, type_, dialect=Dialect(located=True)).values(resource)
    node = Random(seed).choice(nodes) if nodes else None
    if node is None:
        return
    after = patched(operation("delete", node.location), resource=resource)
    assert resource == before
    assert count(after, REGISTRY) < len(nodes)


def count(resource: dict[str, Any], registry: Registry) -> int:
    from service.fhir.paths import compile_path

    [found] = compile_path("descendants().count()", registry, resource["resourceType"]).values(resource)
    return int(found.value)

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.patching.patch_parameters import PathOperation, operations
from service.fhir.problems import Malformed, TooLarge


def parameters(*given: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(given)}


def operation(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"name": "operation", "part": list(parts)}


TYPE = {"name": "type", "valueCode": "add"}
PATH = {"name": "path", "valueString": "Patient"}
NAME = {"name": "name", "valueString": "active"}
VALUE = {"name": "value", "valueBoolean": True}


def test_an_operation():
    [found] = operations(parameters(operation(TYPE, PATH, NAME, VALUE)))
    assert found == PathOperation("add", "Patient", "Parameters.parameter[0]", "active", VALUE)


def test_numbers_and_texts_as_clients_write_them():
    [found] = operations(
        parameters(
            operation(
                {"name": "type", "valueString": "move"},
                {"name": "path", "valueString": "Patient.name"},
                {"name": "source", "valueUnsignedInt": 1},
                {"name": "destination", "valueInteger": 0},
            )
        )
    )
    assert (found.type, found.source, found.destination) == ("move", 1, 0)


def test_no_operations_are_no_fault():
    assert operations({"resourceType": "Parameters"}) == []
    assert operations(parameters()) == []


@pytest.mark.parametrize(
    ("document", "slug"),
    [
        ([], "path-patch-not-parameters"),
        ({"resourceType": "Patient"}, "path-patch-not-parameters"),
        ({"resourceType": "Parameters", "parameter": {}}, "path-patch-not-parameters"),
        (parameters("x"), "path-patch-not-operation"),
        (parameters({"name": "change"}), "path-patch-not-operation"),
        (parameters(operation(TYPE, PATH, NAME, VALUE, {"name": "extra"})), "path-patch-part-unknown"),
        (parameters(operation(TYPE, PATH, NAME, VALUE, {"name": ["value"]})), "path-patch-part-unknown"),
        (parameters(operation(TYPE, PATH, PATH, NAME, VALUE)), "path-patch-part-repeated"),
        (
            parameters(operation(TYPE, {"name": "path", "valueInteger": 1}, NAME, VALUE)),
            "path-patch-part-wrong-type",
        ),
        (parameters(operation({"name": "type"}, PATH)), "path-patch-part-wrong-type"),
        (parameters(operation({"name": "type", "valueCode": "merge"}, PATH)), "path-patch-type-unknown"),
        (parameters(operation(PATH)), "path-patch-type-unknown"),
        (parameters(operation(TYPE, PATH, NAME)), "path-patch-part-missing"),
        (parameters({"name": "operation"}), "path-patch-type-unknown"),
        (parameters({"name": "operation", "part": "x"}), "path-patch-type-unknown"),
        (
            parameters(
                operation(
                    {"name": "type", "valueCode": "insert"},
                    PATH,
                    VALUE,
                    {"name": "index", "valueInteger": True},
                )
            ),
            "path-patch-part-wrong-type",
        ),
    ],
)
def test_each_fault_has_its_slug(document: Any, slug: str):
    with pytest.raises(Malformed) as caught:
        operations(document)
    assert caught.value.issues[0].slug == slug


def test_every_fault_is_told_with_its_place():
    with pytest.raises(Malformed) as caught:
        operations(parameters(operation(TYPE), operation(TYPE, PATH, NAME, VALUE), {"name": "x"}))
    assert [(issue.slug, issue.expression) for issue in caught.value.issues] == [
        ("path-patch-part-missing", "Parameters.parameter[0]"),
        ("path-patch-part-missing", "Parameters.parameter[0]"),
        ("path-patch-part-missing", "Parameters.parameter[0]"),
        ("path-patch-not-operation", "Parameters.parameter[2]"),
    ]


def test_operations_are_bounded():
    with pytest.raises(TooLarge):
        operations(parameters(*[{}] * 1001))

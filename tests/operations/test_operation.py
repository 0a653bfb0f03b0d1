from __future__ import annotations

from dataclasses import replace

import pytest

from service.operations import validate
from service.operations.offered import OPERATIONS

OF_GOALS = replace(validate.OPERATION, types=frozenset({"Goal"}), levels=frozenset({"type", "system"}))


@pytest.mark.parametrize(
    ("type_", "level", "offered"),
    [
        ("Goal", "type", True),
        ("Goal", "instance", False),
        ("Patient", "type", False),
        ("", "system", True),
    ],
)
def test_where_an_operation_is_offered(type_, level, offered):
    assert OF_GOALS.is_of(type_, level) is offered


def test_without_types_it_is_of_all():
    assert validate.OPERATION.is_of("Patient", "instance")


@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: operation.definition.rpartition("/")[2]
)
def test_what_can_be_asked_by_get_can_be_asked_by_post(operation):
    assert operation.readable <= operation.levels
    assert operation.summary.endswith(".")


def test_what_it_takes_of_a_token():
    """An empty type is that of the path, `*` some type whatever the path."""
    of_path = replace(validate.OPERATION, needs=(("", "r"), ("Goal", "s")))
    assert [(need.type, need.letters) for need in of_path.needed("Patient", "instance").each] == [
        ("Patient", "r"),
        ("Goal", "s"),
    ]
    of_any = replace(validate.OPERATION, needs=(("*", "rs"),)).needed("Patient", "type")
    assert [(need.type, need.letters) for need in of_any.each] == [("", "rs")]
    assert of_any.is_wide

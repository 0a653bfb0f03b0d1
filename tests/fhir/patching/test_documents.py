from __future__ import annotations

import pytest

from service.fhir.patching.documents import (
    MAXIMUM_COPIED,
    MAXIMUM_DEPTH,
    MAXIMUM_OPERATIONS,
    Copier,
    require_few,
    require_shallow,
)
from service.fhir.problems import Invalid, TooLarge


def nested(depth: int) -> dict:
    document: dict = {}
    for _ in range(depth):
        document = {"a": document}
    return document


def test_a_copy_shares_nothing():
    original = {"a": [{"b": 1}], "c": "x"}
    copy = Copier().copy(original)
    assert copy == original
    copy["a"][0]["b"] = 2
    assert original["a"][0]["b"] == 1


def test_copies_are_paid_from_one_budget():
    copier = Copier()
    chunk = list(range(MAXIMUM_COPIED // 4))
    for _ in range(3):
        copier.copy(chunk)
    with pytest.raises(TooLarge):
        copier.copy([chunk])


def test_depth_is_bounded():
    Copier().copy(nested(MAXIMUM_DEPTH))
    require_shallow(nested(MAXIMUM_DEPTH))
    for check in (Copier().copy, require_shallow):
        with pytest.raises(Invalid):
            check(nested(MAXIMUM_DEPTH + 2))


def test_operations_are_bounded():
    require_few(MAXIMUM_OPERATIONS)
    with pytest.raises(TooLarge):
        require_few(MAXIMUM_OPERATIONS + 1)

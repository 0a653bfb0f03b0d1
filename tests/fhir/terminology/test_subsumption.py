"""How two kinds of help stand to each other."""

from __future__ import annotations

import pytest

from service.fhir.terminology.code_systems import CodeSystem
from service.fhir.terminology.subsumption import outcome
from tests.fhir.terminology.guides import HELP_SYSTEM

HELPS = CodeSystem(HELP_SYSTEM)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("help", "group", "subsumes"),
        ("group", "help", "subsumed-by"),
        ("talking", "group", "subsumes"),
        ("group", "alone", "not-subsumed"),
        ("help", "none", "not-subsumed"),
        ("letters", "walk", "subsumes"),
        ("walk", "walk", "equivalent"),
    ],
)
def test_one_code_stands_to_another_as_the_hierarchy_says(one, other, expected):
    assert outcome(HELPS, HELPS.concepts[one], HELPS.concepts[other]) == expected


def test_codes_each_above_the_other_mean_the_same():
    round_ = CodeSystem({
        "url": "urn:round",
        "content": "complete",
        "concept": [
            {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
            {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
        ],
    })  # fmt: skip
    assert outcome(round_, round_.concepts["a"], round_.concepts["b"]) == "equivalent"

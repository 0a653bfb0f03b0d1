"""The official validator's cases of Questionnaires, run as data: agreement on fault or none; every miss has its reason.

Source: https://github.com/FHIR/fhir-test-cases (validator)
"""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir import codec
from service.fhir.guide import Guide
from service.fhir.questionnaires import Form
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from tests.conftest import SHARED

SUITE = SHARED / "suites" / "validator-r4"

if not SUITE.exists():
    pytest.skip("the official validator's cases are not in ../shared/suites", allow_module_level=True)


def read(name: str) -> dict[str, Any]:
    return codec.decode((SUITE / name).read_bytes())


def questionnaire_of(case: dict[str, Any]) -> dict[str, Any] | None:
    """The Questionnaire that a case's response answers, where the case brings it along."""
    response = read(case["file"])
    canonical = response.get("questionnaire", "")
    if canonical.startswith("#"):
        return next(inner for inner in response["contained"] if inner["id"] == canonical[1:])
    url = canonical.partition("|")[0]
    brought = (read(name) for name in case["supporting"] if name.endswith(".json"))
    return next(
        (one for one in brought if one["resourceType"] == "Questionnaire" and one.get("url") == url), None
    )


CASES = [
    case
    for case in codec.decode(b'{"cases":' + (SUITE / "cases.json").read_bytes() + b"}")["cases"]
    if case["module"] == "questionnaire" and questionnaire_of(case) is not None
]

DISPLAY = (
    "the fault is a display that is not the code's; displays are for reading and not held to anything here"
)
MISSES = {
    "nested-questionnaire-nested-valueset": "the fault is an extension of SDC that the validator was not given",
    "choice-async-qr": DISPLAY,
    "open-choice-gender-coding-async-qr": DISPLAY,
    "choice-invalid-type-qr": "R4's choice is answered with a Coding; the validator looks at types only where there are options",
    "quantity-qr": "units written alike are compared here; the validator wants codes",
    "url-value-qr": "the fault is a malformed UUID, which is structural validation's",
}


def test_enough_of_the_suite_is_run():
    assert len(CASES) >= 35
    assert set(MISSES) <= {case["name"] for case in CASES}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["name"],
            marks=[pytest.mark.xfail(reason=MISSES[case["name"]], strict=True)]
            if case["name"] in MISSES
            else [],
        )
        for case in CASES
    ],
)
def test_case(case: dict[str, Any], registry: Registry):
    questionnaire = questionnaire_of(case)
    assert questionnaire is not None
    contains = Terminology(registry, Guide()).contains
    issues = list(Form(questionnaire, regexes=True).issues(read(case["file"]), contains))
    assert (issues == []) is case["valid"]

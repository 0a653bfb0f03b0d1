"""$validate-code of a value set and of a code system."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid, Malformed, Missing
from service.operations.validate_code import CODE_SYSTEM_OPERATION, VALUE_SET_OPERATION
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, LOUD, SNOMED, address, value_set
from tests.operations.conftest import told

WALK = {"result": True, "display": "A walk"}
NOT_IN = {"result": False, "message": "The code is not in the value set."}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"code": "walk", "system": HELP}, WALK),
        ({"code": "walk"}, WALK),
        ({"code": "walk", "system": HELP, "systemVersion": "2", "display": "A walk"}, WALK),
        ({"code": "walk", "system": HELP, "display": "Run"},
         {"result": False, "message": 'The display is not one of the concept; "A walk" is.', "display": "A walk"}),
        ({"code": "walk", "system": SNOMED}, NOT_IN),
        ({"code": "walk", "system": HELP, "systemVersion": "1"},
         {"result": False, "message": "Of the code system, version 2 is held here, no other."}),
        ({"coding": {"system": HELP, "code": "walk"}}, WALK),
        ({"coding": {"code": "walk"}}, {"result": False, "message": "The coding has no system."}),
        ({"codeableConcept": {"coding": [{"system": SNOMED, "code": "1"}, {"system": HELP, "code": "walk"}]}}, WALK),
        ({"codeableConcept": {"text": "walk"}}, {"result": False, "message": "There is no coding in it."}),
        ({"code": "help", "system": HELP, "abstract": False},
         {"result": False, "message": "The concept only groups others; choose one of those.", "display": "Help"}),
        ({"code": "talking", "system": HELP, "displayLanguage": "cy"}, {"result": True, "display": "Siarad"}),
    ],
)  # fmt: skip
async def test_a_code_by_a_value_set(ask, inputs, expected):
    assert told(await ask(VALUE_SET_OPERATION, url=address("help"), **inputs)) == expected


async def test_by_a_value_set_of_the_path_or_sent(ask, publish):
    await publish(value_set("talking", {"system": HELP}))
    assert told(await ask(VALUE_SET_OPERATION, "talking", code="walk")) == NOT_IN
    sent = value_set("sent", {"system": HELP})
    assert told(await ask(VALUE_SET_OPERATION, valueSet=sent, code="walk")) == WALK


@pytest.mark.parametrize("operation", [VALUE_SET_OPERATION, CODE_SYSTEM_OPERATION])
@pytest.mark.parametrize(
    ("inputs", "slug"),
    [
        ({}, "operation-parameter-missing"),
        ({"code": "walk", "coding": {"code": "walk"}}, "operation-parameter-choice"),
        ({"coding": {"code": "walk"}, "codeableConcept": {"text": "walk"}}, "operation-parameter-choice"),
    ],
)
async def test_exactly_one_code_is_given(ask, operation, inputs, slug):
    with pytest.raises(Malformed) as refused:
        await ask(operation, url=address("help"), **inputs)
    assert refused.value.issues[0].slug == slug


async def test_what_is_not_here_is_missing_and_what_cannot_be_told_is_invalid(ask):
    with pytest.raises(Missing):
        await ask(VALUE_SET_OPERATION, url="urn:unknown", code="walk")
    with pytest.raises(Invalid):
        await ask(VALUE_SET_OPERATION, url=address("open"), code="1", system=SNOMED)
    with pytest.raises(Missing):
        await ask(CODE_SYSTEM_OPERATION, url=SNOMED, code="1")


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"url": HELP, "code": "walk"}, WALK),
        ({"url": HELP, "code": "walk", "version": "2"}, WALK),
        ({"url": HELP, "code": "walk", "version": "1"},
         {"result": False, "message": "Of the code system, version 2 is held here, no other."}),
        ({"url": f"{HELP}|2", "code": "walk"}, WALK),
        ({"url": HELP, "code": "run"}, {"result": False, "message": "The code system has no such code."}),
        ({"coding": {"system": HELP, "code": "walk"}}, WALK),
        ({"url": LOUD, "coding": {"system": HELP, "code": "walk"}},
         {"result": False, "message": "The coding is of another code system."}),
        ({"url": HELP, "codeableConcept": {"coding": [{"system": HELP, "code": "walk"}]}}, WALK),
    ],
)  # fmt: skip
async def test_a_code_by_a_code_system(ask, inputs, expected):
    assert told(await ask(CODE_SYSTEM_OPERATION, **inputs)) == expected


async def test_by_a_code_system_of_the_path(ask, publish):
    await publish(HELP_SYSTEM)
    assert told(await ask(CODE_SYSTEM_OPERATION, "test-help", code="walk")) == WALK
    other = await ask(CODE_SYSTEM_OPERATION, "test-help", coding={"system": LOUD, "code": "walk"})
    assert told(other) == {"result": False, "message": "The coding is of another code system."}


async def test_a_code_without_code_system_is_refused(ask):
    with pytest.raises(Malformed, match="needs the code system"):
        await ask(CODE_SYSTEM_OPERATION, code="walk")

"""CodeSystem/$subsumes: how two codes stand to each other."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid, Malformed, Missing
from service.operations.subsumes import OPERATION
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, LOUD
from tests.operations.conftest import told


def coding(code, system=HELP):
    return {"system": system, "code": code}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"codeA": "help", "codeB": "group", "system": HELP}, "subsumes"),
        ({"codeA": "group", "codeB": "help", "system": HELP, "version": "2"}, "subsumed-by"),
        ({"codeA": "group", "codeB": "none", "system": HELP}, "not-subsumed"),
        ({"codeA": "walk", "codeB": "walk", "system": HELP}, "equivalent"),
        ({"codingA": coding("help"), "codingB": coding("group")}, "subsumes"),
        ({"codeA": "help", "codingB": coding("group")}, "subsumes"),
    ],
)
async def test_one_code_stands_to_another(ask, inputs, expected):
    assert told(await ask(OPERATION, **inputs)) == {"outcome": expected}


async def test_in_the_code_system_of_the_path(ask, publish):
    await publish(HELP_SYSTEM)
    assert told(await ask(OPERATION, "test-help", codeA="help", codeB="walk")) == {"outcome": "subsumes"}


@pytest.mark.parametrize(
    ("inputs", "slug"),
    [
        ({"codeA": "help", "system": HELP}, "operation-parameter-missing"),
        ({"codeA": "help", "codeB": "group"}, "operation-parameter-missing"),
        ({"codeA": "help", "codingB": {"system": HELP}}, "operation-parameter-missing"),
        ({"codeA": "help", "codingA": coding("help"), "codeB": "group"}, "operation-parameter-choice"),
    ],
)
async def test_two_codes_and_their_system_are_needed(ask, inputs, slug):
    with pytest.raises(Malformed) as refused:
        await ask(OPERATION, **inputs)
    assert refused.value.issues[0].slug == slug


async def test_codes_of_two_systems_are_not_compared(ask):
    with pytest.raises(Invalid) as refused:
        await ask(OPERATION, codingA=coding("help"), codingB=coding("Yes", LOUD))
    assert refused.value.issues[0].slug == "subsumption-across-systems"


@pytest.mark.parametrize(
    ("inputs", "slug"),
    [
        ({"codeA": "help", "codeB": "group", "system": "urn:unknown"}, "code-system-missing"),
        ({"codeA": "help", "codeB": "group", "system": HELP, "version": "1"}, "code-system-missing"),
        ({"codeA": "help", "codeB": "run", "system": HELP}, "code-missing"),
    ],
)
async def test_what_is_not_here_is_missing(ask, inputs, slug):
    with pytest.raises(Missing) as refused:
        await ask(OPERATION, **inputs)
    assert refused.value.issues[0].slug == slug

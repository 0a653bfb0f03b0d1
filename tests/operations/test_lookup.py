"""CodeSystem/$lookup: what is said of a code."""

from __future__ import annotations

import pytest

from service.fhir.problems import Malformed, Missing
from service.operations.lookup import OPERATION
from tests.fhir.terminology.guides import HELP, SNOMED


async def test_a_code_is_looked_up_with_all_that_is_said_of_it(ask):
    found = await ask(OPERATION, system=HELP, code="talking", version="2")
    assert found == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "name", "valueString": "Kinds of help"},
            {"name": "version", "valueString": "2"},
            {"name": "display", "valueString": "Talking (of any kind)"},
            {"name": "designation", "part": [
                {"name": "language", "valueCode": "cy"}, {"name": "value", "valueString": "Siarad"},
            ]},
            property_("url", "valueUri", HELP),
            property_("definition", "valueString", "Help by talking."),
            property_("inactive", "valueBoolean", False),
            property_("parent", "valueCode", "help", "Help"),
            property_("child", "valueCode", "alone", "One to one"),
            property_("child", "valueCode", "group", "In a group"),
            property_("place", "valueString", "clinic"),
        ],
    }  # fmt: skip


def property_(code, shape, value, description=None):
    parts = [{"name": "code", "valueCode": code}, {"name": "value", shape: value}]
    if description is not None:
        parts.append({"name": "description", "valueString": description})
    return {"name": "property", "part": parts}


async def test_a_coding_may_be_given_and_properties_asked_for(ask):
    found = await ask(
        OPERATION,
        coding={"system": HELP, "code": "group"},
        property=("people", "designation"),
        displayLanguage="en",
    )
    assert found["parameter"][2:] == [
        {"name": "display", "valueString": "In a group"},
        {"name": "designation", "part": [
            {"name": "use", "valueCoding": {"system": SNOMED, "code": "900"}},
            {"name": "value", "valueString": "Group work"},
        ]},
        property_("people", "valueInteger", 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "slug"),
    [
        ({}, "operation-parameter-missing"),
        ({"system": HELP}, "operation-parameter-missing"),
        ({"code": "walk"}, "operation-parameter-missing"),
        ({"coding": {"code": "walk"}}, "operation-parameter-missing"),
        ({"coding": {"system": HELP}}, "operation-parameter-missing"),
        ({"code": "walk", "coding": {"system": HELP, "code": "walk"}}, "operation-parameter-choice"),
    ],
)
async def test_one_code_and_its_system_are_needed(ask, inputs, slug):
    with pytest.raises(Malformed) as refused:
        await ask(OPERATION, **inputs)
    assert refused.value.issues[0].slug == slug


@pytest.mark.parametrize(
    ("inputs", "slug"),
    [
        ({"system": SNOMED, "code": "1"}, "code-system-missing"),
        ({"system": HELP, "version": "1", "code": "walk"}, "code-system-missing"),
        ({"coding": {"system": HELP, "version": "1", "code": "walk"}}, "code-system-missing"),
        ({"system": HELP, "code": "run"}, "code-missing"),
    ],
)
async def test_what_is_not_here_is_missing(ask, inputs, slug):
    with pytest.raises(Missing) as refused:
        await ask(OPERATION, **inputs)
    assert refused.value.issues[0].slug == slug

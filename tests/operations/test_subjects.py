"""What a terminology operation is asked of: the resource of the path, what is named, or what is sent."""

from __future__ import annotations

import pytest

from service.fhir.parameters import Inputs
from service.fhir.problems import Malformed, Missing
from service.operations import subjects
from service.operations.operation import Call
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, LOUD, address, value_set

HELPS = value_set("help", {"system": HELP})
ELSEWHERE = {**value_set("elsewhere", {"system": HELP}), "url": "urn:elsewhere"}


def call(type_, id_="", **inputs):
    return Call(type_, id_, Inputs({name: (value,) for name, value in inputs.items()}))


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"url": "urn:x"}, "urn:x"),
        ({"url": "urn:x", "valueSetVersion": "2"}, "urn:x|2"),
        ({"url": "urn:x|1", "valueSetVersion": "2"}, "urn:x|1"),
        ({"valueSet": ELSEWHERE}, ELSEWHERE),
    ],
)
async def test_a_value_set_is_named_or_sent(helps, act, inputs, expected):
    assert await subjects.value_set(helps, act, call("ValueSet", **inputs)) == expected


async def test_a_value_set_of_the_path_is_the_guides_where_that_has_it(helps, act, publish):
    await publish(HELPS, ELSEWHERE)
    assert await subjects.value_set(helps, act, call("ValueSet", "help")) == address("help")
    stored = await subjects.value_set(helps, act, call("ValueSet", "elsewhere"))
    assert stored["compose"] == ELSEWHERE["compose"]


@pytest.mark.parametrize(
    ("id_", "inputs", "text"),
    [
        ("", {}, "The operation needs one of url, valueSet."),
        ("", {"url": "urn:x", "valueSet": HELPS}, "The value set is given twice: by url and by valueSet."),
        ("help", {"url": "urn:x"}, "The value set is given twice: by the path and by url."),
    ],
)
async def test_exactly_one_value_set_is_meant(helps, act, id_, inputs, text):
    with pytest.raises(Malformed, match=text):
        await subjects.value_set(helps, act, call("ValueSet", id_, **inputs))


async def test_a_code_system_is_named_or_that_of_the_path(helps, act, publish):
    await publish(HELP_SYSTEM, {**HELP_SYSTEM, "id": "other", "url": "urn:other"})
    named = await subjects.code_system(helps, act, call("CodeSystem"), f"{HELP}|2")
    assert named is helps.terminology.code_systems.find(HELP)
    for word in (None, HELP, f"{HELP}|2"):
        assert await subjects.code_system(helps, act, call("CodeSystem", "test-help"), word) is named
    stored = await subjects.code_system(helps, act, call("CodeSystem", "other"), None)
    assert (stored.url, len(stored.concepts)) == ("urn:other", 7)


async def test_exactly_one_code_system_is_meant(helps, act, publish):
    await publish(HELP_SYSTEM)
    with pytest.raises(Malformed, match="needs the code system"):
        await subjects.code_system(helps, act, call("CodeSystem"), None)
    with pytest.raises(Malformed, match="another one than that named"):
        await subjects.code_system(helps, act, call("CodeSystem", "test-help"), LOUD)
    with pytest.raises(Missing):
        await subjects.code_system(helps, act, call("CodeSystem"), "urn:unknown")


async def test_a_resource_that_is_not_there_is_missing(helps, act):
    with pytest.raises(Missing, match="There is no ValueSet/gone"):
        await subjects.value_set(helps, act, call("ValueSet", "gone"))
    with pytest.raises(Missing, match="There is no CodeSystem/gone"):
        await subjects.code_system(helps, act, call("CodeSystem", "gone"), None)


def test_a_version_without_a_name_is_no_name():
    with pytest.raises(Malformed):
        subjects.canonical(None, "2")

"""ValueSet/$expand: by name, by instance and by content, with what R4 lets a client ask."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid, Malformed, Missing
from service.operations.expand import INPUTS, OPERATION
from tests.fhir.terminology.guides import HELP, address, value_set


def codes(found):
    return [entry["code"] for entry in found["expansion"].get("contains", ())]


async def test_a_value_set_is_expanded_by_its_address(ask):
    found = await ask(OPERATION, url=address("talking"))
    assert (found["resourceType"], found["id"], codes(found)) == (
        "ValueSet",
        "talking",
        ["talking", "alone", "group"],
    )
    assert found["expansion"]["timestamp"] == "2023-11-14T22:13:20.001Z"
    assert found["expansion"]["identifier"] == "urn:uuid:00000000-0000-7000-8000-000000000001"


async def test_by_its_instance(ask, publish):
    await publish(value_set("talking", {"system": HELP}))
    assert codes(await ask(OPERATION, "talking")) == ["talking", "alone", "group"]


async def test_by_its_content(ask):
    sent = {
        "resourceType": "ValueSet",
        "status": "draft",
        "compose": {"include": [{"valueSet": [address("talking")]}]},
    }
    found = await ask(OPERATION, valueSet=sent, includeDefinition=True)
    assert codes(found) == ["talking", "alone", "group"]
    assert found["compose"] == sent["compose"]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"filter": "walk"}, ["walk"]),
        ({"offset": 5, "count": 1}, ["walk"]),
        ({"count": 0}, []),
        ({"activeOnly": True}, ["help", "talking", "alone", "group", "walk", "none"]),
        ({"excludeNotForUI": True}, ["talking", "alone", "group", "letters", "walk", "none"]),
        ({"exclude_system": (HELP,)}, []),
        ({"excludeNested": False}, ["help", "talking", "alone", "group", "letters", "walk", "none"]),
        ({"excludePostCoordinated": True, "filter": "one"}, ["alone"]),
        ({"valueSetVersion": "1", "filter": "one"}, ["alone"]),
    ],
)  # fmt: skip
async def test_what_r4_lets_a_client_ask(ask, inputs, expected):
    assert codes(await ask(OPERATION, url=address("help"), **inputs)) == expected


async def test_designations_and_language(ask):
    found = await ask(
        OPERATION, url=address("talking"), includeDesignations=True, designation=("cy",), displayLanguage="cy"
    )
    assert found["expansion"]["contains"][0] == {
        "system": HELP,
        "code": "talking",
        "display": "Siarad",
        "designation": [{"language": "cy", "value": "Siarad"}],
    }


@pytest.mark.parametrize("inputs", [{"count": -1}, {"offset": -1}])
async def test_a_page_below_zero_is_refused(ask, inputs):
    with pytest.raises(Malformed) as refused:
        await ask(OPERATION, url=address("help"), **inputs)
    assert refused.value.issues[0].slug == "expansion-page"


@pytest.mark.parametrize("inputs", [{"url": "urn:unknown"}, {"url": address("help"), "valueSetVersion": "9"}])
async def test_an_unknown_value_set_is_missing(ask, inputs):
    with pytest.raises(Missing):
        await ask(OPERATION, **inputs)


async def test_a_value_set_that_cannot_be_told_whole_is_refused(ask):
    with pytest.raises(Invalid) as refused:
        await ask(OPERATION, url=address("open"))
    assert refused.value.issues[0].code == "not-supported"


def test_the_inputs_are_named_as_r4_names_them():
    # Of R4's: context, contextDirection, date and the three about system versions are not offered.
    assert {given.name for given in INPUTS} == {
        "url", "valueSet", "valueSetVersion", "filter", "offset", "count", "includeDesignations", "designation",
        "includeDefinition", "activeOnly", "excludeNested", "excludeNotForUI", "excludePostCoordinated",
        "displayLanguage", "exclude-system",
    }  # fmt: skip

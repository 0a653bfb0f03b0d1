"""What a code system says of a concept."""

from __future__ import annotations

import pytest

from service.fhir.terminology.code_systems import CodeSystem
from service.fhir.terminology.lookup import Property, details
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, SNOMED

HELPS = CodeSystem(HELP_SYSTEM)


def looked_up(code, **options):
    return details(HELPS, HELPS.concepts[code], **options)


def test_everything_is_said_if_nothing_is_asked_for():
    found = looked_up("group")
    assert (found.name, found.version, found.display) == ("Kinds of help", "2", "In a group")
    assert found.designations == ({"use": {"system": SNOMED, "code": "900"}, "value": "Group work"},)
    assert found.properties == (
        Property("url", "valueUri", HELP),
        Property("inactive", "valueBoolean", False),
        Property("parent", "valueCode", "talking", "Talking (of any kind)"),
        Property("people", "valueInteger", 8),
        Property("place", "valueString", "school"),
    )


def test_definition_and_children_are_properties_and_a_parent_is_told_once():
    assert [each.code for each in looked_up("talking").properties] == [
        "url", "definition", "inactive", "parent", "child", "child", "place",
    ]  # fmt: skip
    assert [each.value for each in looked_up("walk").properties if each.code == "parent"] == ["letters"]


def test_a_renamed_standard_property_is_told_under_the_standard_name():
    told = {each.code: each.value for each in looked_up("letters").properties}
    assert told["inactive"] is True
    assert "old" not in told


@pytest.mark.parametrize(
    ("asked", "properties", "designations"),
    [
        (("definition",), ["definition"], 0),
        (("designation",), [], 1),
        (("child", "place"), ["child", "child", "place"], 0),
        (("lang.cy",), [], 1),
        (("lang.fr",), [], 0),
        (("nothing",), [], 0),
    ],
)
def test_only_what_is_asked_for_is_said(asked, properties, designations):
    found = looked_up("talking", asked=asked)
    assert [each.code for each in found.properties] == properties
    assert len(found.designations) == designations


def test_the_display_is_in_the_language_asked():
    assert looked_up("talking", language="cy").display == "Siarad"


def test_a_concept_without_display_is_shown_by_its_code_and_a_strange_parent_without_display():
    bare = CodeSystem({
        "url": "urn:bare",
        "content": "complete",
        "concept": [{"code": "a", "property": [{"code": "parent", "valueCode": "gone"}]}],
    })  # fmt: skip
    found = details(bare, bare.concepts["a"])
    assert (found.name, found.version, found.display) == ("urn:bare", None, "a")
    assert Property("parent", "valueCode", "gone", None) in found.properties

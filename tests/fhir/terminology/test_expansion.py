"""The list of a value set's codes: filtered, paged, with designations."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid
from service.fhir.terminology.expansion import CODES_LISTED, GAPS_LISTED, Wanted, expanded, require_whole
from service.fhir.terminology.extents import Extent, Gap, of_pairs
from tests.fhir.terminology.guides import HELP, LOUD, SNOMED, address, terminology, value_set

FOUND = terminology(
    value_set("all", {"system": HELP}),
    value_set(
        "talk", {"system": HELP, "concept": [{"code": "talking", "display": "Talk"}, {"code": "group"}]}
    ),
    value_set("both", {"system": HELP}, {"system": LOUD}),
    value_set("open", {"system": HELP}, {"system": SNOMED}),
)


def expansion(id_, **wanted):
    shown = FOUND.expand(
        address(id_), Wanted(**wanted), timestamp="2026-11-27T08:00:00Z", identifier="urn:uuid:1"
    )
    return shown["expansion"]


def codes(id_, **wanted):
    return [entry["code"] for entry in expansion(id_, **wanted).get("contains", ())]


def test_an_expansion_is_the_value_set_without_its_definition():
    shown = FOUND.expand(address("talk"), Wanted(), timestamp="2026-11-27T08:00:00Z", identifier="urn:uuid:1")
    assert shown == {
        "resourceType": "ValueSet",
        "id": "talk",
        "url": address("talk"),
        "version": "1",
        "status": "active",
        "expansion": {
            "identifier": "urn:uuid:1",
            "timestamp": "2026-11-27T08:00:00Z",
            "total": 2,
            "parameter": [{"name": "version", "valueUri": f"{HELP}|2"}],
            "contains": [
                {"system": HELP, "code": "talking", "display": "Talk"},
                {"system": HELP, "code": "group", "display": "In a group"},
            ],
        },
    }


def test_the_definition_is_there_if_it_is_wanted():
    shown = FOUND.expand(address("talk"), Wanted(include_definition=True), timestamp="", identifier="")
    assert shown["compose"]["include"][0]["system"] == HELP


def test_inactive_and_grouping_concepts_are_marked_and_may_be_left_out():
    marked = {entry["code"]: entry for entry in expansion("all")["contains"]}
    assert marked["letters"] == {"system": HELP, "inactive": True, "code": "letters", "display": "Letters"}
    assert marked["help"]["abstract"] is True
    assert "letters" not in codes("all", active_only=True)
    assert "help" not in codes("all", selectable_only=True)
    assert len(codes("all", active_only=False, selectable_only=False)) == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("talk", ["talking"]),
        ("a", ["talking", "alone", "group", "walk"]),
        ("siar", ["talking"]),
        ("group work", ["group"]),
        ("nothing", []),
        ("", ["help", "talking", "alone", "group", "letters", "walk", "none"]),
    ],
)  # fmt: skip
def test_a_text_filter_takes_beginnings_of_words(text, expected):
    assert codes("all", text=text) == expected


@pytest.mark.parametrize(
    ("offset", "count", "expected"),
    [
        (None, 3, ["help", "talking", "alone"]),
        (2, 2, ["alone", "group"]),
        (5, None, ["walk", "none"]),
        (6, 10, ["none"]),
        (7, 10, []),
        (None, 0, []),
    ],
)
def test_a_page_is_cut_out_and_the_total_is_of_all(offset, count, expected):
    shown = expansion("all", offset=offset, count=count)
    assert [entry["code"] for entry in shown.get("contains", ())] == expected
    assert (shown["total"], shown["offset"]) == (7, offset or 0)


def test_an_expansion_that_is_not_paged_has_no_offset():
    assert "offset" not in expansion("all")


def test_pages_together_are_the_whole():
    pages = [codes("all", offset=start, count=3) for start in (0, 3, 6)]
    assert [code for page in pages for code in page] == codes("all")


def test_what_was_asked_is_recorded_with_the_versions_used():
    asked = Wanted(
        text="a", offset=0, count=2, active_only=True, selectable_only=False, include_designations=True,
        designations=("cy",), include_definition=False, language="cy", excluded_systems=(LOUD,),
    )  # fmt: skip
    shown = FOUND.expand(address("both"), asked, timestamp="", identifier="")["expansion"]
    assert shown["parameter"] == [
        {"name": "filter", "valueString": "a"},
        {"name": "offset", "valueInteger": 0},
        {"name": "count", "valueInteger": 2},
        {"name": "includeDesignations", "valueBoolean": True},
        {"name": "includeDefinition", "valueBoolean": False},
        {"name": "activeOnly", "valueBoolean": True},
        {"name": "excludeNotForUI", "valueBoolean": False},
        {"name": "displayLanguage", "valueCode": "cy"},
        {"name": "designation", "valueString": "cy"},
        {"name": "exclude-system", "valueUri": LOUD},
        {"name": "version", "valueUri": f"{HELP}|2"},
    ]


WELSH = {"language": "cy", "value": "Siarad"}
WORK = {"use": {"system": SNOMED, "code": "900"}, "value": "Group work"}


@pytest.mark.parametrize(
    ("wanted", "talking", "group"),
    [
        ({}, None, None),
        ({"include_designations": False, "designations": ("cy",)}, None, None),
        ({"include_designations": True}, [WELSH], [WORK]),
        ({"include_designations": True, "designations": ("cy",)}, [WELSH], None),
        ({"include_designations": True, "designations": ("urn:ietf:bcp:47|cy",)}, [WELSH], None),
        ({"include_designations": True, "designations": ("urn:other|cy",)}, None, None),
        ({"include_designations": True, "designations": (f"{SNOMED}|900",)}, None, [WORK]),
        ({"include_designations": True, "designations": ("900",)}, None, [WORK]),
        ({"include_designations": True, "designations": ("|900",)}, None, None),
        ({"include_designations": True, "designations": ("fr", "900")}, None, [WORK]),
    ],
)
def test_designations_are_shown_by_use_or_language_if_wanted(wanted, talking, group):
    shown = {entry["code"]: entry.get("designation") for entry in expansion("talk", **wanted)["contains"]}
    assert shown == {"talking": talking, "group": group}


def test_displays_are_in_the_language_wanted():
    assert [entry["display"] for entry in expansion("talk", language="cy")["contains"]] == [
        "Siarad",
        "In a group",
    ]


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ((HELP,), ["Yes", "No"]),
        ((f"{HELP}|2",), ["Yes", "No"]),
        ((HELP, LOUD), []),
        ((f"{LOUD}", "urn:other"), ["help", "talking", "alone", "group", "letters", "walk", "none"]),
    ],
)
def test_code_systems_may_be_left_out(excluded, expected):
    assert codes("both", excluded_systems=excluded) == expected


def test_another_version_of_a_code_system_leaves_nothing_out():
    assert len(codes("both", excluded_systems=(f"{HELP}|1",))) == 9


def test_leaving_out_what_is_not_held_makes_the_rest_whole():
    assert len(codes("open", excluded_systems=(SNOMED,))) == 7
    with pytest.raises(Invalid) as refused:
        expansion("open")
    [issue] = refused.value.issues
    assert (issue.code, issue.slug) == ("not-supported", "value-set-not-enumerable")
    assert issue.expression == "ValueSet.compose.include[1]"


def many(number):
    extent = of_pairs(((SNOMED, str(code)), {}) for code in range(number))

    def expand(**wanted):
        return expanded(FOUND.code_systems, {}, extent, Wanted(**wanted), timestamp="", identifier="")[
            "expansion"
        ]

    return expand


def test_more_codes_than_one_answer_holds_are_asked_for_page_by_page():
    assert len(many(CODES_LISTED)()["contains"]) == CODES_LISTED
    expand = many(CODES_LISTED + 1)
    with pytest.raises(Invalid) as refused:
        expand()
    assert refused.value.issues[0].code == "too-costly"
    page = expand(count=CODES_LISTED + 1)
    assert len(page["contains"]) == CODES_LISTED
    assert {"name": "count", "valueInteger": CODES_LISTED} in page["parameter"]
    assert len(expand(offset=1)["contains"]) == CODES_LISTED


def test_every_reason_is_told_once_and_not_without_end():
    gaps = tuple(Gap(f"reason {number}") for number in range(GAPS_LISTED + 1))
    with pytest.raises(Invalid) as refused:
        require_whole(Extent(unbounded=True, gaps=(*gaps[:2], *gaps)))
    assert [issue.text for issue in refused.value.issues] == [gap.text for gap in gaps[:GAPS_LISTED]]


def test_an_entry_of_a_stored_expansion_without_system_is_shown_without():
    shown = expanded(
        FOUND.code_systems,
        {},
        of_pairs([(("", "x"), {"display": "X"})]),
        Wanted(),
        timestamp="",
        identifier="",
    )
    assert shown["expansion"]["contains"] == [{"code": "x", "display": "X"}]

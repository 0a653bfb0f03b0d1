from __future__ import annotations

import pytest

from scripts.reduce_value_sets import Terminology

COLOURS = "http://example.org/colours"
SNOMED = "http://snomed.info/sct"

SYSTEMS = {
    COLOURS: {
        "content": "complete",
        "concept": [
            {
                "code": "warm",
                "concept": [{"code": "red", "concept": [{"code": "crimson"}]}, {"code": "yellow"}],
            },
            {"code": "cold", "concept": [{"code": "blue"}]},
            {
                "code": "violet",
                "property": [
                    {"code": "subsumedBy", "valueCode": "red"},
                    {"code": "subsumedBy", "valueCode": "blue"},
                ],
            },
        ],
    },
    "http://example.org/fragment": {"content": "fragment", "concept": [{"code": "a"}]},
    SNOMED: {"content": "not-present"},
}


def codes(*includes, exclude=(), **others):
    sets = {
        "http://example.org/set": {"compose": {"include": list(includes), "exclude": list(exclude)}},
        **others,
    }
    found = Terminology(sets, SYSTEMS).codes("http://example.org/set")
    return found if found is None else found.get(COLOURS, [])


def of_colours(**rest):
    return {"system": COLOURS, **rest}


def concept(op, value):
    return [{"property": "concept", "op": op, "value": value}]


ALL = ["warm", "red", "crimson", "yellow", "cold", "blue", "violet"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (of_colours(), ALL),
        (of_colours(concept=[{"code": "blue"}, {"code": "red"}]), ["blue", "red"]),
        (of_colours(filter=concept("is-a", "red")), ["red", "crimson", "violet"]),
        (of_colours(filter=concept("is-a", "cold")), ["cold", "blue", "violet"]),
        (of_colours(filter=concept("descendent-of", "red")), ["crimson", "violet"]),
        (of_colours(filter=concept("is-not-a", "warm")), ["cold", "blue"]),
        (of_colours(filter=[*concept("is-a", "warm"), *concept("is-a", "cold")]), ["violet"]),
    ],
)
def test_includes(include, expected):
    assert codes(include) == expected


def test_excluded_codes_are_taken_out():
    assert codes(of_colours(), exclude=[of_colours(filter=concept("is-a", "warm"))]) == ["cold", "blue"]


def test_other_sets_are_included_and_narrow_what_stands_beside_them():
    warm = {"compose": {"include": [of_colours(filter=concept("is-a", "warm"))]}}
    others = {"http://example.org/warm": warm}
    assert codes({"valueSet": ["http://example.org/warm|1.0"]}, **others) == [
        "warm",
        "red",
        "crimson",
        "yellow",
        "violet",
    ]
    narrowed = of_colours(filter=concept("is-a", "cold"), valueSet=["http://example.org/warm"])
    assert codes(narrowed, **others) == ["violet"]


@pytest.mark.parametrize(
    "include",
    [
        {"system": "http://example.org/absent"},
        {"system": "http://example.org/fragment"},
        {"system": SNOMED},
        {"system": SNOMED, "concept": [{"code": "1"}]},  # not covered by CC0, even where named
        {"system": "http://loinc.org", "concept": [{"code": "1-1"}]},
        {"valueSet": ["http://example.org/absent"]},
        of_colours(filter=[{"property": "hue", "op": "=", "value": "1"}]),
        of_colours(filter=concept("regex", "r.*")),
    ],
)
def test_a_set_that_cannot_be_enumerated_is_none(include):
    assert codes(include) is None
    assert codes(of_colours(), include) is None


def test_a_set_without_a_composition_is_none():
    assert Terminology({"a": {}}, SYSTEMS).codes("a") is None

from __future__ import annotations

import pytest

from tests.fhir.conformance.conftest import element, profile, score

SYSTEM = "http://example.org/kind"


def sliced(*slices, rules="open", ordered=False, path="coding.code"):
    """Categories sliced by their code."""
    slicing = {"discriminator": [{"type": "value", "path": path}], "rules": rules, "ordered": ordered}
    return profile("Observation", element("Observation.category", slicing=slicing), *slices)


def kind(name, **stated):
    """The slice of categories with the code of that name."""
    pattern = {"coding": [{"code": name}]}
    return element(f"Observation.category:{name}", sliceName=name, patternCodeableConcept=pattern, **stated)


def category(*codes):
    return score(category=[{"coding": [{"code": code}]} for code in codes])


RULES = [
    # slices of a and b; what stands there; what is wrong
    ("a slice is missing", {"rules": "open"}, ["b"], [("profile-slice-missing", "Observation.category")]),
    ("where there is none at all", {"rules": "open"}, [], [("profile-slice-missing", "Observation.category")]),
    ("it is there", {"rules": "open"}, ["a"], []),
    ("a slice is there once too often", {"rules": "open"}, ["a", "a"], [("profile-slice-repeated", "Observation.category[1]")]),
    ("others are let in", {"rules": "open"}, ["x", "a", "y"], []),
    ("others are not let in", {"rules": "closed"}, ["a", "x"], [("profile-slice-closed", "Observation.category[1]")]),
    ("others are let in at the end", {"rules": "openAtEnd"}, ["a", "b", "x"], []),
    ("others are let in nowhere else", {"rules": "openAtEnd"}, ["a", "x", "b"], [("profile-slice-order", "Observation.category[2]")]),
    ("any order", {"rules": "open"}, ["b", "a"], []),
    ("one order", {"rules": "open", "ordered": True}, ["b", "a"], [("profile-slice-order", "Observation.category[1]")]),
    ("it is that order", {"rules": "open", "ordered": True}, ["a", "b", "b"], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("slicing", "codes", "expected"), [row[1:] for row in RULES], ids=[row[0] for row in RULES]
)
def test_slices(found, slicing, codes, expected):
    asked = sliced(kind("a", min=1, max="1"), kind("b"), **slicing)
    resource = category(*codes) if codes else score()
    assert found(resource, asked) == expected


def test_what_is_of_a_slice_is_held_to_it(found):
    asked = sliced(kind("a"), element("Observation.category:a.text", min=1))
    assert found(category("b", "a"), asked) == [("profile-element-missing", "Observation.category[1].text")]


def test_a_slice_that_is_not_used_is_prohibited(found):
    assert found(category("b", "a"), sliced(kind("a", max="0"))) == [
        ("profile-slice-repeated", "Observation.category[1]")
    ]


def test_what_is_of_no_slice_is_of_the_default(found):
    asked = sliced(
        kind("a"),
        element("Observation.category:@default", sliceName="@default"),
        element("Observation.category:@default.text", min=1),
        rules="closed",
    )
    assert found(category("a", "b"), asked) == [("profile-element-missing", "Observation.category[1].text")]


def test_a_slice_can_be_sliced_again(found):
    again = {"discriminator": [{"type": "value", "path": "text"}], "rules": "closed"}
    asked = sliced(
        kind("a", slicing=again),
        element("Observation.category:a/one", sliceName="a/one"),
        element("Observation.category:a/one.text", fixedString="one", min=1),
    )
    coding = [{"code": "a"}]
    resource = score(
        category=[{"coding": coding, "text": "one"}, {"coding": coding, "text": "two"}, {"text": "three"}]
    )
    assert found(resource, asked) == [("profile-slice-closed", "Observation.category[1]")]

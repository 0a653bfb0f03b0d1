from __future__ import annotations

import pytest

from service.fhir.conformance.places import expression

PLACES = [
    ("Goal", "Goal"),
    (("Goal", "target"), "Goal.target"),
    ((("Goal", "target"), 0), "Goal.target[0]"),
    (((("Goal", "target"), 0), "due"), "Goal.target[0].due"),
    (("Bundle.entry[0].resource", "meta"), "Bundle.entry[0].resource.meta"),
]


@pytest.mark.parametrize(("place", "words"), PLACES)
def test_places_in_words(place, words):
    assert expression(place) == words

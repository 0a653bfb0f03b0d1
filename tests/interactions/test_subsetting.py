"""Bodies with some of their elements left out."""

from __future__ import annotations

from service.fhir import codec
from service.fhir.search.subsets import WHOLE, Subset
from service.interactions.subsetting import subsetted
from service.storage.store import Stored

BODY = (
    b'{"resourceType":"Observation","id":"s1","meta":{"versionId":"1"},"status":"final","code":{"text":"x"},'
    b'"valueQuantity":{"value":7.10},"note":[{"text":"invented"}]}'
)
SCORE = Stored("Observation", "s1", 1, 5, "PUT", BODY, 9)


def test_whole_resources_are_the_very_bytes(bare):
    items = [SCORE]
    assert subsetted(bare, WHOLE, items) is items


def test_digits_stay_and_all_else_of_the_version(bare):
    (shown,) = subsetted(bare, Subset(elements=frozenset({"value"})), [SCORE])
    assert b'"value":7.10' in shown.body
    assert "note" not in codec.decode(shown.body)
    assert (shown.version, shown.updated, shown.key, SCORE.body) == (1, 5, 9, BODY)

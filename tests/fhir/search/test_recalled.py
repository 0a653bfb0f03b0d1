"""Searches that were read before mean what they meant, and are read anew where that could have changed.

Source: https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.grammar import parse
from service.fhir.search.recalled import LONGEST, Recalled

BOUNDS = {"count_default": 20, "count_limit": 100, "lenient": False}
NOW = 1_795_000_000_000_000
SCORES = [("subject", "Patient/p"), ("status", "final")]


@pytest.fixture
def setting(registry):
    return Setting(registry, "http://a.example/fhir", NOW)


@pytest.fixture
def recalled():
    return Recalled()


def test_what_is_asked_again_is_the_very_search(recalled, setting):
    first = recalled.parse(setting, "Observation", SCORES, **BOUNDS)
    assert first == parse(setting, "Observation", SCORES, **BOUNDS)
    assert recalled.parse(replace(setting, now=NOW + 1), "Observation", list(SCORES), **BOUNDS) is first


OTHERS = {
    "type": ("Encounter", SCORES, {}),
    "order": ("Observation", SCORES[::-1], {}),
    "value": ("Observation", [SCORES[0], ("status", "amended")], {}),
    "page": ("Observation", SCORES, {"count_default": 5}),
    "most": ("Observation", [*SCORES, ("_count", "1000")], {"count_limit": 7}),
    "compartment": ("Observation", SCORES, {"within": ("Patient", "p")}),
    "types": ("", [("status", "final")], {"types": ("Observation",)}),
    "lenient": ("Observation", SCORES, {"lenient": True}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_asked_otherwise_is_another_search(recalled, setting, what):
    first = recalled.parse(setting, "Observation", SCORES, **BOUNDS)
    type_, pairs, more = OTHERS[what]
    found = recalled.parse(setting, type_, pairs, **(BOUNDS | more))
    assert found is not first
    assert found == parse(setting, type_, pairs, **(BOUNDS | more))


def test_another_base_has_other_references(recalled, setting):
    pairs = [("subject", "http://a.example/fhir/Patient/p")]
    here = recalled.parse(setting, "Observation", pairs, **BOUNDS)
    there = recalled.parse(replace(setting, base_url="http://b.example/fhir"), "Observation", pairs, **BOUNDS)
    assert here != there


def test_nearly_a_date_is_measured_from_now(recalled, setting):
    pairs = [("date", "ap2026-01-01")]
    first = recalled.parse(setting, "Observation", pairs, **BOUNDS)
    later = recalled.parse(replace(setting, now=NOW + 10**15), "Observation", pairs, **BOUNDS)
    assert first != later


@pytest.mark.parametrize("modifier", ["in", "not-in", "above", "below"])
def test_codes_are_looked_up_each_time(recalled, setting, modifier):
    codes = {"value": frozenset({("http://a.example/s", "one")})}
    asked = replace(setting, members=lambda _: codes["value"], related=lambda *_: codes["value"])
    pairs = [(f"code:{modifier}", "http://a.example/v|one" if "-" not in modifier else "http://a.example/v")]
    first = recalled.parse(asked, "Observation", pairs, **BOUNDS)
    codes["value"] = frozenset({("http://a.example/s", "two")})
    assert recalled.parse(asked, "Observation", pairs, **BOUNDS) != first


def test_what_is_not_indexed_yet_is_refused_though_it_was_read_before(recalled, setting):
    recalled.parse(setting, "Observation", SCORES, **BOUNDS)
    waiting = replace(setting, pending=lambda _: frozenset({"status"}))
    with pytest.raises(Malformed):
        recalled.parse(waiting, "Observation", SCORES, **BOUNDS)


def test_what_is_not_understood_is_refused_each_time(recalled, setting):
    for _ in range(2):
        with pytest.raises(Malformed):
            recalled.parse(setting, "Observation", [("unheard-of", "1")], **BOUNDS)


def test_only_so_many_and_none_that_is_long_are_remembered(setting):
    few = Recalled(2)
    searches = [[("identifier", f"s|{number}")] for number in range(3)]
    first = few.parse(setting, "Patient", searches[0], **BOUNDS)
    for pairs in searches[1:]:
        few.parse(setting, "Patient", pairs, **BOUNDS)
    assert few.parse(setting, "Patient", searches[0], **BOUNDS) is not first
    long = [("identifier", "s|" + "x" * LONGEST)]
    assert few.parse(setting, "Patient", long, **BOUNDS) is not few.parse(setting, "Patient", long, **BOUNDS)

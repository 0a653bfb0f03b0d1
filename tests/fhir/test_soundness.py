from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.soundness import unusable

BASE = "https://elsewhere.example/StructureDefinition"


def profile(name, differential=(), **more):
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": f"{BASE}/{name}",
        "name": name,
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, *differential]},
        **more,
    }


def rule(expression):
    constraint = {"key": "x-1", "severity": "error", "human": "A rule.", "expression": expression}
    return {"id": "Patient.name", "path": "Patient.name", "constraint": [constraint]}


def test_ours_can_be_used(registry, guide):
    assert unusable(registry, guide) == []


def test_a_sound_profile_can_be_used(registry):
    assert unusable(registry, Guide([profile("a", [rule("family.exists()")])])) == []


@pytest.mark.parametrize(
    "broken",
    [
        profile("broken", baseDefinition=f"{BASE}/nowhere"),
        profile("broken", [{"id": "Patient.none", "path": "Patient.none", "min": 1}]),
        profile("broken", [rule("family.exists(")]),
        profile("broken", [rule("family.noSuchFunction()")]),
        profile("broken") | {"differential": None},
        {key: value for key, value in profile("broken").items() if key != "type"},
    ],
)
def test_what_stands_in_the_way_is_named_and_what_does_not_is_not(registry, broken):
    (sentence,) = unusable(registry, Guide([profile("fine"), broken]))
    assert "broken" in sentence
    assert "fine" not in sentence


def test_all_that_stands_in_the_way_is_told(registry):
    broken = [profile(name, baseDefinition=f"{BASE}/nowhere") for name in ("one", "two")]
    first, second = unusable(registry, Guide(broken))
    assert f"{BASE}/one" in first
    assert f"{BASE}/two" in second


def test_a_condition_that_is_no_expression(registry):
    url = "https://thrive-fhir.example/StructureDefinition/enforced-when"
    (sentence,) = unusable(
        registry, Guide([profile("broken", extension=[{"url": url, "valueString": "(("}])])
    )
    assert f"{BASE}/broken" in sentence

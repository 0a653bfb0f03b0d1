from __future__ import annotations

import pytest

from service.fhir.conformance.invariants import Uncompilable
from tests.fhir.conformance.conftest import CORE, PROFILES, element, profile, rule, score, value_set


@pytest.fixture
def profiles_of(validator_of):
    return lambda *artefacts: validator_of(*artefacts).profiles


def test_a_profile_says_what_it_constrains(profiles_of):
    compiled = profiles_of(profile("Goal", element("Goal.category", min=1))).profile(f"{PROFILES}profile")
    assert (compiled.url, compiled.title, compiled.type) == (f"{PROFILES}profile", "The profile", "Goal")
    assert [counted.name for counted in compiled.demands.counted] == ["category"]


def test_what_asks_nothing_costs_nothing(profiles_of):
    compiled = profiles_of(profile("Goal", element("Goal.category", mustSupport=True))).profile(
        f"{PROFILES}profile"
    )
    assert not compiled.demands


KNOWN = [
    (f"{CORE}Patient", "Patient"),
    (f"{CORE}Quantity", "Quantity"),
    (f"{CORE}Resource", "Resource"),
    (f"{PROFILES}profile", "Observation"),
    (f"{PROFILES}other", None),
    ("http://example.org", None),
]


@pytest.mark.parametrize(("url", "type_"), KNOWN)
def test_the_type_that_an_address_is_of(profiles_of, url, type_):
    profiles = profiles_of(profile("Observation"))
    assert profiles.type_of(url) == type_
    assert profiles.is_known(url) is (type_ is not None)


def test_a_profile_that_leads_back_to_itself_ends(found):
    target = [{"code": "Reference", "targetProfile": [f"{PROFILES}profile"]}]
    related = profile(
        "Observation", element("Observation.derivedFrom", type=target), element("Observation.subject", min=1)
    )
    assert found(score(), related) == [("profile-element-missing", "Observation.subject")]


def test_rules_can_ask_for_membership(found):
    colours = value_set("colours", "http://example.org/colour", "red")
    asked = profile(
        "Observation", element("Observation", constraint=[rule("a-1", f"code.memberOf('{colours['url']}')")])
    )
    red = score(code={"coding": [{"system": "http://example.org/colour", "code": "red"}]})
    assert found(red, asked, colours) == []
    assert found(score(), asked, colours) == [("invariant-broken", "Observation")]


def test_rules_can_ask_for_conformance(found):
    named = profile("Patient", element("Patient.name", min=1), id_="named")
    asked = profile(
        "Observation",
        element("Observation", constraint=[rule("a-1", f"contained.all(conformsTo('{named['url']}'))")]),
    )
    resource = score(contained=[{"resourceType": "Patient", "id": "a"}], subject={"reference": "#a"})
    assert found(resource, asked, named) == [("invariant-broken", "Observation")]
    resource["contained"][0]["name"] = [{"text": "A"}]
    assert found(resource, asked, named) == []


def test_an_element_that_the_type_does_not_have_cannot_be_compiled(validator_of):
    broken = profile("Observation")
    broken["snapshot"] = {
        "element": [
            {"id": "Observation", "path": "Observation"},
            {"id": "Observation.colour", "path": "Observation.colour", "min": 1},
        ]
    }
    with pytest.raises(Uncompilable, match="colour"):
        validator_of(broken)

from __future__ import annotations

import pytest

from service.fhir.conformance.enforcement import ENFORCED_WHEN, Enforcement, claimed, enforced_when
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.guide import Guide
from tests.fhir.conformance.conftest import CORE, PROFILES, claiming, element, profile, score, value_set

SYSTEM = "http://example.org/measure"
MEASURES = value_set("measures", SYSTEM, "a", "b")
MEMBER = f"code.memberOf('{MEASURES['url']}')"


def enforced(condition, *elements, id_="profile", type_="Observation", **stated):
    return profile(
        type_, *elements, id_=id_, extension=[{"url": ENFORCED_WHEN, "valueString": condition}], **stated
    )


def coded(*codes, system=SYSTEM):
    return score(code={"coding": [{"system": system, "code": code} for code in codes]})


SUBJECT = element("Observation.subject", min=1)
CALLED = [
    ("always", "true", score(), True),
    ("by a code of a value set", MEMBER, coded("a"), True),
    ("by one of several codings", MEMBER, coded("x", "b"), True),
    ("not by another code", MEMBER, coded("x"), False),
    ("not by the code of another system", MEMBER, coded("a", system="http://example.org/other"), False),
    ("not where there is no code", MEMBER, score(), False),
    ("by any condition", "value is Quantity", score(valueQuantity={"value": 0}), True),
    ("not where it gives nothing", "value.unit = 'a'", score(), False),
    ("not where it is false", "value is Quantity", score(valueString="a"), False),
    ("not where it cannot be asked", "category.single().exists()", score(category=[{"text": "a"}, {"text": "b"}]), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "resource", "called"), [row[1:] for row in CALLED], ids=[row[0] for row in CALLED]
)
def test_a_profile_is_enforced_by_what_a_resource_is(found, condition, resource, called):
    expected = [("profile-element-missing", "Observation.subject")] if called else []
    assert found(resource, enforced(condition, SUBJECT), MEASURES, asked=[]) == expected


def test_a_profile_without_condition_is_enforced_where_it_is_claimed(found):
    asked = profile("Observation", SUBJECT)
    assert found(score(), asked, asked=[]) == []
    assert found(claiming(score()), asked, asked=[]) == [("profile-element-missing", "Observation.subject")]


def test_a_condition_that_cannot_be_compiled_is_an_error_at_start(validator_of):
    with pytest.raises(Uncompilable, match="enforced"):
        validator_of(enforced("kode.exists()"))


@pytest.fixture
def due(validator_of, registry):
    def of(resource, *artefacts, asked=()):
        profiles = validator_of(*artefacts).profiles
        return [
            url.removeprefix(PROFILES) for url in Enforcement(profiles, Guide(artefacts)).due(resource, asked)
        ]

    return of


def test_each_is_due_once(due):
    asked = enforced("true")
    assert due(claiming(score()), asked, asked=[asked["url"]]) == ["profile"]


def test_what_another_is_derived_from_is_checked_with_that(due):
    base = enforced("true", id_="general")
    derived = profile("Observation", id_="special", baseDefinition=base["url"])
    most = profile("Observation", id_="most", baseDefinition=derived["url"])
    assert due(claiming(score(), "special"), base, derived) == ["special"]
    assert due(claiming(score(), "most", "special"), base, derived, most) == ["most"]
    assert due(score(), base, derived) == ["general"]


def test_profiles_that_are_unknown_here_are_due_as_well(due):
    assert due(claiming(score(), "unknown"), enforced("true")) == ["unknown", "profile"]


@pytest.mark.parametrize(
    "meta", [None, [], "a", {"profile": "a"}, {"profile": [7, None]}, {"profile": {"a": 1}}, {}]
)
def test_broken_claims_are_none(meta):
    assert list(claimed({"meta": meta})) == []


def test_a_resource_of_another_type_is_not_called(due):
    assert due({"resourceType": "Patient"}, enforced("true")) == []
    assert due({}, enforced("true")) == []


@pytest.mark.parametrize(
    "code", [None, "a", [], {"coding": {}}, {"coding": [None]}, {"coding": [{"code": 7}]}]
)
def test_broken_codes_call_for_nothing(due, code):
    assert due(score(code=code), enforced(MEMBER), MEASURES) == []


def test_the_condition_of_a_profile():
    assert enforced_when(enforced("true")) == "true"
    assert enforced_when(profile("Observation")) is None
    other = [{"url": f"{CORE}structuredefinition-wg", "valueCode": "pc"}]
    assert enforced_when(profile("Observation", extension=other)) is None

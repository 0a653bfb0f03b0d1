"""Criteria: modifiers, alternatives, chains and reverse chains."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.criteria import DEEPEST_CHAIN, modifiers, offered
from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Has,
    Ids,
    Missing,
    Near,
    Not,
    Nothing,
    Or,
    Reference,
    String,
    Token,
    Uri,
    Words,
)

MALE = Token("gender", None, "male")
FEMALE = Token("gender", None, "female")


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Patient", "gender", "male", MALE),
        ("Patient", "gender", "male,female", Or((MALE, FEMALE))),
        ("Patient", "gender:not", "male", Not(MALE)),
        ("Patient", "gender:not", "male,female", Not(Or((MALE, FEMALE)))),
        ("Patient", "gender:missing", "true", Missing("gender", missing=True)),
        ("Patient", "gender:missing", "false", Missing("gender", missing=False)),
        ("Patient", "birthdate:missing", "true", Missing("birthdate", missing=True)),
        ("Goal", "subject:missing", "true",
         And((Missing("subject", missing=True), Missing("subject:identifier", missing=True)))),
        ("Goal", "subject:missing", "false",
         Or((Missing("subject", missing=False), Missing("subject:identifier", missing=False)))),
        ("Patient", "_id", "a", Ids(frozenset("a"))),
        ("Patient", "_id", "a,b,a", Ids(frozenset("ab"))),
        ("Patient", "_id:not", "a", Not(Ids(frozenset("a")))),
        ("Patient", "_id:missing", "true", Nothing()),
        ("Patient", "_lastUpdated:missing", "false", Everything()),
        ("Patient", "_tag", "http://a.example|x", Token("_tag", "http://a.example", "x")),
        ("Patient", "_tag:text", "X y", String("_tag:text", "x y", "starts")),
        ("Patient", "_profile:below", "http://a.example/x/", Uri("_profile", "http://a.example/x", "below")),
        ("Patient", "_content", "Exöm", Words("_content", ("exom",))),
        ("Patient", "_list", "l", Has("List", "item", Ids(frozenset("l")))),
        ("Location", "near", "0|0|0,0|90|0", Or((Near("near", 1, 0, 0, 0), Near("near", 0, 1, 0, 0)))),
        ("Location", "near:missing", "true", Missing("near:x", missing=True)),
        ("Encounter", "location.near", "0|0|0", Chain("location", "Location", Near("near", 1, 0, 0, 0))),
    ],
)  # fmt: skip
def test_a_criterion_is_alternatives_under_a_modifier(ask, type_, name, value, expected):
    assert ask(type_, name, value) == expected


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Goal", "patient.gender", "male", Chain("patient", "Patient", MALE)),
        ("Goal", "subject:Patient.gender:not", "male", Chain("subject", "Patient", Not(MALE))),
        ("Goal", "subject.gender", "male", Chain("subject", "Patient", MALE)),
        ("Goal", "subject.identifier", "1", Or(tuple(
            Chain("subject", type_, Token("identifier", None, "1")) for type_ in ("Group", "Organization", "Patient")
        ))),
        ("Observation", "encounter.patient.gender", "male",
         Chain("encounter", "Encounter", Chain("patient", "Patient", MALE))),
        ("Observation", "encounter.service-provider.name", "x",
         Chain("encounter", "Encounter", Chain("service-provider", "Organization", String("name", "x", "starts")))),
        ("Patient", "_has:Goal:patient:lifecycle-status", "active",
         Has("Goal", "patient", Token("lifecycle-status", None, "active"))),
        ("Patient", "_has:CareTeam:patient:participant", "Organization/a",
         Has("CareTeam", "patient", Reference("participant", "Organization", "a"))),
        ("Patient", "_has:CareTeam:patient:_has:CarePlan:care-team:status:not", "active",
         Has("CareTeam", "patient", Has("CarePlan", "care-team", Not(Token("status", None, "active"))))),
        ("Goal", "subject:Patient._has:Observation:patient:status", "final",
         Chain("subject", "Patient", Has("Observation", "patient", Token("status", None, "final")))),
    ],
)  # fmt: skip
def test_chains_lead_from_resource_to_resource(ask, type_, name, value, expected):
    assert ask(type_, name, value) == expected


@pytest.mark.parametrize(
    ("type_", "name", "value", "slug", "says"),
    [
        ("Goal", "colour", "red", "search-parameter-unknown", "`lifecycle-status`"),
        ("Location", "near", "1|2|3|4", "search-value-near", "`near`"),
        ("Location", "near:above", "1|2", "search-modifier-unsupported", "It takes `:missing`."),
        ("Goal", "subject:missing:x", "true", "search-modifier-unsupported", "`:missing:x`"),
        ("Patient", "gender:text", "x", "search-modifier-unsupported", "`:missing`, `:not`, `:in`"),
        ("Patient", "identifier:in", "x", "search-modifier-unsupported", "`:not`, `:text`, `:of-type`."),
        ("Patient", "active:below", "x", "search-modifier-unsupported", "It takes `:missing`, `:not`."),
        ("Observation", "code-value-quantity:missing", "true", "search-modifier-unsupported", "It takes none."),
        ("Goal", "patient:below", "x", "search-modifier-unsupported", "`:identifier`"),
        ("Questionnaire", "url:identifier", "x", "search-modifier-unsupported", "`:above`"),
        ("QuestionnaireResponse", "questionnaire:identifier", "x", "search-modifier-unsupported", "`:missing`"),
        ("Patient", "_has:text", "x", "search-chain", "_has:Type"),
        ("Patient", "name:not", "x", "search-modifier-unsupported", "`:exact`, `:contains`"),
        ("Patient", "birthdate:exact", "2026", "search-modifier-unsupported", "It takes `:missing`"),
        ("Patient", "phonetic:exact", "x", "search-modifier-unsupported", "`phonetic`"),
        ("Patient", "gender:", "male", "search-modifier-unsupported", "`:`"),
        ("Patient", "gender:missing", "maybe", "search-value-missing", "`true` or `false`"),
        ("Patient", "gender:missing", "true,false", "search-value-missing", "`true` or `false`"),
        ("Patient", "gender", "male,,female", "search-value-empty", "`gender`"),
        ("Patient", "gender", r"ma\le", "search-value-escape", "backslash"),
        ("Patient", "_id", "a b", "search-value-id", "letters, digits"),
        ("Patient", "_id", "a" * 65, "search-value-id", "1 to 64"),
        ("Patient", "_id", "s|a", "search-value-id", "`_id`"),
        ("Goal", "lifecycle-status.name", "x", "search-chain", "is no reference"),
        ("Goal", "subject.colour", "x", "search-chain", "`colour`"),
        ("Goal", "subject:Patient.colour", "x", "search-chain", "`colour` of Patient"),
        ("Goal", "subject:Location.name", "x", "search-reference-target", "`Location`"),
        ("Goal", "subject:identifier.name", "x", "search-chain", "no type that is kept here"),
        ("Goal", "patient.name:wrong", "x", "search-modifier-unsupported", "`:wrong`"),
        ("Goal", "patient.birthdate", "soon", "search-value-date", "`birthdate`"),
        ("Goal", "patient.", "x", "search-chain", "``"),
        ("Observation", "specimen.status", "x", "search-chain", "no type that is kept here"),
        ("QuestionnaireResponse", "questionnaire.title", "x", "search-chain", "canonical"),
        ("Goal", "subject._has:CareTeam:patient:status", "x", "search-chain", "say the type"),
        ("Patient", "_has", "x", "search-chain", "_has:Type"),
        ("Patient", "_has:Goal:patient", "x", "search-chain", "_has:Type"),
        ("Patient", "_has:Nothing:patient:status", "x", "search-chain", "`Nothing`"),
        ("Patient", "_has:Goal:colour:status", "x", "search-parameter-unknown", "`colour`"),
        ("Patient", "_has:Goal:lifecycle-status:identifier", "x", "search-chain", "no reference"),
        ("Location", "_has:Goal:patient:identifier", "x", "search-reference-target", "`Location`"),
        ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:status", "x", "search-chain", "canonical"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_told(ask, type_, name, value, slug, says):
    with pytest.raises(Malformed) as refusal:
        ask(type_, name, value)
    (issue,) = refusal.value.issues
    assert issue.slug == slug
    assert says in issue.text


def test_a_chain_without_end_is_refused(ask):
    deepest = ".".join(["part-of"] * DEEPEST_CHAIN)
    assert isinstance(ask("Encounter", f"{deepest}.status", "finished"), Chain)
    with pytest.raises(Malformed, match="longer than"):
        ask("Encounter", f"part-of.{deepest}.status", "finished")
    with pytest.raises(Malformed, match="longer than"):
        ask("Encounter", "_has:Encounter:part-of:" * 3000 + "status", "finished")


def test_every_parameter_is_offered(registry):
    setting = Setting(registry, "http://127.0.0.1:8080/fhir", 0)
    missing = {
        (type_, code)
        for type_ in registry.served
        for code in registry.search_parameters(type_)
        if code not in offered(setting, type_)
    }
    assert not missing


@pytest.mark.parametrize(
    ("type_", "code", "expected"),
    [
        ("Observation", "code", {"missing", "not", "text", "in", "not-in", "above", "below"}),
        ("Observation", "combo-code", {"missing", "not", "text", "in", "not-in", "above", "below"}),
        ("Observation", "status", {"missing", "not", "in", "not-in", "above", "below"}),
        ("Patient", "identifier", {"missing", "not", "text", "of-type"}),
        ("Patient", "email", {"missing", "not"}),
        ("Patient", "_id", {"missing", "not"}),
        ("Patient", "name", {"missing", "exact", "contains"}),
        ("Encounter", "location", {"missing", "identifier", "above", "below"}),
        ("Goal", "subject", {"missing", "identifier", "above", "below"}),
        ("Goal", "patient", {"missing", "identifier"}),
        ("QuestionnaireResponse", "questionnaire", {"missing"}),
        ("Questionnaire", "url", {"missing", "above", "below"}),
        ("Observation", "value-quantity", {"missing"}),
        ("Observation", "code-value-quantity", set()),
    ],
)
def test_the_modifiers_of_a_parameter(registry, type_, code, expected):
    parameter = registry.search_parameters(type_)[code]
    assert set(modifiers(Setting(registry, "http://127.0.0.1:8080/fhir", 0), parameter)) == expected

"""Criteria: modifiers, alternatives, chains and reverse chains."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.criteria import DEEPEST_CHAIN
from service.fhir.search.expressions import (
    Chain,
    Everything,
    Has,
    Ids,
    Missing,
    Not,
    Nothing,
    Or,
    Reference,
    String,
    Token,
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
        ("Patient", "_id", "a", Ids(frozenset("a"))),
        ("Patient", "_id", "a,b,a", Ids(frozenset("ab"))),
        ("Patient", "_id:not", "a", Not(Ids(frozenset("a")))),
        ("Patient", "_id:missing", "true", Nothing()),
        ("Patient", "_lastUpdated:missing", "false", Everything()),
        ("Patient", "_tag", "http://a.example|x", Token("_tag", "http://a.example", "x")),
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
        ("Observation", "code-value-quantity", "a$1", "search-parameter-unsupported", "`code-value-quantity`"),
        ("Location", "near", "1|2", "search-parameter-unsupported", "`near`"),
        ("Goal", "subject:missing:x", "true", "search-modifier-unsupported", "`:missing:x`"),
        ("Patient", "gender:text", "x", "search-modifier-unsupported", "`:missing`, `:not`"),
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
        ("Goal", "subject:identifier.name", "x", "search-modifier-unsupported", "`:identifier`"),
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

"""Codes by value set and by hierarchy."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.criteria import condition
from service.fhir.search.expressions import Not, Nothing, Or, Token

BASE = "http://127.0.0.1:8080/fhir"
STATUS = "http://hl7.org/fhir/goal-status"
SETS = {
    "http://a.example/set": {("s", "b"), ("s", "a")},
    "ValueSet/one": {("s", "a")},
    "http://a.example/none": set(),
    "http://a.example/status": {(STATUS, "active"), ("s", "active"), (STATUS, "planned")},
    "http://a.example/a,b": {("s", "c")},
}
BELOW = {("s", "a", "below"): {("s", "a"), ("s", "a1")}, (STATUS, "active", "below"): {(STATUS, "active")}}


@pytest.fixture
def ask(registry):
    def members(address):
        return frozenset(SETS[address]) if address in SETS else None

    def related(system, code, direction):
        found = BELOW.get((system, code, direction))
        return None if found is None else frozenset(found)

    setting = Setting(registry, BASE, 0, members=members, related=related)
    return lambda type_, name, value: condition(setting, type_, name, value)


def any_of(parameter, *pairs):
    tokens = tuple(Token(parameter, system, code) for system, code in pairs)
    return tokens[0] if len(tokens) == 1 else Or(tokens)


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Observation", "code:in", "http://a.example/set", any_of("code", ("s", "a"), ("s", "b"))),
        ("Observation", "code:in", "ValueSet/one", any_of("code", ("s", "a"))),
        ("Observation", "code:in", "http://a.example/none", Nothing()),
        ("Observation", "code:in", r"http://a.example/a\,b", any_of("code", ("s", "c"))),
        ("Observation", "code:in", "http://a.example/none,ValueSet/one",
         Or((Nothing(), Token("code", "s", "a")))),
        ("Observation", "code:not-in", "ValueSet/one", Not(any_of("code", ("s", "a")))),
        ("Observation", "_security:in", "ValueSet/one", any_of("_security", ("s", "a"))),
        ("Goal", "lifecycle-status:in", "http://a.example/status",
         any_of("lifecycle-status", ("", "active"), ("", "planned"))),
        ("Goal", "lifecycle-status:in", "ValueSet/one", Nothing()),
        ("Observation", "code:below", "s|a", any_of("code", ("s", "a"), ("s", "a1"))),
        ("Goal", "lifecycle-status:below", f"{STATUS}|active", any_of("lifecycle-status", ("", "active"))),
        ("Goal", "lifecycle-status:below", "active", any_of("lifecycle-status", ("", "active"))),
    ],
)  # fmt: skip
def test_a_set_of_codes_asks_for_each_of_them(ask, type_, name, value, expected):
    assert ask(type_, name, value) == expected


def test_a_code_that_stands_bare_or_with_its_system_is_asked_both_ways(ask, registry):
    assert ask("Questionnaire", "code:in", "ValueSet/one") == Token("code", "s", "a")
    parameter = registry.search_parameters("StructureDefinition")["keyword"]
    assert parameter.type == "token"
    assert ask("StructureDefinition", "keyword:in", "ValueSet/one") == Token("keyword", "s", "a")


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("code:in", "http://a.example/unknown", "search-value-set"),
        ("code:not-in", "s|a", "search-value-set"),
        ("code:below", "s|unknown", "search-code-system"),
        ("code:above", "s|a", "search-code-system"),
        ("code:below", "a", "search-code-system"),
        ("code:below", "s|", "search-value-token"),
        ("code:below", "a|b|c", "search-value-token"),
    ],
)
def test_what_is_not_known_is_refused(ask, name, value, slug):
    with pytest.raises(Malformed) as refusal:
        ask("Observation", name, value)
    assert refusal.value.issues[0].slug == slug

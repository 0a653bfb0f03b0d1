"""Token parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Or, Token
from service.fhir.search.types.token import READERS

SYSTEM = "http://a.example/s"
STATUS = "http://hl7.org/fhir/goal-status"


@pytest.mark.parametrize(
    ("type_", "value", "pairs"),
    [
        ("Coding", {"system": SYSTEM, "code": "c"}, [(SYSTEM, "c")]),
        ("Coding", {"code": "c"}, [("", "c")]),
        ("Coding", {"display": "in words"}, [("", "")]),
        (
            "CodeableConcept",
            {"coding": [{"system": SYSTEM, "code": "c"}, {"code": "d"}]},
            [(SYSTEM, "c"), ("", "d")],
        ),
        ("CodeableConcept", {"text": "in words"}, [("", "")]),
        ("Identifier", {"system": SYSTEM, "value": "1"}, [(SYSTEM, "1")]),
        ("Identifier", {"value": "1"}, [("", "1")]),
        (
            "ContactPoint",
            {"system": "email", "value": "Nobody@Nowhere.example"},
            [("", "Nobody@Nowhere.example")],
        ),
        ("code", "Active", [("", "Active")]),
        ("string", "Version One", [("", "version one")]),
        ("boolean", True, [("", "true")]),
        ("System.Boolean", False, [("", "false")]),
        ("positiveInt", 3, [("", "3")]),
    ],
)
def test_the_tokens_of_an_element(type_, value, pairs):
    assert READERS[type_](value) == pairs


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("c", Token("identifier", None, "c")),
        ("C", Token("identifier", None, "C")),
        (f"{SYSTEM}|c", Token("identifier", SYSTEM, "c")),
        ("|c", Token("identifier", "", "c")),
        (f"{SYSTEM}|", Token("identifier", SYSTEM, None)),
        (r"a\|b", Token("identifier", None, "a|b")),
        (r"http://a.example/\,|x\$", Token("identifier", "http://a.example/,", "x$")),
    ],
)
def test_a_token_is_a_code_with_or_without_a_system(ask, text, token):
    assert ask("Patient", "identifier", text) == token


@pytest.mark.parametrize("text", ["|", "a|b|c", "||"])
def test_a_token_has_two_parts_at_most_and_one_at_least(ask, text):
    with pytest.raises(Malformed, match="cannot be read") as refusal:
        ask("Patient", "identifier", text)
    assert refusal.value.issues[0].slug == "search-value-token"


def test_the_system_that_a_bare_code_implies_may_be_said(ask):
    assert ask("Goal", "lifecycle-status", f"{STATUS}|active") == Token("lifecycle-status", None, "active")
    assert ask("Goal", "lifecycle-status", f"{STATUS}|nonsense") == Token(
        "lifecycle-status", STATUS, "nonsense"
    )
    assert ask("Goal", "lifecycle-status", f"{SYSTEM}|active") == Token("lifecycle-status", SYSTEM, "active")
    special = "http://terminology.hl7.org/CodeSystem/special-values"
    assert ask("Patient", "active", f"{special}|true") == Token("active", None, "true")
    assert ask("Patient", "identifier", f"{special}|true") == Token("identifier", special, "true")


def test_a_token_of_a_plain_string_is_asked_in_any_case(ask):
    assert ask("Questionnaire", "version", "V1") == Or(
        (Token("version", None, "V1"), Token("version", None, "v1"))
    )
    assert ask("Questionnaire", "version", "v1") == Token("version", None, "v1")
    assert ask("Questionnaire", "status", "ACTIVE") == Token("status", None, "ACTIVE")

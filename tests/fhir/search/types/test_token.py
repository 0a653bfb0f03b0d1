"""Token parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Or, String, Token
from service.fhir.search.types.token import OF_TYPE_READERS, READERS, TEXT_READERS

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


TYPE = {"coding": [{"system": SYSTEM, "code": "MR"}, {"display": "no code"}], "text": "Record"}


@pytest.mark.parametrize(
    ("type_", "value", "texts"),
    [
        ("Coding", {"code": "c", "display": "Exöm"}, [("exom", "Exöm")]),
        ("Coding", {"code": "c"}, []),
        (
            "CodeableConcept",
            {"coding": [{"display": "A"}, {"code": "c"}], "text": "B"},
            [("a", "A"), ("b", "B")],
        ),
        ("CodeableConcept", {}, []),
        ("Identifier", {"type": TYPE, "value": "1"}, [("record", "Record")]),
        ("Identifier", {"value": "1"}, []),
    ],
)
def test_the_texts_of_an_element(type_, value, texts):
    assert TEXT_READERS[type_](value) == texts


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ({"type": TYPE, "value": "1"}, [(SYSTEM, "MR|1")]),
        ({"type": {"coding": [{"code": "MR"}]}, "value": "a|b"}, [("", "MR|a|b")]),
        ({"type": TYPE}, []),
        ({"value": "1"}, []),
    ],
)
def test_the_types_of_an_identifier(value, pairs):
    assert OF_TYPE_READERS["Identifier"](value) == pairs


def test_a_text_is_asked_by_its_beginning(ask):
    assert ask("Observation", "code:text", "Goal-Progress") == String("code:text", "goal progress", "starts")
    assert ask("Observation", "combo-code:text", "a") == Or(
        (String("code:text", "a", "starts"), String("component-code:text", "a", "starts"))
    )


def test_an_identifier_is_asked_by_its_type(ask):
    assert ask("Patient", "identifier:of-type", rf"{SYSTEM}|MR|a\|b") == Token(
        "identifier:of-type", SYSTEM, "MR|a|b"
    )


@pytest.mark.parametrize(
    ("name", "text", "slug"),
    [
        ("identifier:text", "-", "search-value-string"),
        ("identifier:of-type", "MR|1", "search-value-token"),
        ("identifier:of-type", "|MR|1", "search-value-token"),
        ("identifier:of-type", "s||1", "search-value-token"),
        ("identifier:of-type", "s|MR|", "search-value-token"),
    ],
)
def test_what_such_a_modifier_cannot_read_is_refused(ask, name, text, slug):
    with pytest.raises(Malformed) as refusal:
        ask("Patient", name, text)
    assert refusal.value.issues[0].slug == slug

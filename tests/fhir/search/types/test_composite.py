"""Composite parameters: two values that must stand together."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.dates import moment
from service.fhir.search.expressions import Composite, Date, Or, Quantity, String, Token

UCUM = "http://unitsofmeasure.org"
CODE = Token("code", "s", "a")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("code-value-string", "s|a$Exöm", Composite("code-value-string", CODE, String("value-string", "exom", "starts"))),
        ("code-value-concept", "s|a$t|x",
         Composite("code-value-concept", CODE, Token("value-concept", "t", "x"))),
        ("code-value-concept", r"s|a$x\$y\|\,",
         Composite("code-value-concept", CODE, Token("value-concept", None, "x$y|,"))),
        ("code-value-date", "s|a$ge2026",
         Composite("code-value-date", CODE, Date("value-date", "ge", *moment("2026")))),
        ("code-value-quantity", "s|a$gt5",
         Composite("code-value-quantity", CODE, Quantity("value-quantity", "gt", 5, 4.5, 5.5, None, None))),
        ("code-value-quantity", f"s|a$5|{UCUM}|mg",
         Composite("code-value-quantity:canonical", CODE,
                   Quantity("value-quantity", "eq", 0.005, 0.0045, 0.0055, UCUM, "g"))),
        ("code-value-concept", "s|a$x,s|a$y", Or((
            Composite("code-value-concept", CODE, Token("value-concept", None, "x")),
            Composite("code-value-concept", CODE, Token("value-concept", None, "y")),
        ))),
    ],
)  # fmt: skip
def test_a_pair_is_read_as_two_parameters_are(ask, name, text, expected):
    assert ask("Observation", name, text) == expected


@pytest.mark.parametrize("second", ["5", f"5|{UCUM}|mg"])
def test_a_composite_that_others_make_up_asks_each_of_them_once(ask, second):
    found = ask("Observation", "combo-code-value-quantity", f"a${second}")
    assert [part.parameter.partition(":")[0] for part in found.parts] == [
        "code-value-quantity",
        "component-code-value-quantity",
    ]


def test_a_first_part_that_may_be_two_tokens_makes_two_pairs(ask):
    found = ask("Group", "characteristic-value", "s|a$true")
    assert found == Composite(
        "characteristic-value", Token("characteristic", "s", "a"), Token("value", None, "true")
    )


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a", "search-value-composite"),
        ("a$", "search-value-composite"),
        ("$5", "search-value-composite"),
        ("a$5$6", "search-value-composite"),
        (r"a\$5", "search-value-composite"),
        ("|$5", "search-value-token"),
        ("a$mg", "search-value-quantity"),
    ],
)
def test_what_is_no_pair_is_refused(ask, text, slug):
    with pytest.raises(Malformed) as refusal:
        ask("Observation", "code-value-quantity", text)
    assert refusal.value.issues[0].slug == slug

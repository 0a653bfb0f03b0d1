"""Uri parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import And, Token, Uri
from service.fhir.search.lengths import LONGEST_BEGINNING
from service.fhir.search.types.uri import READERS


def test_the_uris_of_an_element():
    assert READERS["uri"]("http://a.example/X") == [("http://a.example/X",)]
    assert READERS["canonical"]("http://a.example/x|1") == [
        ("http://a.example/x|1",),
        ("http://a.example/x",),
    ]
    assert READERS["canonical"]("http://a.example/x") == [("http://a.example/x",)]


@pytest.mark.parametrize(
    ("type_", "name", "text", "expected"),
    [
        ("Questionnaire", "url", "http://a.example/q", Uri("url", "http://a.example/q", "exact")),
        ("Questionnaire", "url:below", "http://a.example/", Uri("url", "http://a.example", "below")),
        ("Questionnaire", "url:above", "http://a.example/q/1", Uri("url", "http://a.example/q/1", "above")),
        ("Questionnaire", "url", "urn:oid:1.2.3", Uri("url", "urn:oid:1.2.3", "exact")),
        ("Questionnaire", "url", "http://a.example/q|V1",
         And((Uri("url", "http://a.example/q", "exact"), Token("version", None, "v1")))),
        ("Goal", "_profile", "http://a.example/p|1", Uri("_profile", "http://a.example/p|1", "exact")),
        ("Subscription", "url", "http://a.example/|x", Uri("url", "http://a.example/|x", "exact")),
    ],
)  # fmt: skip
def test_what_a_uri_asks(ask, type_, name, text, expected):
    assert ask(type_, name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"), [("url", "two words"), ("url:below", "urn:oid:1.2.3"), ("url:above", "a/b")]
)
def test_a_uri_has_no_spaces_and_only_urls_have_an_above_and_below(ask, name, text):
    with pytest.raises(Malformed) as refusal:
        ask("Questionnaire", name, text)
    assert refusal.value.issues[0].slug == "search-value-uri"


@pytest.mark.parametrize("modifier", ["above", "below"])
def test_above_and_below_ask_for_no_more_than_the_beginning_of_a_long_address_that_is_kept(ask, modifier):
    longest = "http://a.example/".ljust(LONGEST_BEGINNING - 1, "x")
    assert ask("Questionnaire", f"url:{modifier}", f"{longest}/") == Uri("url", longest, modifier)
    with pytest.raises(Malformed) as refusal:
        ask("Questionnaire", f"url:{modifier}", f"{longest[:-1]}é")
    assert refusal.value.issues[0].slug == "search-value-uri"

"""Criteria on a resource as a whole."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Has, Ids, Or, Words


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("_content", "Club", Words("_content", ("club",))),
        ("_content", "the Club, the week", Or((Words("_content", ("the", "club")), Words("_content", ("the", "week"))))),
        ("_content", r"a\,b a", Words("_content", ("a", "b"))),
        ("_text", "Exöm", Words("_text", ("exom",))),
        ("_list", "a", Has("List", "item", Ids(frozenset({"a"})))),
        ("_list", "a,b", Has("List", "item", Ids(frozenset({"a", "b"})))),
    ],
)  # fmt: skip
def test_what_is_asked_of_the_whole(ask, name, value, expected):
    assert ask("Goal", name, value) == expected


@pytest.mark.parametrize(
    ("type_", "name", "value", "slug"),
    [
        ("Goal", "_content", "-", "search-value-string"),
        ("Goal", "_content", "a,", "search-value-empty"),
        ("Goal", "_content", "\\a", "search-value-escape"),
        ("Goal", "_content:exact", "a", "search-modifier-unsupported"),
        ("Goal", "_text:missing", "true", "search-modifier-unsupported"),
        ("Goal", "_list:List", "a", "search-modifier-unsupported"),
        ("Goal", "_list", "$current-goals", "search-value-list"),
        ("Goal", "_list", "List/a", "search-value-list"),
        ("Goal", "_list.status", "current", "search-chain"),
        ("Binary", "_text", "a", "search-parameter-unknown"),
    ],
)
def test_what_is_not_understood_is_refused(ask, type_, name, value, slug):
    with pytest.raises(Malformed) as refusal:
        ask(type_, name, value)
    assert refusal.value.issues[0].slug == slug

"""One alternative of a criterion: its prefix, its escapes, and the codes that it may be under."""

import pytest

from service.fhir.search.asked import Asked, Setting, any_code, prefixed
from service.fhir.search.expressions import Or, String


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("2026", "eq", "2026"),
        ("eq2026", "eq", "2026"),
        ("sa2026", "sa", "2026"),
        ("ap", "ap", ""),
        ("zz1", "eq", "zz1"),
    ],
)
def test_a_prefix_is_two_letters_that_r4_knows(text, prefix, rest):
    assert prefixed(text) == (prefix, rest)


def about(registry, code, text=""):
    setting = Setting(registry, "http://127.0.0.1:8080/fhir", 0)
    return Asked(setting, registry.search_parameters("Observation")[code], code, None, text)


def test_the_value_is_without_escapes(registry):
    assert about(registry, "code", r"a\,b\\c").value == r"a,b\c"


def test_a_derived_value_is_asked_of_the_parameter_or_of_all_that_make_it_up(registry):
    def text(code):
        return String(code, "a", "starts")

    assert any_code(about(registry, "code"), "text", text) == text("code:text")
    assert any_code(about(registry, "combo-code"), "text", text) == Or(
        (text("code:text"), text("component-code:text"))
    )


def test_where_nothing_is_said_no_set_is_known_and_nothing_is_pending(registry):
    setting = Setting(registry, "http://127.0.0.1:8080/fhir", 0)
    assert setting.members("http://a.example") is None
    assert setting.related("s", "a", "below") is None
    assert setting.pending("Goal") == frozenset()

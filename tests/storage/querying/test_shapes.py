"""Searches that differ in values alone have one shape, and their values lie where the shape says."""

from __future__ import annotations

import pytest

from service.fhir.search.expressions import (
    And,
    Chain,
    Composite,
    Date,
    Everything,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Near,
    Not,
    Nothing,
    Or,
    Quantity,
    Reference,
    SortKey,
    String,
    Token,
    Uri,
    Words,
)
from service.fhir.search.lengths import LONGEST_STRING
from service.storage.names import Kind, Names
from service.storage.querying.shapes import MANY, UNKNOWN, Shaping, names_of
from tests.storage.querying.ways import Numbered, shape_of

DAY = 86_400_000_000


@pytest.fixture
def shaping(registry):
    return Shaping(Numbered(), registry)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Token("code", "urn:a", "x"), Token("code", "urn:b", "y")),
        (Token("status", None, "final"), Token("category", None, "survey")),
        (Reference("subject", "Patient", "a"), Reference("subject", "RelatedPerson", "b")),
        (String("value-string", "a", "starts"), String("value-string", "bb", "starts")),
        (Date("date", "ge", 0, 1), Date("date", "ge", 5, 6)),
        (
            Or(tuple(Token("code", None, str(n)) for n in range(9))),
            Or(tuple(Token("code", None, str(n)) for n in range(16))),
        ),
        (Ids(frozenset("abc")), Ids(frozenset("abcd"))),
    ],
)
def test_values_do_not_change_the_shape(registry, one, other):
    assert shape_of(registry, "Observation", one) == shape_of(registry, "Observation", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Token("code", None, "x"), Token("code", "urn:a", "x")),
        (Token("code", None, "x"), Token("identifier", None, "x")),
        (Reference("subject", "Patient", "a"), Reference("performer", "Organization", "a")),
        (Date("date", "ge", 0, 1), Date("date", "le", 0, 1)),
        (Date("date", "eq", 0, DAY), Date("date", "eq", 0, 30 * DAY)),
        (Date("date", "eq", 0, 30 * DAY), Date("date", "eq", 0, 365 * DAY)),
        (Words("_text", ("a",)), Words("_text", ("a", "b"))),
        (Missing("code", True), Missing("code", False)),
    ],
)
def test_what_another_statement_is_needed_for_has_another_shape(registry, one, other):
    assert shape_of(registry, "Observation", one) != shape_of(registry, "Observation", other)


def test_a_point_has_its_parameters_its_numbers_and_the_range_of_its_first(registry, shaping):
    shape = shaping.shape(Near("near", 0.5, 0.25, -1.0, 0.04), "Location")
    assert shape == shape_of(registry, "Location", Near("near", 1.0, 0.0, 0.0, 4.0)) == ("Near", 0)
    names = shaping.names
    *parameters, x, y, z, chord, low, high = shaping.values
    assert [names.text(Kind.PARAMETER, number) for number in parameters] == [
        "Location.near:x", "Location.near:y", "Location.near:z",
    ]  # fmt: skip
    assert (x, y, z, chord) == (0.5, 0.25, -1.0, 0.04)
    assert low < 0.3
    assert high > 0.7
    assert high - low < 0.4 + 1e-11


def test_a_place_is_missing_where_it_has_no_number(registry):
    assert shape_of(registry, "Location", Missing("near:x", True))[2] == "number"


def test_a_conjunction_has_none_within_and_is_none_of_one_part(registry):
    status, code = Token("status", None, "final"), Token("code", None, "x")
    nested = shape_of(registry, "Observation", And((status, And((code, And((status,)))))))
    assert nested == shape_of(registry, "Observation", And((status, code, status)))
    assert shape_of(registry, "Observation", And((And((code,)), Everything()))) == shape_of(
        registry, "Observation", code
    )
    assert shape_of(registry, "Observation", And(())) == ("Everything",)


def test_an_alternative_among_one_is_that_one_and_among_none_nothing(registry):
    code = Token("code", None, "x")
    assert shape_of(registry, "Observation", Or((code,))) == shape_of(registry, "Observation", code)
    assert shape_of(registry, "Observation", Or(())) == shape_of(registry, "Observation", Nothing())
    assert shape_of(registry, "Observation", Ids(frozenset())) == ("Nothing",)


def test_many_values_of_one_parameter_are_one_set(shaping):
    several = [Token("code", "urn:a", f"c{number}") for number in range(MANY + 1)]
    kind, at, slots, leaf = shaping.shape(Or((*several,)), "Observation")
    assert (kind, at, slots, leaf[0]) == ("Set", 0, 16, "Token")
    codes = shaping.values[1::2]
    assert codes[: MANY + 1] == [token.code for token in several]
    assert set(codes[MANY:]) == {several[-1].code}


def test_few_values_and_other_parameters_are_alternatives(registry):
    few = Or(tuple(Token("code", None, str(number)) for number in range(MANY - 1)))
    assert shape_of(registry, "Observation", few)[0] == "Or"
    mixed = Or(
        (*(Token("code", None, str(number)) for number in range(MANY)), Token("status", None, "final"))
    )
    assert [part[0] for part in shape_of(registry, "Observation", mixed)[1:]] == ["Set", "Token"]


def test_each_leaf_tells_where_its_values_lie(shaping):
    where = And(
        (Token("code", "urn:a", "x"), Date("date", "ge", 7, 9), Not(Reference("subject", "Patient", "b")))
    )
    _, token, date, (_, reference) = shaping.shape(where, "Observation")
    parameter = shaping.names.code(Kind.PARAMETER, "Observation.code")
    assert shaping.values[token[1] : token[1] + 2] == [parameter, "x"]
    assert shaping.values[date[1] + 1 : date[1] + 3] == [7, 9]
    assert shaping.values[reference[1] + 1] == b"b"


def test_a_composite_tells_where_the_values_of_either_part_lie(shaping):
    second = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, "urn:u", "mg")
    where = Composite("code-value-quantity", Token("code", "urn:a", "x"), second)
    kind, at, *_, (_, inner, *_) = shaping.shape(where, "Observation")
    assert (kind, shaping.values[at + 1]) == ("Composite", "x")
    assert shaping.values[inner + 1 : inner + 5] == [5.0, 4.5, 5.5, "mg"]


def test_derived_codes_have_numbers_of_their_own(shaping):
    shaping.shape(String("code:text", "plan", "starts"), "Observation")
    shaping.shape(Token("subject:identifier", None, "1"), "Observation")
    assert {"Observation.code:text", "Observation.subject:identifier"} <= set(
        shaping.names.texts(Kind.PARAMETER)
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("code", "token"), ("code:text", "string"), ("identifier:of-type", "token"), ("subject:identifier", "token"),
        ("value-quantity:canonical", "quantity"), ("code-value-quantity:canonical", "composite"),
    ],
)  # fmt: skip
def test_what_is_missing_is_looked_for_among_values_of_its_kind(registry, code, kind):
    assert shape_of(registry, "Observation", Missing(code, True))[2] == kind


def test_a_name_that_nobody_has_used_has_a_number_that_no_row_has(registry):
    names = Names()
    names.learn([(Kind.PARAMETER, 1, "Observation.code")])
    shaping = Shaping(names, registry)
    shaping.shape(Token("code", "urn:never", "x"), "Observation")
    assert shaping.values == [1, "x", UNKNOWN]


def test_an_exact_text_is_looked_for_by_its_folded_text_unless_that_is_not_kept(registry):
    assert shape_of(registry, "Patient", String("name", "Łukasz", "exact"))[2] == "same"
    assert shape_of(registry, "Patient", String("phonetic", "Probe", "exact"))[2] == "exact"
    assert shape_of(registry, "Patient", String("name", "a" * LONGEST_STRING, "exact"))[2] == "exact"


def test_above_an_address_are_its_beginnings_at_slashes(shaping):
    shaping.shape(Uri("url", "urn:x/y/z", "above"), "Questionnaire")
    assert shaping.values[1:] == ["urn:x", "urn:x/y", "urn:x/y/z"]


def test_the_systems_in_all_corners_of_a_search_are_learnt(registry):
    where = And(
        (
            Or((Token("code", "urn:a", None), Not(Quantity("value-quantity", "eq", 1, 0, 2, "urn:b", "mg")))),
            Has("Goal", "subject", Token("category", "urn:c", "x")),
            Composite("code-value-concept", Token("code", "urn:d", "x"), Token("code", "urn:e", "y")),
            Token("status", None, "final"),
        )
    )
    assert names_of(where) == {(Kind.SYSTEM, f"urn:{letter}") for letter in "abcde"}


def test_a_sort_key_tells_whether_a_resource_has_one_date_at_most(shaping):
    assert shaping.sort(SortKey("date", "date", descending=True), "Observation") == ("date", 0, True, True)
    assert shaping.sort(SortKey("_lastUpdated", "_lastUpdated"), "Observation") == (
        "_lastUpdated",
        1,
        False,
        True,
    )
    assert shaping.sort(SortKey("target-date", "date"), "Goal")[3] is False


def test_conditions_on_the_dates_that_are_sorted_by_are_known(shaping):
    where = And((Date("date", "ge", 0, 1), Token("code", None, "x"), Date("value-date", "ge", 0, 1)))
    shape = shaping.shape(where, "Observation")
    key = shaping.sort(SortKey("date", "date"), "Observation")
    assert shaping.like(key, shape[1:]) == (0,)
    assert shaping.like(shaping.sort(SortKey("code", "token"), "Observation"), shape[1:]) == ()


@pytest.mark.parametrize(
    ("prefix", "first", "last"),
    [
        ("eq", 2, 2),
        ("ge", 2, None),
        ("gt", 3, None),
        ("sa", 3, None),
        ("lt", None, 1),
        ("eb", None, 1),
        ("le", None, 2),
        ("ap", 2, 2),
    ],
)
def test_the_milliseconds_of_a_time_of_change(shaping, prefix, first, last):
    shaping.shape(LastUpdated(prefix, 2_000, 3_000), "Observation")
    low, high = shaping.values
    assert low == first if first is not None else low < -(2**60)
    assert high == last if last is not None else high > 2**60


def test_chains_within_chains_stand_in_one_line_each(registry):
    house = Reference("partof", "Location", "house")
    below = house
    for _ in range(3):
        below = Or((house, Chain("partof", "Location", below)))
    kind, *lines = shape_of(registry, "Location", below)
    assert kind == "Or"
    assert [str(line).count("Chain") for line in lines] == [0, 1, 2, 3]
    assert not any("Or" in str(line) for line in lines)

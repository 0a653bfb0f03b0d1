"""Which rows of an index meet a leaf, and by which of its columns the index finds them."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from service.fhir.search.expressions import (
    Composite,
    Date,
    Near,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
    Words,
)
from service.storage.querying.leaves import Way, is_ranged, on_row, rows
from service.storage.statements import POSTGRESQL, SQLITE, compiled
from tests.storage.querying.ways import shape_of

SINCE = Date("date", "ge", 0, 1)
SCORE = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, "mg")


def conditions(shape, way, *, postgresql=False):
    found = rows(shape, way, postgresql=postgresql)
    dialect = POSTGRESQL if postgresql else SQLITE
    said = compiled(select(found.table.c.rid).where(*found.all), dialect).text.split("WHERE")[1]
    return re.sub(r"\?\d+", "?", " ".join(said.split()))


@pytest.mark.parametrize(
    ("where", "way", "hidden", "seen"),
    [
        (SINCE, Way.BY_VALUE, "+index_date_1.low", "index_date_1.high > ?"),
        (SINCE, Way.BY_RESOURCE, "+index_date_1.high > ?", "index_date_1.parameter = ?"),
        (SINCE, Way.IN_ORDER, "+index_date_1.high > ?", "index_date_1.parameter = ?"),
        (SCORE, Way.IN_ORDER, "+index_quantity_1.value > ?", "index_quantity_1.locality = ?"),
        (
            String("value-string", "a", "starts"),
            Way.BY_RESOURCE,
            "+index_string_1.folded >= ?",
            "index_string_1.locality = ?",
        ),
    ],
)
def test_only_where_rows_are_come_to_by_value_does_a_value_lead(registry, where, way, hidden, seen):
    said = conditions(shape_of(registry, "Observation", where), way)
    assert hidden in said
    assert seen in said


@pytest.mark.parametrize(
    "where",
    [
        Token("code", "urn:a", "x"),
        Reference("subject", "Patient", "a"),
        Composite("code-value-quantity", Token("code", None, "x"), SCORE),
    ],
)
@pytest.mark.parametrize("way", [Way.BY_VALUE, Way.BY_RESOURCE])
def test_a_value_and_a_resource_together_are_found_in_the_index_by_value(registry, where, way):
    said = conditions(shape_of(registry, "Observation", where), way)
    assert not any(
        f"+{name}" in said for name in ("index_token_1.", "index_reference_1.", "index_composite_1.code")
    )


def test_what_reaches_rows_lets_through_no_fewer_than_the_condition(registry):
    found = rows(shape_of(registry, "Observation", SINCE), Way.BY_VALUE, postgresql=False)
    assert len(found.reach) == 3  # locality, parameter and the end
    assert len(found.conditions) == 1


def test_the_numbers_of_a_code_are_a_range_where_a_range_is_asked_for(registry):
    shape = shape_of(
        registry, "Observation", Composite("code-value-quantity", Token("code", None, "x"), SCORE)
    )
    assert " index_composite_1.value > ?" in conditions(shape, Way.BY_RANGE)
    assert is_ranged(shape)
    concept = Composite("code-value-concept", Token("code", None, "x"), Token("code", None, "y"))
    assert not is_ranged(shape_of(registry, "Observation", concept))


def test_words_are_looked_for_in_either_databases_way(registry):
    shape = shape_of(registry, "Observation", Words("_text", ("plan", "goal")))
    assert conditions(shape, Way.BY_RESOURCE).count("instr(") == 2
    assert conditions(shape, Way.BY_RESOURCE, postgresql=True).count("strpos(") == 2


def test_a_point_is_reached_by_its_first_coordinate_and_told_by_all(registry):
    shape = shape_of(registry, "Location", Near("near", 1.0, 0.0, 0.0, 0.1))
    said = conditions(shape, Way.BY_RANGE)
    assert "index_number_1.value BETWEEN ? AND ?" in said
    assert said.count("CROSS JOIN") == 1
    assert "+index_number_1.value BETWEEN ? AND ?" in conditions(shape, Way.BY_RESOURCE)


@pytest.mark.parametrize(
    ("prefix", "bounds"),
    [("eq", 5), ("sa", 2), ("eb", 2), ("ge", 2), ("gt", 1), ("le", 2), ("lt", 1), ("ap", 2)],
)
def test_on_a_row_of_dates_both_ends_are_bounded_where_they_can_be(registry, prefix, bounds):
    shape = shape_of(registry, "Observation", Date("date", prefix, 0, 1))
    table = rows(shape, Way.BY_VALUE, postgresql=False).table
    assert len(on_row(shape, table)) == bounds


def test_addresses_below_one_lie_between_two_signs(registry):
    said = conditions(shape_of(registry, "Questionnaire", Uri("url", "urn:x", "below")), Way.BY_VALUE)
    assert "index_uri_1.uri >= ? AND index_uri_1.uri < ?" in said

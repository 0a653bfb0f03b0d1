"""Which parts of a search can drive it, which stream, and which of them leaves fewest."""

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
    Number,
    Or,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
    Within,
    Words,
)
from service.storage.querying.ranks import drives, is_narrow, parts, rank, scans, streams
from tests.storage.querying.ways import shape_of

DAY = 86_400_000_000

CHILD = Reference("subject", "Patient", "a")
GOAL = Reference("focus", "Goal", "a")
NUMBER = Token("identifier", "urn:number", "1")
SERVICE = Reference("performer", "Organization", "a")
CODE = Token("code", None, "x")
SINCE = Date("date", "ge", 0, DAY)
TODAY = Date("date", "eq", 0, DAY)
SCORE = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, None)
BOTH = Composite("code-value-quantity", CODE, SCORE)
NAMED = Chain("subject", "Patient", String("name", "x", "starts"))
NUMBERED = Chain("subject", "Patient", NUMBER)


@pytest.mark.parametrize(
    ("where", "can_drive", "can_stream", "can_scan", "narrow"),
    [
        (Ids(frozenset("a")), True, False, False, True),
        (CHILD, True, True, False, True),
        (NUMBER, True, True, False, True),
        (SERVICE, True, True, False, False),
        (CODE, True, True, False, False),
        (Token("code", "urn:a", None), False, False, False, False),
        (String("value-string", "a", "starts"), True, False, True, False),
        (String("value-string", "a", "contains"), False, False, True, False),
        (String("value-string", "a", "exact"), True, True, True, False),
        (SINCE, True, False, True, False),
        (TODAY, True, False, True, True),
        (Date("date", "ne", 0, DAY), False, False, True, False),
        (SCORE, True, False, True, False),
        (BOTH, True, True, False, False),
        (LastUpdated("ge", 0, 1), True, False, False, False),
        (LastUpdated("ne", 0, 1), False, False, False, False),
        (Words("_text", ("a",)), False, False, True, False),
        (Missing("code", True), False, False, False, False),
        (Within("performer", "Organization", "a", "partof", "below"), True, False, False, False),
        (Not(CHILD), False, False, False, False),
        (Everything(), False, False, False, False),
        (NUMBERED, True, False, False, True),
        (NAMED, True, False, False, False),
        (Chain("performer", "Organization", NUMBER), True, False, False, False),
        (Chain("subject", "Patient", Everything()), False, False, False, False),
        (Has("Goal", "subject", NUMBER), True, False, False, True),
        (Or((CHILD, GOAL)), True, True, False, True),
        (Or((CHILD, CODE)), True, True, False, False),
        (Or((CHILD, Not(CODE))), False, False, False, False),
        (Or((CHILD, SINCE)), True, False, False, False),
        (Or((CHILD, And((GOAL, Not(CODE))))), True, False, False, True),
        (Or(tuple(Token("code", None, str(number)) for number in range(20))), True, False, False, False),
    ],
)
def test_what_a_part_can_do(registry, where, can_drive, can_stream, can_scan, narrow):
    type_ = "Patient" if isinstance(where, Has) else "Observation"
    shape = shape_of(registry, type_, where)
    assert (drives(shape), streams(shape), scans(shape), is_narrow(shape)) == (
        can_drive,
        can_stream,
        can_scan,
        narrow,
    )


@pytest.mark.parametrize(
    ("type_", "where"),
    [("Questionnaire", Uri("url", "urn:x", "below")), ("Questionnaire", Uri("url", "urn:x", "above"))],
)
def test_a_range_of_addresses_drives_and_does_not_stream(registry, type_, where):
    shape = shape_of(registry, type_, where)
    assert drives(shape)
    assert not streams(shape)


def test_a_place_drives_by_a_range(registry):
    shape = shape_of(registry, "Location", Near("near", 1.0, 0.0, 0.0, 0.1))
    assert drives(shape)
    assert scans(shape)
    assert not streams(shape)
    assert not is_narrow(shape)


def test_the_narrower_goes_first(registry):
    by_rank = [
        Ids(frozenset("a")),
        NUMBER,
        GOAL,
        CHILD,
        NUMBERED,
        BOTH,
        SERVICE,
        CODE,
        SINCE,
        SCORE,
        LastUpdated("ge", 0, 1),
    ]
    ranks = [rank(shape_of(registry, "Observation", where)) for where in by_rank]
    assert ranks == sorted(set(ranks))


def test_a_conjunction_is_as_narrow_as_its_narrowest_and_an_alternative_as_its_broadest(registry):
    assert is_narrow(shape_of(registry, "Observation", And((CODE, CHILD))))
    assert rank(shape_of(registry, "Observation", Or((CHILD, CODE)))) == rank(
        shape_of(registry, "Observation", CODE)
    )


def test_the_parts_are_what_must_all_hold(registry):
    assert len(parts(shape_of(registry, "Observation", And((CODE, SINCE, CHILD))))) == 3
    assert len(parts(shape_of(registry, "Observation", Or((CODE, SINCE))))) == 1


def test_a_number_ranges_as_a_quantity_does(registry):
    number = shape_of(registry, "Measure", Number("a-number", "gt", 5.0, 4.5, 5.5))
    assert (drives(number), scans(number), streams(number)) == (True, True, False)
    assert not drives(shape_of(registry, "Measure", Number("a-number", "ne", 5.0, 4.5, 5.5)))

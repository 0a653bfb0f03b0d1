"""Which way a search goes: as a table, in the clinic's words."""

from __future__ import annotations

import pytest

from service.fhir.search.expressions import (
    And,
    Chain,
    Composite,
    Date,
    Everything,
    Has,
    LastUpdated,
    Missing,
    Not,
    Or,
    Quantity,
    Reference,
    String,
    Token,
)
from service.storage.querying.plans import BROAD, BROAD_ALONE, MOST_STREAMS, Plan, at_commit, choose, outlook
from tests.storage.querying.ways import shape_of

DAY = 86_400_000_000

CHILD = Reference("subject", "Patient", "a")
NUMBER = Token("identifier", "urn:number", "1")
CODE = Token("code", None, "x")
FINAL = Token("status", None, "final")
SINCE = Date("date", "ge", 0, DAY)
UNTIL = Date("date", "le", 0, DAY)
TODAY = Date("date", "eq", 0, DAY)
NOVEMBER = Date("date", "eq", 0, 30 * DAY)
SCORE = Quantity("value-quantity", "gt", 5.0, 4.5, 5.5, None, None)
TEXT = String("value-string", "a", "contains")
NAMED = Chain("subject", "Patient", String("name", "x", "starts"))

FEW, MANY = 3, BROAD


@pytest.mark.parametrize(
    ("what", "where", "is_sorted", "counts", "plan"),
    [
        ("a child's scores", CHILD, False, None, Plan("stream", 0)),
        ("a child's scores, newest first", CHILD, True, None, Plan("collect", 0)),
        ("a child's scores of one goal", And((CODE, SINCE, CHILD)), False, None, Plan("stream", 2)),
        ("the same, newest first", And((CODE, SINCE, CHILD)), True, None, Plan("collect", 2)),
        ("by number", And((CHILD, NUMBER)), False, None, Plan("stream", 1)),
        ("one code", CODE, False, None, Plan("stream", 0)),
        ("some codes", Or((CODE, FINAL)), False, None, Plan("stream", 0)),
        ("a rare code, newest first", CODE, True, (FEW,), Plan("collect", 0)),
        ("a common code, newest first", CODE, True, (MANY,), Plan("sorted walk")),
        ("a rare code that is final", And((FINAL, CODE)), False, (MANY, FEW), Plan("stream", 1)),
        ("a common code that is final", And((FINAL, CODE)), False, (MANY, MANY), Plan("stream", 0)),
        ("a high score, seldom", SCORE, False, (FEW,), Plan("collect", 0)),
        ("a high score, often", SCORE, False, (MANY,), Plan("scan", 0)),
        ("a high score, more often than is collected alone", SCORE, False, (BROAD_ALONE,), Plan("scan", 0)),
        (
            "a high score of a code, as often",
            And((SCORE, CODE)),
            False,
            (BROAD_ALONE, MANY),
            Plan("collect", 0),
        ),
        ("today", TODAY, False, None, Plan("collect", 0)),
        ("today, one code", And((CODE, TODAY)), False, None, Plan("collect", 1)),
        ("this month", NOVEMBER, False, (MANY,), Plan("collect", 0)),
        ("this month, a code that is rare", And((CODE, NOVEMBER)), False, (FEW, MANY), Plan("stream", 0)),
        ("a text in the middle", TEXT, False, None, Plan("scan", 0)),
        ("without a code", Missing("code", True), False, None, Plan("walk")),
        ("all but the final", Not(FINAL), False, None, Plan("walk")),
        ("everything", Everything(), False, None, Plan("walk")),
        ("everything, newest first", Everything(), True, None, Plan("sorted walk")),
        ("of children with a rare name", NAMED, False, (FEW,), Plan("collect", 0)),
        ("of children with a common name", NAMED, False, (MANY,), Plan("walk")),
        ("changed since", LastUpdated("ge", 0, 1), False, (FEW,), Plan("collect", 0)),
    ],
)
def test_the_way_that_a_search_goes(registry, what, where, is_sorted, counts, plan):
    shape = shape_of(registry, "Observation", where)
    expected = outlook(shape, is_sorted=is_sorted)
    if counts is not None and len(expected.asked) == 2:
        counts = tuple(counts[part] for part in expected.asked)
    assert choose(shape, expected, counts, is_sorted=is_sorted) == plan, what


@pytest.mark.parametrize(
    "where",
    [
        CHILD,
        And((CODE, CHILD, SINCE, TEXT)),
        NUMBER,
        TODAY,
        Has("Goal", "subject", NUMBER),
        CODE,
        Or((CODE, FINAL)),
    ],
)
def test_nothing_is_counted_where_it_decides_nothing(registry, where):
    type_ = "Patient" if isinstance(where, Has) else "Observation"
    assert outlook(shape_of(registry, type_, where), is_sorted=False).asked == ()


@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize(
    "beside", [CODE, SINCE, NOVEMBER, SCORE, TEXT, NAMED, Not(FINAL), Missing("code", True)]
)
def test_a_childs_searches_are_always_led_by_the_child(registry, beside, is_sorted):
    expected = outlook(shape_of(registry, "Observation", And((beside, CHILD))), is_sorted=is_sorted)
    assert expected.narrow
    assert not expected.asked
    assert expected.plan.part == 1


@pytest.mark.parametrize(
    ("where", "late"),
    [
        (SINCE, True), (Date("date", "ap", 0, DAY), True), (Date("date", "ap", 0, 100 * DAY), False), (And((FINAL, SINCE)), True), (LastUpdated("gt", 0, 1), True), (UNTIL, False), (NOVEMBER, False),
        (And((CHILD, SINCE)), False), (Not(SINCE), False), (CODE, False),
    ],
)  # fmt: skip
def test_what_was_stored_last_comes_first_where_late_dates_are_asked_for(registry, where, late):
    assert outlook(shape_of(registry, "Observation", where), is_sorted=False).late is late


def test_an_order_by_the_dates_that_are_asked_for_walks_them(registry):
    shape = shape_of(registry, "Observation", NOVEMBER)
    assert outlook(shape, is_sorted=True, dated=True).plan == Plan("sorted walk")
    assert outlook(shape, is_sorted=True).plan == Plan("collect", 0)


def test_more_alternatives_than_can_be_streamed_side_by_side_are_collected(registry):
    children = Or(tuple(And((Reference("subject", "Patient", str(n)),)) for n in range(4)))
    assert outlook(shape_of(registry, "Observation", children), is_sorted=False).plan.kind == "stream"
    mixed = tuple(
        Reference(("subject", "patient")[n % 2], "Patient", str(n)) for n in range(MOST_STREAMS + 1)
    )
    assert outlook(shape_of(registry, "Observation", Or(mixed)), is_sorted=False).plan.kind == "collect"


@pytest.mark.parametrize(
    ("where", "plan"),
    [
        (NUMBER, Plan("stream", 0)), (And((FINAL, NUMBER)), Plan("stream", 1)), (And((SINCE, FINAL)), Plan("stream", 1)),
        (SCORE, Plan("collect", 0)), (Missing("code", True), Plan("walk")), (TEXT, Plan("scan", 0)),
    ],
)  # fmt: skip
def test_at_commit_the_likeliest_leads(registry, where, plan):
    assert at_commit(shape_of(registry, "Observation", where)) == plan


BOTH = Composite("code-value-quantity", CODE, SCORE)


@pytest.mark.parametrize(
    ("where", "counts", "plan"),
    [
        (BOTH, (FEW,), Plan("collect", 0)),
        (BOTH, (BROAD_ALONE,), Plan("stream", 0)),
        (And((BOTH, FINAL)), (FEW, MANY), Plan("collect", 0)),
        (And((BOTH, FINAL)), (MANY, FEW), Plan("stream", 1)),
        (Composite("code-value-concept", CODE, CODE), None, Plan("stream", 0)),
    ],
)
def test_a_code_with_a_seldom_value_is_collected_and_with_a_frequent_one_streamed(
    registry, where, counts, plan
):
    shape = shape_of(registry, "Observation", where)
    expected = outlook(shape, is_sorted=False)
    assert (expected.asked == ()) is (counts is None)
    assert choose(shape, expected, counts, is_sorted=False) == plan

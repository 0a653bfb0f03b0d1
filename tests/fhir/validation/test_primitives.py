from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.validation.primitives import (
    ACCEPTS,
    EXPECTED,
    LONGEST_STRING,
    is_date,
    is_datetime,
    is_instant,
    json_kind,
    kind_of,
)

GOOD = {
    "base64Binary": ["aGk=", "aGkh", "aGkhaGkh", "aG kh\naGkh", "AA=="],
    "boolean": [True, False],
    "canonical": ["http://example.org/ValueSet/a", "http://example.org/ValueSet/a|1.0", "#q1", "urn:oid:1.2.3|2"],
    "code": ["final", "a", "two words", "mm[Hg]", "{ScoreOf}", "entered-in-error", "1", "ä"],
    "date": ["2026", "2026-03", "2026-03-04", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2026-01-31"],
    "dateTime": [
        "2026", "2026-03", "2026-03-04", "2026-03-04T16:30:00Z", "2026-03-04T16:30:00.123456+01:00",
        "2026-03-04T23:59:60-14:00", "2024-02-29T00:00:00+13:59",
    ],
    "decimal": [0, -1, 10**20, Decimal("7.10"), Decimal("-0.0"), Decimal("1E+2"), Decimal("1E-300"), Decimal("9.99E307")],
    "id": ["a", "A-1.b", "x" * 64],
    "instant": ["2026-03-04T16:30:00Z", "2026-03-04T16:30:00.000+00:00"],
    "integer": [0, -1, 2**31 - 1, -(2**31)],
    "markdown": ["# a\n\n* b", "a"],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883.19.5", "urn:oid:0.0"],
    "positiveInt": [1, 2**31 - 1],
    "string": ["a", " a ", "a\n\tb\r", "a\u00a0b", "\u2028a", "😀", "a" * LONGEST_STRING],
    "time": ["00:00:00", "23:59:60", "16:30:00.5"],
    "unsignedInt": [0, 2**31 - 1],
    "uri": ["http://example.org/a", "a", "../a", "urn:oid:1.2", "urn:isbn:1", "http://example.org/ä", "#a",
            "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520#a"],
    "url": ["http://example.org/a", "mailto:a@example.org"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>'],
}  # fmt: skip

BAD = {
    "base64Binary": ["", " ", "a", "aGk", "aGk=a", "aG=k", "aGk\u00e9", "=", "aGkh!"],
    "boolean": [0, 1],
    "canonical": ["", "a b", "http://example.org/ a"],
    "code": ["", " ", " a", "a ", "a  b", "a\tb", "a\nb", "a\x00"],
    "date": ["", "26", "2026-3", "2026-13", "2026-00", "2026-02-29", "1900-02-29", "2026-02-30", "2026-04-31", "0000",
             "2026-03-00", "2026-03-32", "2026-03-04T16:30:00Z", "04/03/2026", "2026-03-04 ", "\uff12\uff10\uff12\uff16", "2026\n"],
    "dateTime": ["", "2026-03-04T16:30Z", "2026-03-04T16:30:00", "2026-03T16:30:00Z", "2026-03-04T24:00:00Z",
                 "2026-03-04T16:60:00Z", "2026-03-04T16:30:61Z", "2026-03-04T16:30:00+14:30", "2026-03-04T16:30:00+1:00",
                 "2026-02-29T16:30:00Z", "2026-03-04t16:30:00z", "2026-03-04 16:30:00Z", "2026-03-04T16:30:00.Z"],
    "decimal": [Decimal("1E+308"), Decimal("1E-309"), 10**308, Decimal("NaN"), Decimal("Infinity"), 1.5],
    "id": ["", "a b", "a_b", "x" * 65, "ä", "a\n"],
    "instant": ["2026", "2026-03-04", "2026-03-04T16:30:00", "2026-02-30T16:30:00Z"],
    "integer": [2**31, -(2**31) - 1, Decimal("1.0"), Decimal("1E+2"), Decimal(1)],
    "markdown": ["", "\x00", "a" * (LONGEST_STRING + 1)],
    "oid": ["", "1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02", "urn:oid:1.2."],
    "positiveInt": [0, -1, 2**31],
    "string": ["", "a\x00", "\x1f", "a\x0b", "a" * (LONGEST_STRING + 1)],
    "time": ["", "16:30", "24:00:00", "16:30:00Z", "16:30:00+01:00", "6:30:00"],
    "unsignedInt": [-1, 2**31],
    "uri": ["", " ", "a b", "http://example.org/\n", "a\x00", "urn:uuid:x", "urn:oid:x", "urn:oid:1.2 ",
            "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
    "url": ["", "http://example.org/a b"],
    "uuid": ["", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
    "xhtml": ["", "a", "<div>a</div>"],
}  # fmt: skip

# What is said to be blank is refused here, and only warned of by the walker.
BLANK = {"string": [" ", "\n\t", "\u00a0"], "markdown": ["  "]}


def rows(table):
    return [(type_, value) for type_, values in table.items() for value in values]


@pytest.mark.parametrize(("type_", "value"), rows(GOOD))
def test_good_values_are_accepted(type_, value):
    assert ACCEPTS[type_](value)


@pytest.mark.parametrize(("type_", "value"), [*rows(BAD), *rows(BLANK)])
def test_bad_values_are_refused(type_, value):
    assert not ACCEPTS[type_](value)


WRONG_KINDS = {"string": [None, 7, Decimal("7.1"), True, [], {}, ["a"]], "number": [None, "7", True, [], {}, [7]],
               "boolean": [None, "true", "false", Decimal(1), [], {}, [True]]}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "value"), [(type_, value) for type_ in GOOD for value in WRONG_KINDS[json_kind(type_)]]
)
def test_values_of_another_json_kind_are_refused(type_, value):
    try:
        assert not ACCEPTS[type_](value)
    except TypeError:
        assert kind_of(value) != "string"  # how a regular expression refuses


def test_the_tables_are_whole(registry):
    names = {name for name in registry._types if registry.definition(name).kind == "primitive"}
    assert set(ACCEPTS) == set(EXPECTED) == set(GOOD) == set(BAD) == names


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_dates_are_those_of_the_calendar(year, month, day):
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        date(year, month, day)
    except ValueError:
        known = False
    else:
        known = True
    assert bool(is_date(text)) is known
    assert bool(is_datetime(text)) is known
    assert bool(is_datetime(f"{text}T16:30:00Z")) is known
    assert bool(is_instant(f"{text}T16:30:00Z")) is known


@pytest.mark.parametrize("year", [1, 4, 100, 400, 1600, 1700, 1896, 1900, 1904, 2000, 2024, 2026, 2100, 9996])
def test_leap_years_have_their_day(year):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    assert bool(is_date(f"{year:04}-02-29")) is leap

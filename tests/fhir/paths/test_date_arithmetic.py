from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths.date_arithmetic import shift
from service.fhir.paths.dates import parse_datetime, parse_time
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.quantities import Quantity

# Most of these are the specification's own examples.
# Source: https://hl7.org/fhirpath/N1/#datetime-arithmetic
ADDED = [
    ("@1973-12-25 + 7 days", "1974-01-01"),
    ("@1973-12-25 + 7.9 days", "1974-01-01"),
    ("@1973-12-25 + 1 'wk'", "1974-01-01"),
    ("@2019-03-01 + 24 months", "2021-03-01"),
    ("@2026-01-31 + 1 month", "2026-02-28"),
    ("@2024-02-29 + 1 year", "2025-02-28"),
    ("@2014 + 24 months", "2016"),
    ("@2014 + 23 months", "2015"),
    ("@2016 + 365 days", "2017"),
    ("@2014 - 1 month", "2014"),
    ("@2026-02 + 5 weeks", "2026-03"),
    ("@2026-02 + 4 weeks", "2026-02"),
    ("@2026-02 - 1 day", "2026-02"),
    ("@2026-11-22 + 25 hours", "2026-11-23"),
    ("@2026-11-22 + 23 hours", "2026-11-22"),
    ("@2026-01-01T13:00:00 + 30 minutes", "2026-01-01T13:30:00"),
    ("@1973-12-25T00:00:00.000+10:00 + 42.53 seconds", "1973-12-25T00:00:42.530+10:00"),
    ("@1973-12-25T00:00:00.000Z + 10 'ms'", "1973-12-25T00:00:00.010Z"),
    ("@2026-01-01T00:00:00Z - 1 second", "2025-12-31T23:59:59Z"),
    ("@2026-03-01T10 + 90 minutes", "2026-03-01T11"),
    ("@T23:30:00 + 1 hour", "00:30:00"),
    ("@T01:00:00 + 48 hours", "01:00:00"),
    ("@T00:30:00 - 1 hour", "23:30:00"),
    ("@T10:30 + 90 seconds", "10:31"),
    ("@T10 + 119 minutes", "11"),
]


@pytest.mark.parametrize(("expression", "expected"), ADDED)
def test_dates_are_moved_by_the_calendar(expression: str, expected: str, evaluate):
    assert evaluate(expression) == [expected]


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("unit", ["years", "months", "weeks", "days", "hours"])
def test_beyond_the_calendar_lies_nothing(text: str, unit: str):
    sign = 1 if text[0] == "9" else -1
    assert shift(parse_datetime(text), Quantity(Decimal(10**6), unit, calendar=True), sign) is None


@pytest.mark.parametrize("unit", ["mg", "a", "mo", "1"])
def test_only_durations_move_a_date(unit: str):
    with pytest.raises(EvaluationError):
        shift(parse_datetime("2026-11-22"), Quantity(Decimal(1), unit), 1)


def test_a_time_of_day_is_not_moved_by_days():
    with pytest.raises(EvaluationError):
        shift(parse_time("10:30"), Quantity(Decimal(1), "days", calendar=True), 1)

"""Date parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.dates import moment
from service.fhir.search.expressions import LATEST, Date, LastUpdated
from service.fhir.search.types.date import READERS

DAY = moment("2026-11-22")


@pytest.mark.parametrize(
    ("type_", "value", "ranges"),
    [
        ("date", "2026-11-22", [DAY]),
        ("dateTime", "2026-11-22", [DAY]),
        ("instant", "2026-11-22T00:00:00Z", [(DAY[0], DAY[0] + 1000)]),
        ("Period", {"start": "2026-11-22"}, [(DAY[0], LATEST)]),
        ("Period", {}, []),
        ("Timing", {"event": ["2026-11-22"]}, [DAY]),
        ("Timing", {}, []),
        ("date", "not checked", []),
    ],
)
def test_the_ranges_of_an_element(type_, value, ranges):
    assert READERS[type_](value) == ranges


@pytest.mark.parametrize("prefix", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
def test_a_prefix_goes_before_the_date(ask, prefix):
    assert ask("Patient", "birthdate", f"{prefix}2026-11-22") == Date("birthdate", prefix, *DAY)


def test_no_prefix_is_eq(ask):
    assert ask("Patient", "birthdate", "2026-11-22") == Date("birthdate", "eq", *DAY)


def test_ap_is_widened_by_a_tenth_of_the_way_from_now(ask):
    # `ask` has it that now is 2026-11-22T00:00:00Z.
    then = moment("2026-11-02")
    gap = (DAY[0] - then[1]) // 10
    assert ask("Patient", "birthdate", "ap2026-11-02") == Date(
        "birthdate", "ap", then[0] - gap, then[1] + gap
    )


def test_a_plus_that_came_as_a_space_is_read_as_one(ask):
    asked = ask("Observation", "date", "ge2026-11-22T10:00:00 01:00")
    assert asked == ask("Observation", "date", "ge2026-11-22T10:00:00+01:00")
    assert asked == ask("Observation", "date", "ge2026-11-22T09:00:00Z")


def test_last_updated_is_a_condition_of_its_own(ask):
    assert ask("Patient", "_lastUpdated", "gt2026-11-22") == LastUpdated("gt", *DAY)


@pytest.mark.parametrize(
    "text", ["xx2026", "soon", "2026-02-30", "ge", "ge 2026", "2026-11-22T10", "eqeq2026"]
)
def test_what_is_no_date_is_refused_without_repeating_it(ask, text):
    with pytest.raises(Malformed) as refusal:
        ask("Patient", "birthdate", text)
    (issue,) = refusal.value.issues
    assert issue.slug == "search-value-date"
    assert "`birthdate`" in issue.text
    assert f" {text} " not in issue.text

"""The table of care dates, against the search parameters that there are, and what falls into a time."""

from __future__ import annotations

import pytest

from service.fhir import matching
from service.fhir.search.compartments import ALSO, members
from service.fhir.search.dates import moment
from service.fhir.search.expressions import Everything
from service.operations.care_dates import CARE_DATES, Care

# Of these no time of care can be told: who somebody is, and who belongs together.
TIMELESS = {"Group", "Patient", "RelatedPerson"}


def test_every_type_of_a_record_has_a_care_date_or_is_known_to_have_none(registry):
    assert set(CARE_DATES) | TIMELESS == {*members(registry, "Patient"), *ALSO}
    assert not set(CARE_DATES) & TIMELESS


def test_every_care_date_is_a_date_that_is_searched_by(registry):
    for type_, dates in CARE_DATES.items():
        for date in dates:
            assert registry.search_parameters(type_)[date.code].type == "date"


def falls(extractor, care, resource):
    """Whether the resource falls into the time."""
    values = extractor.values(resource)
    return matching.matches(
        care.condition(resource["resourceType"]), resource["resourceType"], "1", 0, values, None
    )


def communication(**elements):
    return {"resourceType": "Communication", "status": "completed", **elements}


def goal(**elements):
    return {"resourceType": "Goal", **elements}


def plan(start=None, end=None):
    period = {name: day for name, day in (("start", start), ("end", end)) if day}
    return {"resourceType": "CarePlan", "period": period}


@pytest.mark.parametrize(
    ("resource", "start", "end", "inside"),
    [
        (communication(sent="2026-03-01"), "2026-03-01", "2026-03-01", True),
        (communication(sent="2026-03-01"), "2026-03-02", None, False),
        (communication(sent="2026-03-01"), None, "2026-02-28", False),
        # The first date that there is decides.
        (communication(sent="2026-03-01", received="2026-04-01"), "2026-04", None, False),
        (communication(received="2026-04-01"), "2026-04", None, True),
        (communication(received="2026-04-01"), None, "2026-03", False),
        # What tells no time could belong to any.
        (communication(), "2026-03-01", "2026-03-01", True),
        # A plan lasts from its start to its end, and without an end goes on.
        (plan("2026-01-01", "2026-06-30"), "2026-03-01", "2026-03-31", True),
        (plan("2026-01-01", "2026-02-28"), "2026-03-01", None, False),
        (plan("2026-01-01"), "2030", None, True),
        (plan("2026-04-01"), None, "2026-03-31", False),
        # What only reaches into the first day or the last was care on that day.
        (plan("2026-02-28", "2026-03-01"), "2026-03-01", None, True),
        (plan("2026-02-28", "2026-03-01T10:00:00Z"), "2026-03-01", None, True),
        (plan("2026-03-31T10:00:00Z", "2026-04-02"), None, "2026-03-31", True),
        (plan("2026-02-28", "2026-04-02"), "2026-03-01", "2026-03-31", True),
        (plan("2026-02-27", "2026-02-28"), "2026-03-01", "2026-03-31", False),
        (plan("2026-04-01", "2026-04-02"), "2026-03-01", "2026-03-31", False),
        (goal(startDate="2026-03"), None, "2026-03-15", True),
        # A goal goes on from its start: R4 has no date of its end that is searched by.
        (goal(startDate="2024-01-01"), "2026", None, True),
        (goal(startDate="2027-01-01"), None, "2026", False),
        (goal(), "2026", "2026", True),
    ],
)
def test_what_falls_into_a_time(extractor, resource, start, end, inside):
    care = Care(*(None if day is None else moment(day) for day in (start, end)))
    assert falls(extractor, care, resource) is inside


def test_without_a_time_everything_falls_into_it():
    for type_ in (*CARE_DATES, *TIMELESS):
        assert Care(None, None).condition(type_) == Everything()

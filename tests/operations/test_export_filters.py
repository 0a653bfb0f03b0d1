"""Filters of exports: what is taken as a search of one type, and what is not."""

from __future__ import annotations

import pytest

from service.fhir.problems import Malformed
from service.operations.export_filters import read_filter

TYPES = ("Observation", "Patient")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("Patient?gender=other", ("Patient", "gender=other")),
        (
            "Observation?status=final&date=gt2026-01-01T00:00:00Z",
            ("Observation", "status=final&date=gt2026-01-01T00:00:00Z"),
        ),
        # One that encodes its commas once more, because commas may stand between filters.
        ("Observation?category=survey%2Cvital-signs", ("Observation", "category=survey%2Cvital-signs")),
        ("Observation?category=survey,vital-signs", ("Observation", "category=survey,vital-signs")),
        # One that encodes the whole of it once more.
        ("Patient%3Fgender%3Dother", ("Patient", "gender=other")),
        (" Patient?_lastUpdated=gt2026-01-01 ", ("Patient", "_lastUpdated=gt2026-01-01")),
        ("Patient?", ("Patient", "")),
    ],
)
async def test_a_filter(text, taken, context, act):
    assert await read_filter(context, act, text, TYPES) == taken


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Goal?description=x", "export-filter-type"),
        ("gender=other", "export-filter-type"),
        ("Patient", "export-filter-type"),
        ("", "export-filter-type"),
        ("/Patient?gender=other", "export-filter-type"),
        ("Patient/1/Observation?status=final", "export-filter-type"),
        ("Patient?_sort=birthdate", "export-filter-result-parameter"),
        ("Patient?_include=Patient:organization", "export-filter-result-parameter"),
        ("Patient?_count=1", "export-filter-result-parameter"),
        ("Patient?_elements=id", "export-filter-result-parameter"),
        ("Patient?_format=json", "export-filter-result-parameter"),
        ("Observation?subject:Patient.gender=other", "export-filter-chained"),
        ("Patient?_has:Observation:patient:status=final", "export-filter-chained"),
        ("Patient?colour=red", "search-parameter-unknown"),
        ("Patient?birthdate=yesterday", "search-value-date"),
        ("Patient?gender=%FF", "query-malformed"),
    ],
)
async def test_what_is_no_filter(text, slug, context, act):
    with pytest.raises(Malformed) as refused:
        await read_filter(context, act, text, TYPES)
    assert refused.value.issues[0].slug == slug

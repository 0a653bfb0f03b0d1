"""An invented cohort from a seed: the same bytes every time, whoever makes it and when.

A larger cohort begins with all of a smaller one. Codings and references are shared between the
resources of a batch: read them, or copy before changing them in place.

Source: issue 2, item 7; docs/sandbox.md says what a cohort holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import agencies, codes, dates, names, reporting
from service.sandbox.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from service.sandbox.agencies import Area
    from service.sandbox.codes import Resource

# Every sixteenth young person closes a Group, such as one that an export is asked for.
GROUP_SIZE = 16
# Ids carry the seed and stay under FHIR's 64 characters.
LARGEST_SEED = 10**9
MOST_PATIENTS = names.NHS_NUMBERS


def cohort(patients: int, seed: int, *, anchor: date = dates.ANCHOR) -> Iterator[list[Resource]]:
    """Batches of resources with ids, in an order in which every reference points back or within its batch.

    The first holds the Measure of the reports and the first area's agencies, each further one a young
    person, or the agencies of the next area. Nothing in it happened after the anchor; review
    and due dates may lie ahead of it. Raises ValueError where the seed is below 0 or above 10^9,
    or where there are more than 900,000 young people (the test range of NHS numbers).
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"the seed is {seed}, it must lie between 0 and {LARGEST_SEED}")
    if not 0 <= patients <= MOST_PATIENTS:
        raise ValueError(f"there can be 0 to {MOST_PATIENTS} young people, not {patients}")
    calendar = dates.calendar(anchor)
    area = agencies.area(0)
    yield [reporting.paired(), *agencies.resources(area)]
    for index in range(1, patients + 1):
        place = (index - 1) // agencies.AREA_SIZE
        if place != area.index:
            area = agencies.area(place)
            yield agencies.resources(area)
        batch = record(seed, index, area, calendar)
        if index % GROUP_SIZE == 0:
            batch.append(_group(seed, index, area))
        yield batch


def _group(seed: int, last: int, area: Area) -> Resource:
    """The sixteen young people up to the last one, as the area's trust lists them for a review."""
    number = last // GROUP_SIZE
    return {
        "resourceType": "Group",
        "id": f"review-{seed}-{number:05d}",
        "active": True,
        "type": "person",
        "actual": True,
        "name": f"Case review list {number}",
        "quantity": GROUP_SIZE,
        "managingEntity": area.trust.reference,
        "member": [
            {"entity": codes.reference("Patient", f"yp-{seed}-{index:06d}")}
            for index in range(last - GROUP_SIZE + 1, last + 1)
        ],
    }

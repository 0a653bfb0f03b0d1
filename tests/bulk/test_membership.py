from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.bulk.membership import is_of_people, members
from service.fhir.search.references import Addresses
from tests.conftest import BASE_URL


def at(*moment: int) -> int:
    """Milliseconds since 1970."""
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000


def member(reference: str, **more: object) -> dict:
    return {"entity": {"reference": reference}, **more}


def test_who_is_in_a_group(registry):
    group = {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "member": [
            member("Patient/b"),
            member(f"{BASE_URL}/Patient/a"),
            member("Patient/b"),
            member("Patient/gone", inactive=True),
            member("Patient/c", inactive=False),
            member("Practitioner/p"),
            member("https://elsewhere.example/fhir/Patient/d"),
            {"entity": {"identifier": {"value": "1"}}},
        ],
    }
    assert members(group, Addresses(registry, BASE_URL), 0) == ("b", "a", "c")
    assert members({"resourceType": "Group"}, Addresses(registry, BASE_URL), 0) == ()


@pytest.mark.parametrize(
    ("period", "moment", "is_in"),
    [
        ({}, at(2026, 3, 1), True),
        ({"start": "2026-03-02"}, at(2026, 3, 1, 23, 59, 59), False),
        ({"start": "2026-03-02"}, at(2026, 3, 2), True),
        ({"end": "2026-03-02"}, at(2026, 3, 2, 23, 59, 59), True),
        ({"end": "2026-03-02"}, at(2026, 3, 3), False),
        ({"end": "2026-03"}, at(2026, 3, 31, 12), True),
        ({"start": "2026-03-02T10:00:00+01:00", "end": "2026-03-02T10:00:00+01:00"}, at(2026, 3, 2, 9), True),
        (
            {"start": "2026-03-02T10:00:00+01:00", "end": "2026-03-02T10:00:00+01:00"},
            at(2026, 3, 2, 10),
            False,
        ),
    ],
)
def test_who_is_a_member_for_a_time_is_one_then(registry, period, moment, is_in):
    group = {"resourceType": "Group", "member": [member("Patient/a", period=period)]}
    assert members(group, Addresses(registry, BASE_URL), moment) == (("a",) if is_in else ())


def test_groups_of_people():
    assert is_of_people({"type": "person"})
    assert not is_of_people({"type": "practitioner"})

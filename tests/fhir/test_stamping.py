from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir import codec, stamping


@pytest.mark.parametrize(
    ("updated", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_306_167_123, "2026-11-22T00:09:27.123Z"),
        (1_795_306_167_007, "2026-11-22T00:09:27.007Z"),
    ],
)
def test_an_instant_is_told_in_utc_to_the_millisecond(updated: int, text: str):
    assert stamping.instant(updated) == text


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_instants_come_back(updated: int):
    assert round(datetime.fromisoformat(stamping.instant(updated)).timestamp() * 1000) == updated


STAMPED = b'{"resourceType":"Goal","id":"a","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"'


@pytest.mark.parametrize(
    ("resource", "body"),
    [
        (
            {"resourceType": "Goal", "id": "a"},
            b"%b}}" % STAMPED,
        ),
        (
            {
                "id": "a",
                "status": "x",
                "resourceType": "Goal",
                "meta": {"versionId": "9", "lastUpdated": "never"},
            },
            b'%b},"status":"x"}' % STAMPED,
        ),
        (
            {"resourceType": "Goal", "meta": {"tag": [{"code": "t"}], "versionId": "9"}, "id": "a", "n": 1},
            b'%b,"tag":[{"code":"t"}]},"n":1}' % STAMPED,
        ),
    ],
)
def test_version_and_time_are_stamped_whatever_was_sent(resource, body: bytes):
    head, tail = stamping.parts(resource)
    assert stamping.stamp(head, 3, 0, tail) == body
    assert codec.decode(body)["id"] == "a"

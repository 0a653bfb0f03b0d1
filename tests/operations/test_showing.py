from __future__ import annotations

import pytest

from service.operations.showing import coding, period, reference, written
from service.outcomes.days import ALWAYS, Days, days_of


@pytest.mark.parametrize(
    ("target", "shown", "cell"),
    [
        (None, None, None),
        (("Patient", "ash"), {"reference": "Patient/ash"}, "Patient/ash"),
        (
            ("", "https://elsewhere.example/Patient/1"),
            {"reference": "https://elsewhere.example/Patient/1"},
            "https://elsewhere.example/Patient/1",
        ),
        (("", "urn:x|7"), {"identifier": {"system": "urn:x", "value": "7"}}, "urn:x|7"),
        (("", "|7"), {"identifier": {"value": "7"}}, "|7"),
    ],
)
def test_a_target(target, shown, cell):
    assert reference(target) == shown
    assert written(target) == cell


def test_a_code():
    assert coding(("urn:x", "1")) == {"system": "urn:x", "code": "1"}
    assert coding(("urn:x", "1"), "One") == {"system": "urn:x", "code": "1", "display": "One"}


def test_days():
    first, last = days_of("2026-01-02").first, days_of("2026-03-04").last
    assert period(ALWAYS) is None
    assert period(Days(first, ALWAYS.last)) == {"start": "2026-01-02"}
    assert period(Days(ALWAYS.first, last)) == {"end": "2026-03-04"}
    assert period(Days(first, last)) == {"start": "2026-01-02", "end": "2026-03-04"}

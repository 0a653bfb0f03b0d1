from __future__ import annotations

import pytest

from service.outcomes.references import child, target
from tests.outcomes.clinic import ASH, locate


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ({"reference": "Patient/ash"}, ASH),
        ({"reference": "#within"}, None),
        ({"identifier": {"value": "1"}}, None),
        ({}, None),
        (None, None),
        ([{"reference": "Patient/ash"}], None),
        ("Patient/ash", None),
    ],
)
def test_targets(reference, leads_to):
    assert target(reference, locate) == leads_to
    assert child({"subject": reference}, locate) == leads_to


def test_without_subject_it_is_about_nobody():
    assert child({"patient": {"reference": "Patient/ash"}}, locate) is None

from __future__ import annotations

import pytest

from service.fhir.questionnaires.reading import Reading
from tests.fhir.questionnaires.forms import NOBODY_KNOWS


@pytest.mark.parametrize(
    ("status", "complete"),
    [
        ("completed", True),
        ("amended", True),
        ("in-progress", False),
        ("stopped", False),
        ("entered-in-error", False),
        (None, False),
        ({}, False),
    ],
)
def test_only_a_response_that_says_it_is_whole_must_be(status, complete):
    assert Reading({"status": status}, NOBODY_KNOWS).complete is complete

from __future__ import annotations

import pytest

from service.fhir.problems import Precondition
from service.interactions.preconditions import is_unmodified, require_version
from service.storage.store import Stored

CURRENT = Stored("Patient", "p1", 3, 1_700_000_000_500, "PUT", b"{}", 1)


@pytest.mark.parametrize(
    ("current", "if_match", "holds"),
    [(CURRENT, None, True), (CURRENT, 3, True), (CURRENT, 2, False), (None, None, True), (None, 1, False)],
)
def test_if_match(current, if_match, holds):
    if holds:
        require_version("Patient", "p1", current, if_match)
    else:
        with pytest.raises(Precondition):
            require_version("Patient", "p1", current, if_match)


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "unmodified"),
    [
        (None, None, False),
        (3, None, True),
        (2, None, False),
        (None, 1_699_999_999_000, False),
        (None, 1_700_000_000_000, True),
        (None, 1_700_000_001_000, True),
        (2, 1_700_000_001_000, False),
        (3, 1_699_999_999_000, True),
    ],
)
def test_conditional_read(if_none_match, if_modified_since, unmodified):
    assert is_unmodified(CURRENT, if_none_match, if_modified_since) is unmodified

"""What the values say of what is not to be seen any more."""

from __future__ import annotations

import pytest

from service.storage.withdrawals import Suspects


@pytest.mark.parametrize(
    ("suspects", "any_"),
    [
        (Suspects(frozenset(), frozenset()), False),
        (Suspects(frozenset({b"ash"}), frozenset()), True),
        (Suspects(frozenset(), frozenset({("Goal", "g")})), True),
    ],
    ids=["none", "young people", "resources"],
)
def test_whether_there_are_any(suspects, any_):
    assert bool(suspects) is any_

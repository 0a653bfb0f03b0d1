"""Who may ask who else sees a record; what that is asked for is told in the tests of the operations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.operations.shares import may_oversee
from service.outcomes.grants import Ground
from tests.operations.coordination import put

ASH = {"resourceType": "Patient", "id": "ash"}


@pytest.mark.parametrize("ground", list(Ground), ids=lambda ground: ground.name.lower())
@pytest.mark.parametrize("withheld", [False, True], ids=["told", "withheld"])
async def test_only_who_coordinates_and_who_made_the_patient_may(context, act, ground, withheld):
    await put(context, act, ASH)
    stored = await context.store.read(act.caller.locality, "Patient", "ash")
    shown = stored._replace(ground=ground, withheld=withheld)
    other = replace(act, caller=replace(act.caller, agency="school"))
    assert await may_oversee(context, other, shown) is (ground == Ground.PLAN and not withheld)
    assert await may_oversee(context, act, shown) is not withheld

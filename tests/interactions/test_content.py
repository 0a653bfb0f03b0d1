from __future__ import annotations

from decimal import Decimal

from service.interactions.content import content
from tests.interactions.builders import score
from tests.interactions.clinic import put


async def test_what_a_version_holds_is_what_was_written_with_its_stamp(context, act):
    written = score(id="s", valueQuantity={"value": Decimal("7.10")})
    stored = (await put(context, act, written)).stored
    held = content(stored)
    assert held.pop("meta").keys() == {"versionId", "lastUpdated"}
    assert held == written
    assert str(held["valueQuantity"]["value"]) == "7.10"

"""The standard's own example of a transaction, less the one operation that is not offered here.

Source: https://hl7.org/fhir/R4/bundle-transaction.html
"""

from __future__ import annotations

import pytest

from service.fhir import codec
from service.interactions.transaction import bundle as carry_out
from tests.conftest import SHARED
from tests.interactions.builders import statuses
from tests.interactions.transactions import put

EXAMPLE = SHARED / "suites" / "r4-examples" / "Bundle-bundle-transaction.json"


async def test_the_example_of_the_standard(context, act):
    if not EXAMPLE.exists():
        pytest.skip("the standard's examples are not here")
    example = codec.decode(EXAMPLE.read_bytes())
    example["entry"] = [one for one in example["entry"] if "$" not in one["request"]["url"]]
    for active in (False, True):
        await put(context, act, "123a", "other", active=active)
    await put(context, act, "12334", "another")
    answer = await carry_out(context, act, example)
    assert statuses(answer) == [
        "201 Created",
        "201 Created",
        "201 Created",
        "201 Created",
        "200 OK",
        "204 No Content",
        "204 No Content",
        "200 OK",
        "200 OK",
    ]

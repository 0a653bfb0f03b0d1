"""Running transactions in tests, and looking at what became of them."""

from __future__ import annotations

import pytest

from service.fhir.problems import Problem
from service.interactions.history import history
from service.interactions.read import read
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.interactions.builders import (
    body,
    bundle,
    entries,
    patient,
)


async def put(context, act, id_, number="1", **more):
    return (await update(context, act, "Patient", id_, patient(number, id=id_, **more))).stored


async def run(context, act, *given, **options):
    return await carry_out(context, act, bundle(*given), **options)


async def refused(context, act, *given):
    """The status and (slug, expression) of every issue; asserts that nothing at all was stored."""
    before = body(await history(context, act, None, None, [("_count", "50")])).get("entry")
    with pytest.raises(Problem) as refusal:
        await run(context, act, *given)
    assert body(await history(context, act, None, None, [("_count", "50")])).get("entry") == before
    return refusal.value.status, [(issue.slug, issue.expression) for issue in refusal.value.issues]


def location_id(answer, index):
    return entries(answer)[index]["response"]["location"].split("/")[1]


async def subject_of(context, act, answer, index):
    type_, id_, *_ = entries(answer)[index]["response"]["location"].split("/")
    return body(await read(context, act, type_, id_))["subject"]["reference"]

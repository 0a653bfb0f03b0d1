"""The answers to the entries of a Bundle end where they would be too much; what was changed is told all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir import codec
from service.fhir.problems import TooLarge
from service.fhir.search.sight import Seen
from service.interactions.room import Room
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.interactions.builders import bundle, entry, patient

LONG = 3_000


@pytest.fixture
async def tight(context, act):
    """Room for three Patients of some length, of whom one is there."""
    await update(context, act, "Patient", "a", patient(id="a", address=[{"text": "x" * LONG}]))
    return replace(context, limits=replace(context.limits, answer_bytes=3 * LONG + 1_500))


def test_once_something_did_not_fit_nothing_does():
    room = Room(10)
    assert (room.takes(4), room.takes(6), room.full) == (True, True, False)
    assert (room.takes(1), room.takes(0), room.full) == (False, False, True)


async def done(context, act, *entries, **options):
    answer = await carry_out(context, act, bundle(*entries, **options))
    return codec.decode(answer.document)["entry"]


async def test_what_a_batch_looks_at_ends_there(tight, act):
    looks = ("Patient/a", "Patient?_id=a")
    found = await done(tight, act, *(entry("GET", looks[each % 2]) for each in range(40)), type_="batch")
    statuses = [each["response"]["status"][:3] for each in found]
    assert (statuses.count("200"), statuses.count("413")) == (3, 37)
    [slug] = {
        each["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"]
        for each in found
        if "resource" not in each
    }
    assert slug == "answers-too-large"


async def test_what_is_not_looked_at_is_told_to_the_audit(tight, act):
    events = []

    class Listening:
        async def note(self, event):
            events.append(event)

    told = replace(tight, trail=Listening(), seen=Seen())
    await done(told, act, *(entry("GET", "Patient/a") for _ in range(20)), type_="batch")
    assert len(events) == 20
    assert {event.status for event in events} == {200, 413}
    assert {event.id for event in events} == {"a"}


@pytest.mark.parametrize("type_", ["batch", "transaction"])
async def test_what_was_changed_is_told_without_what_it_became(tight, act, type_):
    long = {"address": [{"text": "y" * LONG}]}
    posts = [entry("POST", "Patient", patient(str(each), **long)) for each in range(8)]
    answer = await carry_out(tight, act, bundle(*posts, type_=type_), representation=True)
    found = codec.decode(answer.document)["entry"]
    assert {each["response"]["status"] for each in found} == {"201 Created"}
    assert ["resource" in each for each in found].count(True) == 3


async def test_a_transaction_that_would_look_at_too_much_is_refused_before_it_is_stored(tight, act):
    entries = [entry("POST", "Patient", patient("7")), *(entry("GET", "Patient/a") for _ in range(4))]
    with pytest.raises(TooLarge) as caught:
        await carry_out(tight, act, bundle(*entries))
    [issue] = caught.value.issues
    assert (issue.slug, issue.expression) == ("answers-too-large", "Bundle.entry[4].request.url")
    found = await done(tight, act, entry("GET", "Patient?_summary=count"), type_="batch")
    assert found[0]["resource"]["total"] == 1
    assert len(await done(tight, act, *entries[:4])) == 4

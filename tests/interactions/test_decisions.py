from __future__ import annotations

import pytest

from service.fhir.problems import Conflict
from service.interactions.admission import Admitted
from service.interactions.content import content
from service.interactions.context import Answer
from service.interactions.create import plan
from service.interactions.decisions import Decision, carry_out, settle
from service.interactions.update import revise, update
from service.storage.store import Notice, Stored
from tests.interactions.builders import patient

STORED = Stored("Patient", "p1", 2, 1_700_000_000_000, "PUT", b'{"resourceType":"Patient"}', 1)
DELETED = Stored("Patient", "p1", 3, 1_700_000_000_000, "DELETE", b"", 1)


@pytest.mark.parametrize(
    ("decision", "stored", "answer"),
    [
        (Decision(201), [STORED], Answer(201, STORED, "Patient/p1/_history/2")),
        (Decision(200, current=STORED), [], Answer(200, STORED, "Patient/p1/_history/2")),
        (Decision(204), [DELETED], Answer(204, DELETED)),
        (Decision(204), [DELETED, DELETED], Answer(204)),
        (Decision(204), [], Answer(204)),
    ],
)
def test_answers(decision, stored, answer):
    assert decision.answer(stored) == answer


async def test_who_always_comes_too_late_is_told_so(context, act):
    first = (await update(context, act, "Patient", "p1", patient(id="p1"))).stored
    await update(context, act, "Patient", "p1", patient(id="p1", active=True))
    tries = 0

    async def decide_on_the_past():
        nonlocal tries
        tries += 1
        return revise(first, content(first), Admitted(patient(id="p1", gender="other")), "PUT", keep=True)

    with pytest.raises(Conflict) as refusal:
        await carry_out(context, act, "update", decide_on_the_past)
    assert refusal.value.issues[0].slug == "contended"
    assert tries == 20
    assert (await context.store.read(act.caller.locality, "Patient", "p1")).version == 2


async def test_decides_anew_on_what_is_there_now(context, act):
    first = (await update(context, act, "Patient", "p1", patient(id="p1"))).stored
    second = (await update(context, act, "Patient", "p1", patient(id="p1", active=True))).stored
    seen = iter([first, second])

    async def decide():
        before = next(seen)
        return revise(before, content(before), Admitted(patient(id="p1", gender="other")), "PUT", keep=True)

    decision, (stored,) = await settle(context, act, "update", decide)
    assert decision.changes[0].before == second
    assert stored.version == 3


async def test_no_changes_store_nothing(context, act):
    async def decide():
        return Decision(200, current=STORED)

    assert await settle(context, act, "update", decide) == (Decision(200, current=STORED), ())


def test_a_plan_is_pure():
    admitted = Admitted(patient(id="p1"))
    assert plan("Patient", "p1", admitted) == plan("Patient", "p1", admitted)


async def test_who_is_told_is_stored_with_the_changes(context, act):
    told = Notice("n1", "school", "began", ("Patient", "p1"))

    async def decide():
        decision = plan("Patient", "p1", Admitted(patient(id="p1")))
        return decision._replace(notices=(told,))

    await settle(context, act, "update", decide)
    [waiting] = await context.store.notices(act.caller.locality, "school", 10)
    assert (waiting.id, waiting.event, waiting.about) == ("n1", "began", ("Patient", "p1"))

"""A context for one act differs from the whole in what is seen, and in nothing else."""

from __future__ import annotations

from dataclasses import fields

from service.fhir.search.sight import Seen, Sight
from service.interactions.context import Context


async def test_context_of_an_act_has_its_eyes_and_everything_else_as_it_was(context: Context, act) -> None:
    eyes = Sight("camhs")
    seen = Seen()
    own = context.seen_by(act, eyes, seen)
    assert own.store.sight is eyes
    assert own.seen is seen
    others = {each.name for each in fields(Context)} - {"store", "seen"}
    assert all(getattr(own, name) is getattr(context, name) for name in others)


async def test_eyes_of_one_act_have_no_part_in_those_of_another(context: Context, act) -> None:
    narrow = context.seen_by(act, Sight("camhs", readable=frozenset()))
    wide = narrow.seen_by(act, None)
    assert wide.store.sight is None
    assert wide.seen is not narrow.seen
    assert wide.store.whole is context.store

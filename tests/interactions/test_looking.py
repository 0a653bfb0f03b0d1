"""The parts of a batch or transaction are looked at with the eyes that their scopes give."""

from __future__ import annotations

from dataclasses import replace

from service.access.needs import NOTHING, of
from service.access.scopes import read_scopes
from service.access.seeing import sight
from service.fhir.search.sight import Seen
from service.interactions.context import Act
from service.interactions.looking import looking
from service.interactions.searching import setting_of


async def test_who_sees_everything_sees_everything_in_each_part(context, act):
    part = looking(context, act, of("read", "Goal"))
    assert part.store.sight is None
    assert part.seen is not context.seen


async def test_part_is_seen_as_it_is_allowed_whatever_the_whole_is(context, act):
    scopes = read_scopes(setting_of(context), "system/Goal.r system/Patient.s")
    narrow = Act(replace(act.caller, scopes=scopes), "request-1")
    whole = context.seen_by(narrow, sight(context.registry, narrow.caller, NOTHING))
    assert whole.store.sight.readable == {"Goal", "Patient"}
    assert looking(whole, narrow, of("search-type", "Patient")).store.sight is sight(
        context.registry, narrow.caller, of("search-type", "Patient")
    )
    assert looking(whole, narrow, of("create", "Goal")).store.sight.readable is None


async def test_what_is_shown_is_noted_where_it_was_asked_to_be(context, act):
    seen = Seen()
    assert looking(context, act, NOTHING, seen).seen is seen

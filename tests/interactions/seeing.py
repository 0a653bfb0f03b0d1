"""A locality with several agencies, each of which acts with its own eyes, through the real interactions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from service.access.callers import Caller
from service.fhir.problems import Problem
from service.fhir.search.sight import Sight
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.patch import JsonPatch, patch
from service.interactions.read import read
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.interactions.builders import bundle

Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """An agency's desk: what its client does, and what it is told (an answer, or a problem)."""

    context: Context
    act: Act

    @property
    def seen(self) -> Context:
        """The context with the agency's eyes, as the mount makes it once a request."""
        caller = self.act.caller
        sight = None if caller.administrator else Sight(caller.agency, caller.sectors, caller.purpose)
        return self.context.seen_by(self.act, sight)

    async def post(self, resource: Json, **more: Any) -> Answer:
        return await create(self.seen, self.act, resource["resourceType"], dict(resource), **more)

    async def put(self, resource: Json, **more: Any) -> Answer:
        return await update(
            self.seen, self.act, resource["resourceType"], resource["id"], dict(resource), **more
        )

    async def patched(self, type_: str, id_: str, *operations: Json) -> Answer:
        return await patch(self.seen, self.act, type_, id_, JsonPatch(list(operations)))

    async def delete(self, type_: str, id_: str) -> Answer:
        return await delete(self.seen, self.act, type_, id_)

    async def sees(self, type_: str, id_: str) -> Json | None:
        try:
            answer = await read(self.seen, self.act, type_, id_)
        except Problem:
            return None
        assert answer.stored is not None
        return content(answer.stored)

    async def together(self, *entries: Json) -> Answer:
        return await carry_out(self.seen, self.act, bundle(*entries))


def desk(context: Context, act: Act, agency: str, **more: Any) -> Desk:
    """The desk of an agency of the test's locality."""
    caller = Caller(f"{agency}-epr", agency, act.caller.locality, **more)
    return Desk(context, replace(act, caller=caller))


async def told(doing: Any) -> tuple[int, str]:
    """Status and slug of what an act comes to; of one that succeeds, its status and nothing."""
    try:
        answer = await doing
    except Problem as problem:
        return problem.status, problem.issues[0].slug
    return answer.status, ""

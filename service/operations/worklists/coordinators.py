"""plans-without-coordinator: plans that are followed and that nobody coordinates on the day.

Candidates are all plans that are followed, of the agency where one is asked for: whether the
person named is in their time lies in three resources, and no index joins them. Each is
judged with its team and coordinator, many at a time.

Source: docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from service.fhir.search.expressions import Query
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.operations.worklists.asking import Asked, all_of, of_agency
from service.operations.worklists.reviews import PLAN, RUNNING_PLAN
from service.operations.worklists.sifting import Judge, Listed, Sieve, read_all
from service.outcomes.coordination import coordinators, named, stand_for, without_coordinator
from service.outcomes.references import Locate, Target
from service.storage.store import Stored

Json = dict[str, Any]

TEAM: Final = "CareTeam"
AT_ONCE: Final = 200


def sieve(context: Context, act: Act, asked: Asked) -> Sieve:
    """What the list is made from."""
    where = all_of(RUNNING_PLAN, *of_agency(asked, "plan-coordinating-agency"))
    return Sieve((Query(PLAN, where, AT_ONCE),), _judge(context, act, asked), AT_ONCE)


def _judge(context: Context, act: Act, asked: Asked) -> Judge:
    locate = Addresses(context.registry, context.base_url).target

    async def judge(plans: Sequence[Stored]) -> list[Listed]:
        people = _People(context, act, locate)
        contents = [content(stored) for stored in plans]
        await people.read(each for plan in contents for each in named(plan, locate))
        await people.read(people.further())
        found = []
        for index, (stored, plan) in enumerate(zip(plans, contents, strict=True)):
            reasons = without_coordinator(plan, people.known, asked.on, locate)
            if reasons:
                around = people.around(plan)
                beside = tuple(each for each in around if not each.deleted)
                found.append(Listed(stored, reasons, beside, (stored, *around)))
            await breathe(index)
        return found

    return judge


class _People:
    """Whom plans and their teams name, as far as they were read."""

    def __init__(self, context: Context, act: Act, locate: Locate) -> None:
        self._context = context
        self._locality = act.caller.locality
        self._locate = locate
        self._stored: dict[Target, Stored] = {}
        self.known: dict[Target, Json] = {}

    async def read(self, wanted: Iterable[Target]) -> None:
        """Reads those that were not read yet."""
        keys = [key for key in dict.fromkeys(wanted) if key not in self._stored]
        found = await read_all(self._context.store, self._locality, keys)
        self._stored |= found
        for index, (key, stored) in enumerate(found.items()):
            if not stored.deleted:
                self.known[key] = content(stored)
            await breathe(index)

    def further(self) -> list[Target]:
        """The coordinators of the teams that were read, and the people behind roles."""
        teams = [resource for key, resource in self.known.items() if key[0] == TEAM]
        return [*self._coordinators(teams), *stand_for(self.known.values(), self._locate)]

    def around(self, plan: Json) -> tuple[Stored, ...]:
        """What a plan was judged by, deletions included: teams, coordinators, and the people behind roles."""
        first = named(plan, self._locate)
        teams = [self.known[each] for each in first if each[0] == TEAM and each in self.known]
        behind = stand_for((self.known[each] for each in first if each in self.known), self._locate)
        wanted = dict.fromkeys((*first, *self._coordinators(teams), *behind))
        return tuple(self._stored[each] for each in wanted if each in self._stored)

    def _coordinators(self, teams: Iterable[Json]) -> list[Target]:
        """Those of the teams' coordinators who are kept here."""
        listed = (person for team in teams for person, _ in coordinators(team, self._locate))
        return [person for person in listed if person is not None and person[0]]

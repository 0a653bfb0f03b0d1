"""extracting: the Observations that a unit's responses bring, and the rules that keep them one each.

Whatever writes or deletes a response of ours, its Observations come, follow and go in the same
unit. What that must know of the store is read with everything else that the unit asks for; a
new response's Observations need nothing read but that.

Source: ADR 0016, docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.fhir.problems import Invalid, Issue
from service.fhir.search.dates import moment
from service.fhir.search.expressions import EARLIEST, And, Or, Reference, Token
from service.interactions.admission import Unfit, admit
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.interactions.surroundings import Surroundings
from service.outcomes.extraction import (
    Saying,
    can_be_taken,
    is_ours,
    observation,
    observation_id,
    order,
    sayings,
)
from service.outcomes.extraction_changes import (
    RESPONSE,
    Response,
    Taken,
    Writing,
    read_taken,
    reckon,
)
from service.outcomes.recognition import LOINC
from service.outcomes.references import Target
from service.outcomes.scores import targets
from service.outcomes.series import LEVEL, RATER_OF_CODE
from service.outcomes.statuses import IN_ERROR
from service.storage.store import Change, Key, Stored

Json = dict[str, Any]

OBSERVATION: Final = "Observation"
# Any level of a goal, the baseline and those after it.
_ANY_LEVEL: Final = Or(
    tuple(Token("code", system, code) for system, code in RATER_OF_CODE if system == LOINC)
)


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """What a response says and no Observation does yet."""

    response: Key
    resource: Json
    saying: Saying

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands among what is said of its goal: by time, then the young person first."""
        when = moment(self.resource.get("authored", ""))
        return EARLIEST if when is None else when[0], order(self.saying), self.response[1]


@dataclass(slots=True)
class Extracted:
    """What a unit's responses bring: changes and faults by response or by the client's own Observation."""

    changes: dict[Key, list[Change]] = field(default_factory=dict)
    issues: dict[Key, list[Issue]] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    @property
    def all_changes(self) -> tuple[Change, ...]:
        """What all responses bring."""
        return tuple(change for changes in self.changes.values() for change in changes)

    def add(self, response: Key, change: Change) -> None:
        """Takes in a change that a response brings."""
        self.changes.setdefault(response, []).append(change)

    def refuse(self, key: Key, issues: Iterable[Issue]) -> None:
        """Takes in faults of a resource."""
        found = list(issues)
        if found:
            self.issues.setdefault(key, []).extend(found)


class Extraction:
    """The responses and Observations of a unit that have to do with each other.

    `unfit` are resources of the unit that break rules by themselves: nothing is taken from these.
    """

    def __init__(
        self, context: Context, around: Surroundings, changes: Iterable[Change], unfit: AbstractSet[Key]
    ) -> None:
        self._context = context
        self._around = around
        self._locate = around.addresses.target
        self._unfit = unfit
        self._responses: dict[Target, Change] = {}
        self._sayings: dict[str, tuple[Saying, ...]] = {}
        self._writings: dict[Target, list[Writing]] = {}
        self._observations: list[Change] = []
        foreign: set[Target] = set()
        for change in changes:
            if change.type == OBSERVATION:
                self._observations.append(change)
            elif change.type == RESPONSE and _concerns(change):
                self._responses[RESPONSE, change.id] = change
            elif change.type == RESPONSE:
                foreign.add((RESPONSE, change.id))
        for change in self._observations:
            self._note(change, foreign)

    def _note(self, change: Change, foreign: AbstractSet[Target]) -> None:
        """Takes in what a client writes of responses; `foreign` are those of the unit that are none of ours."""
        if not any(
            source not in foreign
            for each in (change.former, change.resource)
            if each is not None
            for source, _ in targets(each, "derivedFrom", self._locate)
            if source[0] == RESPONSE
        ):
            return
        before, after = read_taken(change.former, self._locate), read_taken(change.resource, self._locate)
        writing = Writing(change.id, before, after)
        for source in {source for each in (before, after) if each is not None for source in each.sources}:
            if source not in foreign:
                self._writings.setdefault(source, []).append(writing)

    @property
    def wanted(self) -> Iterator[Key]:
        """The responses that will be asked for by key."""
        yield from self._writings

    @property
    def possible(self) -> Iterator[Key]:
        """The Observations that there may be already, whether the caller sees them or not."""
        for (_, id_), change in self._responses.items():
            for saying in self._said(change):
                yield OBSERVATION, observation_id(id_, saying)

    async def carry_out(self) -> Extracted:
        """What the responses bring; what is wanted was fetched."""
        found = Extracted()
        await self._around.foresee(
            OBSERVATION, (_derived_from(key[1]) for key, change in self._responses.items() if _is_put(change))
        )
        for done, key in enumerate({**self._responses, **self._writings}):
            if key not in self._unfit:
                await self._reckon(key, found)
            await breathe(done)
        firsts = await self._firsts(found)
        for missing in found.missing:
            await self._add(missing, found, is_first=missing in firsts)
        return found

    async def _reckon(self, key: Target, found: Extracted) -> None:
        change = self._responses.get(key)
        written = [each for each in self._writings.get(key, ()) if (OBSERVATION, each.id) not in self._unfit]
        if change is None:
            await self._judge(key, written, found)
            return
        if change.resource is not None:
            found.refuse(key, can_be_taken(change.resource, self._said(change), self._locate))
        stored = await self._stored(change)
        response = Response(change.id, change.former, change.resource, self._said(change))
        reckoning = reckon(response, self._taken(stored), written, self._context.goal_codes, self._locate)
        self._revise(key, stored, reckoning.revised, found)
        changed = {resource["id"] for resource in reckoning.revised}
        self._around.rely_on(one for id_, one in stored.items() if id_ not in changed)
        for id_, issue in reckoning.issues:
            found.refuse((OBSERVATION, id_), [issue])
        if change.resource is not None:
            found.missing += [Missing(key, change.resource, saying) for saying in reckoning.missing]

    async def _judge(self, key: Target, written: list[Writing], found: Extracted) -> None:
        """Refuses what a client writes of a response that the unit leaves as it is, and that says otherwise."""
        resource = self._around.resource(key)
        said = () if resource is None else sayings(resource, self._locate)
        if resource is None or not any(writing.is_about(saying) for writing in written for saying in said):
            return
        keeps_links = all(writing.keeps_its_link for writing in written)
        stored = {} if keeps_links else await self._derived(key[1])
        self._around.rely_on(stored.values())
        response = Response(key[1], resource, resource, said)
        reckoning = reckon(response, self._taken(stored), written, self._context.goal_codes, self._locate)
        for id_, issue in reckoning.issues:
            found.refuse((OBSERVATION, id_), [issue])

    async def _stored(self, change: Change) -> dict[str, Stored]:
        """The stored Observations that are derived from a response, those that the unit writes left out.

        A response under an id just made has none but those that were stored under the ids that its
        own will have.
        """
        if change.before is not None or change.method != "POST":
            return await self._derived(change.id)
        keys = ((OBSERVATION, observation_id(change.id, saying)) for saying in self._said(change))
        stored = (self._around.stored(key) for key in keys)
        return {one.id: one for one in stored if one is not None and not one.deleted}

    def _said(self, change: Change) -> tuple[Saying, ...]:
        """What one of the responses will say."""
        if change.resource is None:
            return ()
        known = self._sayings.get(change.id)
        if known is None:
            known = self._sayings[change.id] = sayings(change.resource, self._locate)
        return known

    async def _derived(self, id_: str) -> dict[str, Stored]:
        found = await self._around.found(OBSERVATION, _derived_from(id_))
        return {stored.id: stored for stored in found if not self._around.is_own((OBSERVATION, stored.id))}

    def _taken(self, stored: Mapping[str, Stored]) -> list[Taken]:
        read = (read_taken(content(one), self._locate) for one in stored.values())
        return [taken for taken in read if taken is not None]

    def _revise(
        self, key: Target, stored: Mapping[str, Stored], revised: Iterable[Json], found: Extracted
    ) -> None:
        """Takes in the new contents of stored Observations."""
        for resource in revised:
            before = stored[resource["id"]]
            # What is taken back need not be sound: it may be older than a rule.
            is_retracted = resource["status"] == IN_ERROR
            new = resource if is_retracted else self._admitted(key, resource, key[0], found)
            if new is not None:
                found.add(key, Change(OBSERVATION, before.id, "PUT", before, content(before), new))

    def _admitted(self, key: Key, resource: Json, place: str, found: Extracted) -> Json | None:
        """The Observation as it may be stored; None where it breaks rules, which is told at the response."""
        try:
            return admit(self._context, OBSERVATION, resource, resource["id"]).resource
        except Unfit as unfit:
            faults = (issue for issue in unfit.issues if issue.is_fault)
            found.refuse(key, (replace(issue, expression=place) for issue in faults))
            return None

    async def _firsts(self, found: Extracted) -> list[Missing]:
        """Those of the missing that are the first level of their goal.

        Of several at once it is the earliest; at one time, the young person's.
        """
        levels: dict[str, list[Missing]] = {}
        for missing in found.missing:
            if missing.saying.kind == LEVEL:
                levels.setdefault(missing.saying.about, []).append(missing)
        firsts = []
        for about, candidates in levels.items():
            goal = candidates[0].saying.goal
            if goal is not None and not await self._has_level(about, goal, found):
                firsts.append(min(candidates, key=lambda each: each.place))
        return firsts

    async def _has_level(self, about: str, goal: Target, found: Extracted) -> bool:
        """Whether a goal will have a level beside those that are missing."""
        written = (read_taken(change.resource, self._locate) for change in self._observations)
        if any(each is not None and each.rates(about) and each.kind == LEVEL for each in written):
            return True
        gone = {
            change.id for changes in found.changes.values() for change in changes if _is_retraction(change)
        }
        around = self._around if self._around.presence(goal) is not None else self._around.with_own_eyes()
        stored = await around.found(OBSERVATION, And((Reference("focus", *goal), _ANY_LEVEL)))
        others = {one.id: one for one in stored if not self._around.is_own((OBSERVATION, one.id))}
        return any(taken.rates(about) and taken.id not in gone for taken in self._taken(others))

    async def _add(self, missing: Missing, found: Extracted, *, is_first: bool) -> None:
        """Takes in the Observation of what a response says, under the first id of its own that is free."""
        key, saying = missing.response, missing.saying
        made = observation(missing.resource, saying, self._context.goal_codes, is_first=is_first)
        id_ = await self._free_id(key[1], saying)
        resource = self._admitted(key, {**made, "id": id_}, saying.place, found)
        if resource is not None:
            found.add(key, Change(OBSERVATION, id_, "POST", None, None, resource))

    async def _free_id(self, response_id: str, saying: Saying) -> str:
        """The first id for it that was never used: what was entered in error, or deleted, is not taken up again."""
        generation = 0
        while True:
            key = (OBSERVATION, observation_id(response_id, saying, generation))
            await self._around.fetch((), [key])
            if not self._around.is_own(key) and self._around.stored(key) is None:
                return key[1]
            generation += 1


async def as_extracted(context: Context, act: Act, response: Json) -> tuple[Json, ...]:
    """The Observations of a response of ours, as they would be stored if it were PUT as it is under its id.

    Those that a client wrote itself are among them, and those that were, or would be, retracted; of
    none is told that the caller does not see.

    Raises:
        Invalid: they cannot be taken from it.
    """
    id_: str = response["id"]
    before = await context.store.read(act.caller.locality, RESPONSE, id_)
    former = None if before is None or before.deleted else content(before)
    change = Change(RESPONSE, id_, "PUT", before, former, response)
    around = Surroundings(context, act, [change], as_seen=True)
    extraction = Extraction(context, around, [change], frozenset())
    await around.fetch(extraction.wanted, extraction.possible)
    extracted = await extraction.carry_out()
    faults = [issue for issues in extracted.issues.values() for issue in issues]
    if faults:
        raise Invalid.of(faults)
    there = await around.others(OBSERVATION, Reference("derived-from", RESPONSE, id_))
    now = {one["id"]: one for one in there if read_taken(one, around.addresses.target) is not None}
    then = {change.id: change.resource for change in extracted.all_changes if change.resource is not None}
    return tuple((now | then).values())


def _derived_from(id_: str) -> Reference:
    return Reference("derived-from", RESPONSE, id_)


def _is_put(change: Change) -> bool:
    """Whether a response is new under an id that somebody chose: mostly there is nothing of it yet."""
    return change.before is None and change.method != "POST"


def _concerns(change: Change) -> bool:
    """Whether a response is, or was, one that Observations are taken from."""
    return any(each is not None and is_ours(each) for each in (change.former, change.resource))


def _is_retraction(change: Change) -> bool:
    return change.resource is not None and change.resource["status"] == IN_ERROR

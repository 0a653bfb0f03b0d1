"""Collaborated: every encounter of an agency that was rated by CollaboRATE, from the store.

Responses are found by the encounter's organisation, whose teams are organisations that are
part of it; they come a page of the store at a time, and what they lead to (encounters,
episodes, staff teams, roles) is looked up for a whole page at once.

Source: docs/operations/collaborate.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from service.fhir.problems import Issue
from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Missing,
    Not,
    Or,
    Query,
    Reference,
    Token,
    Within,
)
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.operations.every import every
from service.outcomes.rated_contacts import (
    FORMS,
    Held,
    Rated,
    once_an_encounter,
    read_answered,
    read_held,
    read_scored,
)
from service.outcomes.recognition import COLLABORATE
from service.outcomes.references import Locate, Target, target
from service.outcomes.statuses import IN_ERROR

Json = dict[str, Any]
Fact = TypeVar("Fact")

# Read at a time.
STEP: Final = 1_000
# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE: Final = 500
# One agency's responses of decades are fewer: some seconds for each hundred thousand.
MOST: Final = 1_000_000
# Organisations stand in so many levels at most; whoever makes a circle of them is not followed round.
LEVELS: Final = 10

ORGANIZATION: Final = "Organization"
_FORM: Final = Or(tuple(Reference("questionnaire", "", form) for form in FORMS.values()))
_SCORE: Final = And(
    (
        Token("code", COLLABORATE, "collaborate-mean"),
        # A score of a response that is kept here is known by that.
        Not(Chain("derived-from", "QuestionnaireResponse", Everything())),
    )
)


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency: the organisation `root` that is part of no other, and the ids of all that are part of it.

    `parents` lead from each but the root to the one that it is part of.
    """

    root: str
    parents: Mapping[str, str]

    def path(self, id_: str) -> tuple[str, ...]:
        """The organisations from the one below the root to that of the id; none for the root itself."""
        return tuple(reversed(list(self._upwards(id_))))

    def branch(self, provider: str, of: str) -> str | None:
        """The part directly below the organisation `of` that the provider is, or is part of; None: it is not below."""
        return next((id_ for id_ in self._upwards(provider) if self.parents[id_] == of), None)

    def holds(self, id_: str) -> bool:
        """Whether the organisation is the agency or a part of it."""
        return id_ == self.root or id_ in self.parents

    def _upwards(self, id_: str) -> Iterable[str]:
        for _ in range(len(self.parents)):
            if id_ == self.root or id_ not in self.parents:
                return
            yield id_
            id_ = self.parents[id_]


async def agency_of(context: Context, act: Act, id_: str) -> Agency:
    """The agency that Organization/`id_`, which is here, is or is part of.

    Raises:
        Malformed: not every Organization can be found yet.
    """
    locate = Addresses(context.registry, context.base_url).target
    root = id_
    for _ in range(LEVELS):
        stored = (await context.store.read_many(act.caller.locality, [(ORGANIZATION, root)])).get(
            (ORGANIZATION, root)
        )
        above = None if stored is None or stored.deleted else target(content(stored).get("partOf"), locate)
        if above is None or above[0] != ORGANIZATION or not await _is_here(context, act, above):
            break
        root = above[1]
    parents: dict[str, str] = {}
    below = Query(ORGANIZATION, _below("partof", root), STEP)
    async for organization in _found(context, act, below):
        above = target(organization.get("partOf"), locate)
        if above is not None and organization["id"] != root:
            parents[organization["id"]] = above[1]
    return Agency(root, parents)


async def rated_encounters(context: Context, act: Act, agency: Agency) -> list[Rated]:
    """Every encounter of the agency that was rated, once on each scale, in no order.

    Raises:
        Malformed: not everything that is stored can be found yet.
        Invalid: there are more than `MOST` responses.
    """
    locate = Addresses(context.registry, context.base_url).target
    lookup = _Lookup(context, act, locate)
    held = Or(
        (
            _below("service-provider", agency.root),
            And(
                (
                    Missing(parameter="service-provider", missing=True),
                    Chain("episode-of-care", "EpisodeOfCare", _below("organization", agency.root)),
                )
            ),
        )
    )
    found: list[Rated] = []
    for type_, said, read in (
        ("QuestionnaireResponse", _FORM, read_answered),
        ("Observation", _SCORE, read_scored),
    ):
        query = Query(type_, And((said, Chain("encounter", "Encounter", held))), STEP)
        page: list[Rated] = []
        async for resource in _found(context, act, query):
            rated = read(resource, locate)
            if rated is not None:
                page.append(rated)
            if len(page) == STEP:
                found += await _placed(page, lookup, agency)
                page = []
        found += await _placed(page, lookup, agency)
    return once_an_encounter(found)


async def _placed(page: list[Rated], lookup: _Lookup, agency: Agency) -> list[Rated]:
    """Those rated that are of the agency, with whose they are."""
    places = await lookup.places({each.encounter[1] for each in page if each.encounter[0] == "Encounter"})
    found = []
    for each in page:
        place = places.get(each.encounter[1]) if each.encounter[0] == "Encounter" else None
        if place is not None and agency.holds(place.provider):
            found.append(replace(each, provider=place.provider, team=place.team, clinician=place.clinician))
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Whose an encounter was: an organisation by its id, and the one team and the one clinician, if it is one."""

    provider: str
    team: Target | None
    clinician: Target | None


@dataclass(frozen=True, slots=True)
class _Episode:
    provider: Target | None
    teams: tuple[Target, ...]


class _Lookup:
    """What encounters lead to, read for many at once; what many share is remembered."""

    def __init__(self, context: Context, act: Act, locate: Locate) -> None:
        self._context = context
        self._locality = act.caller.locality
        self._locate = locate
        self._episodes: dict[str, _Episode | None] = {}
        self._teams: dict[str, bool | None] = {}
        self._roles: dict[str, Target | None] = {}

    async def places(self, ids: Iterable[str]) -> dict[str, Place]:
        """Whose the encounters of these ids were, where that is known and they count."""
        encounters: dict[str, Held | None] = {}
        await self._read("Encounter", ids, self._held, encounters)
        known = {id_: held for id_, held in encounters.items() if held is not None}
        await self._read(
            "EpisodeOfCare", _ids(held.episodes for held in known.values()), self._episode, self._episodes
        )
        episodes = {id_: self._of_episodes(held) for id_, held in known.items()}
        teams = (team for several in episodes.values() for episode in several for team in episode.teams)
        await self._read("CareTeam", _ids([tuple(teams)]), _is_of_staff, self._teams)
        roles = (held.staff for held in known.values())
        await self._read("PractitionerRole", _ids(roles, "PractitionerRole"), self._practitioner, self._roles)
        places = {id_: self._place(held, episodes[id_]) for id_, held in known.items()}
        return {id_: place for id_, place in places.items() if place is not None}

    def _of_episodes(self, held: Held) -> list[_Episode]:
        found = (self._episodes.get(id_) for _, id_ in held.episodes)
        return [episode for episode in found if episode is not None]

    def _place(self, held: Held, episodes: list[_Episode]) -> Place | None:
        by_episode = {episode.provider for episode in episodes if episode.provider is not None}
        providers = by_episode if held.provider is None else {held.provider}
        if len(providers) != 1:
            return None
        [(type_, provider)] = providers
        if type_ != ORGANIZATION:
            return None
        teams = {team for episode in episodes for team in episode.teams if self._teams.get(team[1])}
        staff = {self._roles.get(each[1]) if each[0] == "PractitionerRole" else each for each in held.staff}
        return Place(provider, _only(teams), _only(staff))

    async def _read(
        self,
        type_: str,
        ids: Iterable[str],
        fact: Callable[[Json], Fact | None],
        known: dict[str, Fact | None],
    ) -> None:
        """Adds to what is known what the resources of the ids say; None for one that is not here."""
        wanted = sorted(set(ids) - known.keys())
        for start in range(0, len(wanted), _READ_AT_ONCE):
            part = wanted[start : start + _READ_AT_ONCE]
            stored = await self._context.store.read_many(self._locality, [(type_, id_) for id_ in part])
            for index, id_ in enumerate(part):
                found = stored.get((type_, id_))
                known[id_] = None if found is None or found.deleted else fact(content(found))
                await breathe(index)

    def _held(self, encounter: Json) -> Held | None:
        return None if encounter.get("status") == IN_ERROR else read_held(encounter, self._locate)

    def _episode(self, episode: Json) -> _Episode:
        teams = (target(reference, self._locate) for reference in episode.get("team", ()))
        return _Episode(
            target(episode.get("managingOrganization"), self._locate),
            tuple(team for team in teams if team is not None and team[0] == "CareTeam"),
        )

    def _practitioner(self, role: Json) -> Target | None:
        return target(role.get("practitioner"), self._locate)


def _is_of_staff(team: Json) -> bool:
    """Whether a CareTeam is one of those who work together, not the people around one young person."""
    return "subject" not in team


def _only(found: set[Target | None] | set[Target]) -> Target | None:
    """The only one; None where there is none, or several, or one that is not known."""
    return next(iter(found)) if len(found) == 1 else None


def _ids(several: Iterable[tuple[Target, ...]], type_: str = "") -> set[str]:
    """The ids of the targets, of those of the type where one is named."""
    return {id_ for targets in several for named, id_ in targets if type_ in {"", named}}


def _below(parameter: str, id_: str) -> Within:
    """The parameter leads to the organisation or to one that is part of it."""
    return Within(parameter, ORGANIZATION, id_, "partof", "below")


async def _is_here(context: Context, act: Act, key: Target) -> bool:
    stored = await context.store.read(act.caller.locality, *key)
    return stored is not None and not stored.deleted


def _found(context: Context, act: Act, query: Query) -> AsyncIterator[Json]:
    return every(context, act, query, MOST, _too_many())


def _too_many() -> Issue:
    text = f"More than {MOST} responses are to be counted; that is no one agency's."
    return Issue("error", "too-costly", "collaborate-too-many", text)

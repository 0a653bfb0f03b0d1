"""The search mix: twelve shapes of searches, each with values drawn anew for each request.

The values are those of the population that the store was filled with, so that what is asked
about a young person is there to be found, and an empty answer to it is an error.

Source: docs/performance.md; https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks import population
from benchmarks.population import PREFIX
from benchmarks.wire import Exchange, Garbled

if TYPE_CHECKING:
    from random import Random

    from benchmarks.population import Session
    from benchmarks.target import Target
    from benchmarks.wire import Response

Json = dict[str, Any]
Asked = tuple[str, str]  # kind, and path with query relative to the base

COUNT = 20  # resources a page
# Second pages that one connection turns between: their links are fetched before the load.
SECOND_PAGES = 12
PERSON = "https://thrive-fhir.example/Id/sandbox-person"
UCUM = "http://unitsofmeasure.org"
PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")
QUANTITY_PREFIXES = ("", "gt", "ge", "lt", "le")
SCORES = 11  # whole scores from 0 to 10
SHORTEST = 4  # letters of a name that somebody types before the list comes
CONTAINED = 5  # letters in the middle of a name


@dataclass(slots=True)
class Child:
    """What can be asked about one young person of the base. References with the base's prefix."""

    patient: str
    identifier: str = ""
    names: tuple[str, ...] = ()
    goals: list[str] = field(default_factory=list)
    observations: int = 0


@dataclass(frozen=True, slots=True)
class Values:
    """What the draws are made from."""

    children: tuple[Child, ...]
    codes: tuple[tuple[str, str], ...]  # system and code of observations, as often as they are there
    scores: tuple[tuple[str, str], ...]  # those of them that have a number
    units: tuple[str, ...]
    days: tuple[str, ...]
    achievements: tuple[str, ...]

    @property
    def long_records(self) -> tuple[Child, ...]:
        """Those with more observations than one page holds."""
        return tuple(child for child in self.children if child.observations > COUNT)


def values(sessions: Sequence[Session]) -> Values:
    """Return what stands in the population."""
    children: dict[str, Child] = {}
    seen: dict[str, list[Any]] = defaultdict(list)
    for session in sessions:
        for one in session.resources:
            match one["resourceType"]:
                case "Patient":
                    child = children.setdefault(one["id"], Child(one["id"]))
                    child.names = (one["name"][0]["family"], *one["name"][0]["given"])
                    child.identifier = one["identifier"][0]["value"]
                case "Goal":
                    _of(children, one).goals.append(one["id"])
                    seen["achievements"].append(one["achievementStatus"]["coding"][0]["code"])
                case "Observation":
                    _of(children, one).observations += 1
                    _observed(one, seen)
                    seen["days"].append(session.day)
                case _:
                    pass  # of other types nothing is asked for by its own values
    return Values(
        tuple(child for child in children.values() if child.goals and child.observations and child.names),
        tuple(seen["codes"]),
        tuple(seen["scores"]),
        tuple(sorted(set(seen["units"]))),
        tuple(seen["days"]),
        tuple(sorted(set(seen["achievements"]))),
    )


def _of(children: dict[str, Child], resource: Json) -> Child:
    id_ = resource["subject"]["reference"].partition("/")[2]
    return children.setdefault(id_, Child(id_))


def _observed(resource: Json, seen: dict[str, list[Any]]) -> None:
    coding = resource["code"]["coding"][0]
    code = (coding["system"], coding["code"])
    seen["codes"].append(code)
    if "valueQuantity" in resource:
        seen["scores"].append(code)
        seen["units"].append(resource["valueQuantity"]["code"])


class Draws:
    """Draws searches about a store of so many clones."""

    def __init__(self, drawn_from: Values, clones: int, random: Random) -> None:
        self.values = drawn_from
        self._clones = clones
        self._random = random
        self._turn = random.randrange(len(PREFIXES) * 2)

    def child(self, among: Sequence[Child] = ()) -> Child:
        """Return a young person of any clone."""
        one = self.pick(among or self.values.children)
        prefix = population.prefix(self._random.randrange(self._clones))
        return Child(
            one.patient.replace(PREFIX, prefix),
            one.identifier.replace(PREFIX, prefix),
            one.names,
            [goal.replace(PREFIX, prefix) for goal in one.goals],
            one.observations,
        )

    def pick(self, among: Sequence[Any]) -> Any:
        """Return one of them."""
        return self._random.choice(among)

    def number(self, below: int) -> int:
        """Return a number from 0."""
        return self._random.randrange(below)

    def turn(self, among: Sequence[str]) -> str:
        """Return the next of them, one after the other."""
        self._turn += 1
        return among[self._turn % len(among)]

    def shuffled(self, among: Sequence[str]) -> list[str]:
        """Return them in another order."""
        return self._random.sample(among, len(among))


def query(type_: str, *pairs: tuple[str, str], count: int = COUNT) -> str:
    """Return path and query of a search."""
    asked = (*pairs, ("_count", str(count)))
    return f"/{type_}?" + "&".join(f"{quote(name, ':')}={quote(value, '/,:$')}" for name, value in asked)


def _token(draws: Draws) -> Asked:
    return "token", query("Observation", ("code", draws.pick(draws.values.codes)[1]))


def _token_with_system(draws: Draws) -> Asked:
    if draws.number(2):
        return "token with system", query("Patient", ("identifier", f"{PERSON}|{draws.child().identifier}"))
    system, code = draws.pick(draws.values.codes)
    return "token with system", query("Observation", ("code", f"{system}|{code}"))


def _string(draws: Draws) -> Asked:
    name = draws.pick(draws.child().names)
    if draws.number(2):
        length = SHORTEST + draws.number(max(1, len(name) - SHORTEST + 1))
        return "string prefix", query("Patient", ("name", name[:length]))
    start = draws.number(max(1, len(name) - CONTAINED + 1))
    return "string contains", query("Patient", ("name:contains", name[start : start + CONTAINED]))


def _date(draws: Draws) -> Asked:
    prefix = draws.turn(PREFIXES)
    return f"date {prefix}", query("Observation", ("date", prefix + draws.pick(draws.values.days)))


def _reference(draws: Draws) -> Asked:
    return "reference", query("Observation", ("subject", f"Patient/{draws.child().patient}"))


def _quantity(draws: Draws) -> Asked:
    value = f"{draws.pick(QUANTITY_PREFIXES)}{draws.number(SCORES)}|{UCUM}|{draws.pick(draws.values.units)}"
    return "quantity", query("Observation", ("value-quantity", value))


def _composite(draws: Draws) -> Asked:
    system, code = draws.pick(draws.values.scores)
    value = f"{draws.pick(QUANTITY_PREFIXES)}{draws.number(SCORES)}"
    return "composite", query("Observation", ("code-value-quantity", f"{system}|{code}${value}"))


def _chain(draws: Draws) -> Asked:
    child = draws.child()
    if draws.number(2):
        return "chain", query("Goal", ("subject:Patient.identifier", f"{PERSON}|{child.identifier}"))
    return "chain", query("Goal", ("subject:Patient.family", child.names[0]))


def _has(draws: Draws) -> Asked:
    if draws.number(2):
        return "_has", query(
            "Patient", ("_has:Goal:subject:achievement-status", draws.pick(draws.values.achievements))
        )
    family = draws.child().names[0]
    code = draws.pick(draws.values.codes)[1]
    return "_has", query("Patient", ("family", family), ("_has:Observation:subject:code", code))


def _include(draws: Draws) -> Asked:
    child = draws.child()
    asked = [("subject", f"Patient/{child.patient}"), ("_include", "Observation:encounter")]
    if draws.number(2):
        asked[1:] = [("focus", f"Goal/{draws.pick(child.goals)}"), ("_include", "Observation:focus")]
    return "include", query("Observation", *asked)


def _sorted(draws: Draws) -> Asked:
    return "sorted page", scores(draws.child(), draws)


def scores(child: Child, draws: Draws) -> str:
    """Return the search for a young person's scores, or for those of a goal, newest first."""
    asked = [("subject", f"Patient/{child.patient}"), ("_sort", "-date")]
    if draws.number(2):
        asked.insert(1, ("focus", f"Goal/{draws.pick(child.goals)}"))
    return query("Observation", *asked)


SHAPES: Mapping[str, Callable[[Draws], Asked]] = {
    "token": _token,
    "token with system": _token_with_system,
    "string": _string,
    "date": _date,
    "reference": _reference,
    "quantity": _quantity,
    "composite": _composite,
    "chain": _chain,
    "_has": _has,
    "include": _include,
    "sorted page": _sorted,
}
SECOND_PAGE = "second page"
ALL = (*SHAPES, SECOND_PAGE)
# What is there to be found, because it was drawn from what is there.
NEVER_EMPTY = frozenset(
    {"token", "token with system", "string prefix", "string contains", "reference", "include", SECOND_PAGE}
)


class Searcher:
    """One connection's searches: each shape equally often, in random order."""

    def __init__(
        self, target: Target, draws: Draws, shapes: Sequence[str], second_pages: Sequence[str]
    ) -> None:
        self.kind = ""
        self.asked = ""
        self._target = target
        self._draws = draws
        self._shapes = shapes
        self._second_pages = second_pages
        self._deck: list[str] = []

    def request(self) -> bytes:
        """Return the next search."""
        if not self._deck:
            self._deck = self._draws.shuffled(self._shapes)
        shape = self._deck.pop()
        if shape == SECOND_PAGE:
            self.kind, self.asked = shape, self._draws.pick(self._second_pages)
        else:
            self.kind, self.asked = SHAPES[shape](self._draws)
        return self._target.get(self.asked.encode())

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with the status, or with a Bundle that holds nothing of what is there."""
        if response.status != 200:
            return f"{self.kind} answered {response.status}"
        if b'"searchset"' not in response.body[:200]:
            return f"{self.kind} answered no searchset"
        if self.kind in NEVER_EMPTY and b'"fullUrl"' not in response.body:
            return f"{self.kind} found nothing"
        return None


def next_page(body: bytes) -> str | None:
    """Return the URL of the page that follows the Bundle, None where it is the last."""
    links = {link["relation"]: link["url"] for link in json.loads(body).get("link", ())}
    return links.get("next")


async def searcher(target: Target, draws: Draws, shapes: Sequence[str] = ALL) -> Searcher:
    """Return an actor, its second pages fetched. Raises Garbled, Lost."""
    pages: list[str] = []
    exchange = Exchange(target)
    try:
        while SECOND_PAGE in shapes and len(pages) < SECOND_PAGES:
            child = draws.child(draws.values.long_records)
            first = query("Observation", ("subject", f"Patient/{child.patient}"), ("_sort", "-date"))
            answer = await exchange(target.get(first.encode()))
            following = next_page(answer.body) if answer.status == 200 else None
            if following is None or not following.startswith(target.base_url):
                raise Garbled(f"no second page: {answer.status} {answer.body[:500].decode(errors='replace')}")
            pages.append(following.removeprefix(target.base_url))
    finally:
        exchange.close()
    return Searcher(target, draws, shapes, pages)

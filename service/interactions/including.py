"""Includes: what the matches of a page refer to, and what refers to them, each resource once.

Source: https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.fhir.search.includes import Include, Parameter
from service.interactions.context import Context
from service.storage.store import Stored


@dataclass(frozen=True, slots=True)
class Included:
    """What is shown beside the matches, in the order found. `is_cut`: there is more than a page may show."""

    items: tuple[Stored, ...]
    is_cut: bool


NOTHING = Included((), is_cut=False)


async def include(
    context: Context, locality: str, matches: Sequence[Stored], includes: Sequence[Include]
) -> Included:
    """What the includes add to the matches; those that iterate go on from what they added."""
    if not includes or not matches:
        return NOTHING
    gathering = _Gathering(context, locality, {match.key for match in matches})
    await gathering.add(matches, includes)
    onwards = [include for include in includes if include.iterate]
    while onwards and gathering.fresh and not gathering.is_cut:
        await gathering.add(gathering.taken(), onwards)
    return Included(tuple(gathering.items), gathering.is_cut)


@dataclass(slots=True)
class _Gathering:
    """Included resources while they are gathered. `known` are keys of what is shown; `fresh` was not gone on from."""

    context: Context
    locality: str
    known: set[int]
    items: list[Stored] = field(default_factory=list)
    fresh: list[Stored] = field(default_factory=list)
    is_cut: bool = False

    def taken(self) -> list[Stored]:
        """The fresh ones, which are fresh no longer."""
        taken, self.fresh = self.fresh, []
        return taken

    async def add(self, sources: Sequence[Stored], includes: Sequence[Include]) -> None:
        """Adds what the includes lead to from the sources, as far as there is room."""
        types = {source.type for source in sources}
        keys = [source.key for source in sources]
        for target, parameters in _by_target(includes, reverse=False):
            wanted = [parameter for parameter in parameters if parameter[0] in types]
            if wanted:
                only = frozenset({target} if target else ())
                self._keep(
                    await self.context.store.referred(self.locality, keys, wanted, only, self._enough())
                )
        for target, parameters in _by_target(includes, reverse=True):
            referred = [(one.type, one.id) for one in sources if target in {None, one.type}]
            if referred and parameters:
                self._keep(
                    await self.context.store.referring(self.locality, referred, parameters, self._enough())
                )

    def _enough(self) -> int:
        """So many resources that there is one too many among them, if there is, whatever is known already."""
        return self.context.limits.included + len(self.known) + 1

    def _keep(self, found: Sequence[Stored]) -> None:
        room = self.context.limits.included
        for stored in found:
            if stored.key in self.known:
                continue
            if len(self.items) == room:
                self.is_cut = True
                return
            self.known.add(stored.key)
            self.items.append(stored)
            self.fresh.append(stored)


def _by_target(
    includes: Sequence[Include], *, reverse: bool
) -> Iterator[tuple[str | None, tuple[Parameter, ...]]]:
    """The parameters to follow together: those with the same target."""
    for target in dict.fromkeys(include.target for include in includes if include.reverse is reverse):
        parameters = (
            parameter
            for include in includes
            if include.reverse is reverse and include.target == target
            for parameter in include.parameters
        )
        yield target, tuple(dict.fromkeys(parameters))

"""With whose eyes a store is looked into, and what it gave out.

Plain values: who looks, and what of it the token leaves. What can be seen is decided in the
store, by the facts that each resource tells of who may see it.

Source: ADR 0019
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.fhir.search.expressions import Expression

# Grounds (codes of `service.outcomes.sharing.Ground`) from the one that tells most of why somebody saw something.
_TELLING: Final = (2, 4, 3, 5, 6, 7, 1, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The eyes of an agency (an Organization's id), of what sectors it is and for what purpose it looks.

    `narrowed` are, by type, conditions that what is seen must meet as well; they are asked of the
    whole truth. `readable` are the types that are seen at all, None for every type. With `every`
    all resources of the locality are seen, whoever may see them, within the other two.
    """

    agency: str
    sectors: frozenset[str] = frozenset()
    purpose: str = "TREAT"
    narrowed: Mapping[str, Expression] = field(default_factory=lambda: MappingProxyType({}))
    readable: frozenset[str] | None = None
    every: bool = False
    # What a store has worked out of it, by what: the same eyes look many times.
    known: dict[object, Any] = field(default_factory=dict, repr=False)

    def reads(self, type_: str) -> bool:
        """Whether resources of the type are seen at all."""
        return self.readable is None or type_ in self.readable


@dataclass(slots=True)
class Seen:
    """What one request was shown: the young people, by the id of their Patient, and on what ground.

    The grounds are codes of `service.outcomes.sharing.Ground`; of several the one that tells most.
    `stored` is how many versions the request stored.
    """

    children: dict[str, int] = field(default_factory=dict)
    stored: int = 0

    def note(self, child: str, ground: int) -> None:
        """Notes that something about the child was shown."""
        known = self.children.get(child)
        if known == ground:
            return
        if known is None or _TELLING.index(ground) < _TELLING.index(known):
            self.children[child] = ground

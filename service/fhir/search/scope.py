"""The scope of a search: which resource types are asked, and how each criterion is read in all of them.

Source: https://hl7.org/fhir/R4/search.html#2.21.1.2 (contexts), #type
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.fhir.registry import APART, Registry
from service.fhir.search import refusals
from service.fhir.search.compartments import members
from service.fhir.search.escapes import split

TYPE = "_type"
"""The parameter that names the types of a search of several."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a search looks.

    `type`: the type of the path, empty where it names none. `within`: the type and id of the
    resource whose compartment it is. `types`: those that are searched at most, all if empty.
    """

    type: str = ""
    within: tuple[str, str] | None = None
    types: tuple[str, ...] = ()

    @property
    def is_wide(self) -> bool:
        """Whether several types may be searched, so that `_type` can choose among them."""
        return not self.type

    def searched(self, registry: Registry, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The types to search: as `_type` names them, or in the order of their names.

        Raises:
            Malformed: `_type` names one that is not searched here.
        """
        if self.type:
            return (self.type,)
        offered = self._offered(registry)
        named = [value for name, value in pairs if name == TYPE and value]
        if not named:
            return offered
        types = tuple(dict.fromkeys(split(named[0], ",")))
        if any(type_ not in offered for type_ in types):
            raise refusals.unknown_type(offered)
        return types

    def _offered(self, registry: Registry) -> tuple[str, ...]:
        found = members(registry, self.within[0]) if self.within else tuple(_searchable(registry))
        asked = self.types or found
        return tuple(type_ for type_ in found if type_ in asked and type_ not in APART)


def _searchable(registry: Registry) -> Iterator[str]:
    return (type_ for type_, interactions in sorted(registry.served.items()) if "search-type" in interactions)

"""Digests of search parameters: what tells whether index rows were made as they would be made now.

A parameter's digest is made of its definition and of the number of the way in which its
values are read. Whoever changes what is read from the same body raises that number: then
the parameter is known to wait for `thrive-fhir reindex` on every store.

Source: docs/search-parameters.md, ADR 0002
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from service.fhir.search.derived import derived, indexed, texts

if TYPE_CHECKING:
    from service.fhir.definitions import SearchParameter
    from service.fhir.registry import Registry

# How values are read, by type of parameter or by what is derived from one: 1 is as of the
# first program that kept the value at all.
READINGS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "token": 1, "reference": 1, "string": 1, "date": 1, "number": 1, "quantity": 1, "uri": 1,
        "composite": 1, "special": 1,
        "sharing": 1, "text": 1, "of-type": 1, "identifier": 1, "canonical": 1, "x": 1, "y": 1, "z": 1, "_text": 1, "_content": 1,
    }
)  # fmt: skip

SHARING: Final = ":sharing"
"""In place of a code: what resources of a type tell of who may see them and others, which is kept as index rows are."""

# What the program of the first schema gave no rows.
_LATER = frozenset({"composite", "special"})
_R4 = "http://hl7.org/fhir/SearchParameter/"
_BYTES = 16  # of a digest: it tells a change, it guards nothing


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a process indexes.

    `digests`: by name, `Type.code` or `Type.code:derived`. `whole`: one digest of all.
    `first`: the names whose rows the program of the first schema made as they are made now.
    """

    digests: Mapping[str, str]
    whole: str
    first: frozenset[str]

    def of(self, type_: str) -> Iterator[str]:
        """The names of a type's parameters, and of what is derived from them."""
        return (name for name in self.digests if name.partition(".")[0] == type_)


@lru_cache(maxsize=4)  # a process has one registry, a test run some
def definitions(registry: Registry) -> Definitions:
    """The definitions by which resources of served types are indexed."""
    digests: dict[str, str] = {}
    first: set[str] = set()
    for type_ in registry.served:
        for code, parameter in indexed(registry, type_):
            name = f"{type_}.{code}"
            digests[name] = _digest(registry, parameter, parameter.type)
            if (
                parameter.type not in _LATER
                and READINGS[parameter.type] == 1
                and parameter.url.startswith(_R4)
            ):
                first.add(name)
            for each in derived(registry, parameter):
                digests[f"{type_}.{each}"] = _digest(registry, parameter, each.rpartition(":")[2])
        digests[f"{type_}.{SHARING}"] = _digested(SHARING, READINGS["sharing"])
        for code in texts(registry, type_):
            digests[f"{type_}.{code}"] = _digested(code, READINGS[code])
    whole = _digested(*sorted(digests.items()))
    return Definitions(MappingProxyType(digests), whole, frozenset(first))


def _digest(registry: Registry, parameter: SearchParameter, read: str) -> str:
    known = registry.search_parameters(parameter.base)
    components = [(known[code].type, expression) for code, expression in parameter.components]
    # A list, as of the program that kept values of those made up of others, whose digests those of others still are.
    under = [parameter.code]
    return _digested(
        parameter.type, parameter.expression, parameter.targets, components, under, read, READINGS[read]
    )


def _digested(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=_BYTES).hexdigest()

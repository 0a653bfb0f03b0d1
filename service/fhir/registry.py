"""The registry: what R4 says of types, value sets, search parameters and compartments, and what is served.

It is made from the JSON that `scripts/reduce_definitions.py` reduced from the official
package, and from `served.json`, the one list of resource types and their interactions.
Definitions are built when first asked for, so that a process pays for what it uses.

Source: https://hl7.org/fhir/R4/ (package hl7.fhir.r4.core 4.0.1), design.md section 4
"""

from __future__ import annotations

from copy import copy
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from service.fhir.definitions import Binding, Element, Invariant, SearchParameter, TypeDefinition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

APART = frozenset({"AuditEvent"})
"""Types that are kept apart from the resources: each is searched by itself alone, and nothing leads there.

Source: docs/audit.md
"""


class Registry:
    """Definitions by name. `served` maps resource types to the interaction codes of CapabilityStatement."""

    def __init__(self, types: Json, value_sets: Json, search: Json, compartments: Json, served: Json) -> None:
        """Takes the reduced JSON documents; `load` finds the packaged ones."""
        self.served: Mapping[str, frozenset[str]] = MappingProxyType(
            {type_: frozenset(interactions) for type_, interactions in served.items()}
        )
        self.resource_types: frozenset[str] = frozenset(
            name for name, type_ in types.items() if type_["kind"] == "resource" and "abstract" not in type_
        )
        self._types = types
        self._value_sets = value_sets
        self._search = search
        self._patient: Json = compartments["Patient"]
        self._definitions: dict[str, TypeDefinition] = {}
        self._parameters: dict[str, Mapping[str, SearchParameter]] = {}
        self._codes: dict[str, frozenset[tuple[str, str]]] = {}
        self._added: dict[str, dict[str, SearchParameter]] = {}

    def extended(self, parameters: Iterable[SearchParameter]) -> Registry:
        """A registry that has these search parameters beside its own, each for the type that is its base.

        One of a code that the type has already takes its place; who calls this decides whether it may.
        """
        added = {type_: dict(known) for type_, known in self._added.items()}
        for each in parameters:
            added.setdefault(each.base, {})[each.code] = each
        made = copy(self)
        made._added, made._parameters = added, {}  # noqa: SLF001 - another of the same class
        return made

    def definition(self, name: str) -> TypeDefinition:
        """The type of that name: resource, datatype, primitive, or backbone element by its path.

        Raises:
            KeyError: R4 has no such type.
        """
        known = self._definitions.get(name)
        if known is None:
            known = self._definitions[name] = self._define(name)
        return known

    def is_resource(self, name: str) -> bool:
        """Whether R4 has a concrete resource type of that name, served here or not."""
        return name in self.resource_types

    def search_parameters(self, type_: str) -> Mapping[str, SearchParameter]:
        """The search parameters of a served resource type by code: those of every resource, its own, and added ones.

        Raises:
            KeyError: the type is not served.
        """
        known = self._parameters.get(type_)
        if known is None:
            if type_ not in self.served:
                raise KeyError(type_)
            reduced = (
                self._search.get("Resource", {})
                | self._search.get("DomainResource", {})
                | self._search.get(type_, {})
            )
            own = {code: parameter(code, type_, item) for code, item in reduced.items()}
            known = MappingProxyType(own | self._added.get(type_, {}))
            self._parameters[type_] = known
        return known

    def codes(self, value_set: str) -> frozenset[tuple[str, str]] | None:
        """The (system, code) pairs of a value set; None where it cannot be enumerated here."""
        url = value_set.partition("|")[0]
        known = self._codes.get(url)
        if known is None:
            by_system = self._value_sets.get(url)
            if by_system is None:
                return None
            known = frozenset((system, code) for system, codes in by_system.items() for code in codes)
            self._codes[url] = known
        return known

    def patient_parameters(self, type_: str) -> tuple[str, ...]:
        """The search parameters by which resources of the type are in a Patient's compartment."""
        return tuple(self._patient.get(type_, ()))

    def _define(self, name: str) -> TypeDefinition:
        reduced = self._types[name]
        base = self.definition(reduced["base"]) if "base" in reduced else None
        elements = dict(base.elements) if base else {}
        elements |= {item["name"]: element(item) for item in reduced["elements"]}
        return TypeDefinition(
            name=name,
            kind=reduced["kind"],
            base=base.name if base else None,
            elements=MappingProxyType(elements),
            invariants=(base.invariants if base else ()) + invariants(reduced),
            abstract=reduced.get("abstract", False),
        )


def element(reduced: Json) -> Element:
    """An element from its reduced JSON."""
    minimum, _, maximum = reduced["card"].partition("..")
    binding = reduced.get("binding")
    return Element(
        name=reduced["name"],
        minimum=int(minimum),
        maximum=None if maximum == "*" else int(maximum),
        types=tuple(reduced["types"]),
        choice=reduced.get("choice", False),
        targets=tuple(reduced.get("targets", ())),
        binding=Binding(*binding) if binding else None,
        invariants=invariants(reduced),
        summary=reduced.get("summary", False),
        modifier=reduced.get("modifier", False),
    )


def invariants(reduced: Json) -> tuple[Invariant, ...]:
    """The invariants of a reduced type or element."""
    return tuple(Invariant(**item) for item in reduced.get("invariants", ()))


def parameter(code: str, base: str, reduced: Json) -> SearchParameter:
    """A search parameter of the type `base` from its reduced JSON."""
    return SearchParameter(
        url=reduced["url"],
        code=code,
        base=base,
        type=reduced["type"],
        expression=reduced["expression"],
        targets=tuple(reduced.get("targets", ())),
        components=tuple((part, expression) for part, expression in reduced.get("components", ())),
    )


def load() -> Registry:
    """The registry from the JSON packaged with the service."""
    folder = resources.files("service.fhir") / "data"

    def read(name: str) -> Json:
        document: Json = msgspec.json.decode((folder / f"{name}.json").read_bytes())
        return document

    return Registry(
        types=read("types"),
        value_sets=read("value_sets"),
        search=read("search_parameters"),
        compartments=read("compartments"),
        served=read("served"),
    )

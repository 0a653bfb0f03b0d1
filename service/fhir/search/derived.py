"""Derived codes: what indexes keep beside a parameter's own values, for modifiers, quantities in any unit and places.

A derived code is the parameter's with what it is for behind a colon: `code:text`,
`identifier:of-type`, `subject:identifier`, `value-quantity:canonical`, `near:x`. It is the code of
the conditions that ask for it, and of the index rows that answer them.

Source: https://hl7.org/fhir/R4/search.html#modifiers, ADR 0002
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from service.fhir.search.parameters import alternatives, read_as

if TYPE_CHECKING:
    from service.fhir.definitions import SearchParameter
    from service.fhir.registry import Registry

TEXT = "text"
OF_TYPE = "of-type"
IDENTIFIER = "identifier"
CANONICAL = "canonical"
# Of a place: the coordinates of its point on the sphere.
AXES = ("x", "y", "z")

# By type of parameter: what is derived, and from elements of which types.
_DERIVED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "token": {
        TEXT: frozenset({"CodeableConcept", "Coding", "Identifier"}),
        OF_TYPE: frozenset({"Identifier"}),
    },
    "reference": {IDENTIFIER: frozenset({"Reference"})},
    "quantity": {
        CANONICAL: frozenset({
            "Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "Range", "SampledData",
        }),
    },
    "special": dict.fromkeys(AXES, frozenset({"Location.position"})),
}  # fmt: skip

# The words of a resource's narrative, and of all its text: parameters of every type that have no path.
NARRATIVE = "_text"
CONTENT = "_content"

# As many as there are search parameters, and some of a deployer's own.
MOST_KNOWN = 4_096

# What the store knows of a resource without an index.
STORED = frozenset({"_id", "_lastUpdated"})

# Types of which a parameter that others make up is asked of these.
_MADE_UP = frozenset({"token", "quantity", "composite"})


@lru_cache(maxsize=MOST_KNOWN)
def derived(registry: Registry, parameter: SearchParameter) -> tuple[str, ...]:
    """The derived codes of a parameter, such as `code:text`; none of most.

    A parameter whose elements cannot be told without running its expression has all of its type.
    One that others make up together has none, as `asked` tells.
    """
    if parameter.code in STORED or not stands_alone(registry, parameter):
        return ()
    if parameter.type == "composite":
        return _of_composite(registry, parameter)
    possible = _DERIVED.get(parameter.type)
    if possible is None:
        return ()
    types = read_as(registry, parameter)
    return tuple(
        f"{parameter.code}:{what}" for what, kinds in possible.items() if types is None or kinds & types
    )


def asked(registry: Registry, parameter: SearchParameter, what: str) -> tuple[str, ...]:
    """The derived codes of which any may have what a modifier asks of the parameter; none where it has no such."""
    codes = (f"{one.code}:{what}" for one in sources(registry, parameter) if what in whats(registry, one))
    return tuple(codes)


def whats(registry: Registry, parameter: SearchParameter) -> tuple[str, ...]:
    """What is derived of the parameter's values: `text` and the like, wherever it stands."""
    found = (code for one in sources(registry, parameter) for code in derived(registry, one))
    return tuple(dict.fromkeys(code.rpartition(":")[2] for code in found))


@lru_cache(maxsize=MOST_KNOWN)
def sources(registry: Registry, parameter: SearchParameter) -> tuple[SearchParameter, ...]:
    """The parameters under which a parameter's values stand: itself, or those that it is made up of.

    Observation's `combo-code` reads what `code` and `component-code` read, and nothing else. Its
    values are theirs: a write need not store each of them twice.

    Of other types than tokens, quantities and composites each stands for itself: references are followed by the
    code, and names and their sounds are read from the same element in two ways.
    """
    if parameter.type not in _MADE_UP:
        return (parameter,)
    whole = frozenset(alternatives(parameter.expression))
    if len(whole) == 1:
        return (parameter,)
    parts = {
        one.code: reads
        for one in registry.search_parameters(parameter.base).values()
        if one.code not in STORED
        and _is_alike(one, parameter)
        and (reads := frozenset(alternatives(one.expression))) < whole
        and stands_alone(registry, one)
    }
    if not parts or frozenset().union(*parts.values()) != whole:
        return (parameter,)
    known = registry.search_parameters(parameter.base)
    return tuple(
        known[code] for code, reads in parts.items() if not any(reads < other for other in parts.values())
    )


def stands_alone(registry: Registry, parameter: SearchParameter) -> bool:
    """Whether the parameter has index rows of its own: it is not made up of others."""
    return sources(registry, parameter) == (parameter,)


def _is_alike(one: SearchParameter, other: SearchParameter) -> bool:
    """Whether two parameters read the same of an element: composites, by the same expressions."""
    parts = (
        [expression for _, expression in one.components],
        [expression for _, expression in other.components],
    )
    return one.type == other.type and parts[0] == parts[1]


def indexed(registry: Registry, type_: str) -> Iterator[tuple[str, SearchParameter]]:
    """The parameters of a served type that have index rows of their own, each after its code."""
    for code, parameter in registry.search_parameters(type_).items():
        if code not in STORED and stands_alone(registry, parameter):
            yield code, parameter


def index_codes(registry: Registry, type_: str) -> tuple[str, ...]:
    """Every code under which resources of a served type have index rows, with the derived ones.

    Raises:
        KeyError: the type is not served.
    """
    found: list[str] = []
    for code, parameter in registry.search_parameters(type_).items():
        if stands_alone(registry, parameter):
            found += (code, *derived(registry, parameter))
    return (*found, *texts(registry, type_))


def texts(registry: Registry, type_: str) -> tuple[str, ...]:
    """The parameters of words that a type has: a resource without narrative (Binary) has but one."""
    return (NARRATIVE, CONTENT) if "text" in registry.definition(type_).elements else (CONTENT,)


def _of_composite(registry: Registry, parameter: SearchParameter) -> tuple[str, ...]:
    """A composite whose second part is a quantity is found in any unit as well."""
    known = registry.search_parameters(parameter.base)
    second = [known.get(code) for code, _ in parameter.components][1:]
    is_quantity = bool(second) and second[0] is not None and second[0].type == "quantity"
    return (f"{parameter.code}:{CANONICAL}",) if is_quantity else ()

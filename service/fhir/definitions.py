"""The structural facts of FHIR types: what the registry holds and checkers are made from.

Source: https://hl7.org/fhir/R4/elementdefinition.html; reduced from the official
package by `scripts/reduce_definitions.py` (no prose).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["resource", "complex", "primitive", "backbone"]
SearchType = Literal[
    "token", "string", "date", "number", "quantity", "uri", "reference", "composite", "special"
]
Strength = Literal["required", "extensible", "preferred", "example"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A value set bound to an element; `value_set` is its canonical URL without version."""

    strength: Strength
    value_set: str


@dataclass(frozen=True, slots=True)
class Invariant:
    """A FHIRPath rule of a type or element, such as obs-6."""

    key: str
    severity: Literal["error", "warning"]
    expression: str
    text: str


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    `name` is the JSON name without the type suffix of a choice: `value` for `value[x]`.
    `types` are type names: `Quantity`, `string`, `Observation.component` for a backbone
    element (a contentReference is resolved to the type it points at).
    `maximum` is None for `*`. `targets` are the resource types a Reference or canonical
    may point to; empty means any.
    """

    name: str
    minimum: int
    maximum: int | None
    types: tuple[str, ...]
    choice: bool = False
    targets: tuple[str, ...] = ()
    binding: Binding | None = None
    invariants: tuple[Invariant, ...] = ()
    summary: bool = False
    modifier: bool = False

    @property
    def repeats(self) -> bool:
        """Whether JSON holds an array."""
        return self.maximum != 1


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A resource type, datatype, primitive or backbone element type.

    `name` is `Observation`, `Quantity`, `dateTime` or `Observation.component`.
    `base` is the type it specialises: `DomainResource`, `Element`, `string`.
    `elements` includes the inherited ones, keyed by `Element.name`, in spec order.
    """

    name: str
    kind: Kind
    base: str | None
    elements: Mapping[str, Element]
    invariants: tuple[Invariant, ...] = ()
    abstract: bool = False


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter as it holds for one resource type.

    `expression` is the FHIRPath narrowed to `base` (no alternatives of other types).
    `components` are, for a composite, pairs of parameter code and expression.
    """

    url: str
    code: str
    base: str
    type: SearchType
    expression: str
    targets: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()

"""What an expression is compiled to: closures, and what is known of their results beforehand.

Source: https://hl7.org/fhirpath/N1/#collections, https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.nodes import Item, Items, Node, Scope
from service.fhir.paths.types import BOOLEAN, QUANTITIES, QUANTITY, SYSTEM_OF, SYSTEM_TYPES, Child

Many = Callable[[Item, Scope], Items]
One = Callable[[Item, Scope], Item]
Condition = Callable[[Item, Scope], bool | None]


@dataclass(frozen=True, slots=True)
class Focus:
    """What is known of $this: `raw` and `types` as in Compiled; `root` where it is the resource itself."""

    raw: str | None
    types: frozenset[str] | None
    root: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a plain path: a JSON property, whether it holds a primitive, whether it repeats."""

    key: str
    primitive: bool
    repeats: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression ready to run, twice over: `many` gives its items, `one` its only item or None.

    `raw` is the FHIR type of items that are raw JSON, None where items say their own type.
    `types` are the types that items may have, None where that cannot be told.
    `single` says that there is never more than one item; `ordered` that order has a meaning.
    `links` are the steps from $this where the expression is nothing but a plain path.
    `root` says that the item is the evaluated resource itself. `choice` is where a choice
    element was stepped to: from what, and which child. `size` counts the items where that
    is cheaper than making them. `place` is where an evaluation remembers them, if it does.
    """

    many: Many
    one: One
    raw: str | None
    types: frozenset[str] | None
    single: bool
    ordered: bool = True
    links: tuple[Link, ...] | None = None
    root: bool = False
    choice: tuple[Compiled, Child] | None = None
    size: One | None = None
    place: int | None = None

    @property
    def focus(self) -> Focus:
        """What a criterion or projection over this collection knows of its $this."""
        return Focus(self.raw, self.types, self.root)

    def may_be(self, wanted: frozenset[str]) -> bool:
        """Whether items can be of one of the System types, by themselves or by conversion from FHIR."""
        if not self.types:
            return True
        return any(type_ in _ANYTHING or _system(type_) in wanted for type_ in self.types)


def _system(type_: str) -> str:
    """The System type that a type becomes, itself where it becomes none."""
    return QUANTITY if type_ in QUANTITIES else SYSTEM_OF.get(type_, type_)


# Types that say nothing of what an element may turn out to be.
_ANYTHING = frozenset({"Element", "Resource", "DomainResource"})


def of_one(one: One, type_: str | None, types: frozenset[str] | None = None) -> Compiled:
    """A compiled expression that gives at most one item, all of the type where one is given."""

    def many(this: Item, scope: Scope) -> Items:
        item = one(this, scope)
        return [] if item is None else [item]

    known = types if type_ is None else frozenset({type_})
    return Compiled(many, one, type_ if type_ not in SYSTEM_TYPES else None, known, single=True)


def of_many(many: Many, raw: str | None, types: frozenset[str] | None, *, ordered: bool = True) -> Compiled:
    """A compiled expression that gives any number of items."""
    return Compiled(many, only(many), raw, types, single=False, ordered=ordered)


def like(
    source: Compiled, many: Many, *, single: bool | None = None, ordered: bool | None = None
) -> Compiled:
    """A compiled expression that gives some of the items of the source."""
    return replace(
        source,
        many=many,
        one=only(many),
        single=source.single if single is None else single,
        ordered=source.ordered if ordered is None else ordered,
        links=None,
        root=False,
        choice=None,
        size=None,
        place=None,
    )


def only(many: Many) -> One:
    """The only item of the collection, None where it is empty; several are an EvaluationError."""

    def one(this: Item, scope: Scope) -> Item:
        items = many(this, scope)
        if not items:
            return None
        if len(items) > 1:
            raise EvaluationError(f"One item is wanted here, and there are {len(items)}.")
        return items[0]

    return one


def remembered(compiled: Compiled, place: int) -> Compiled:
    """The same expression, evaluated once in an evaluation of the whole."""
    source = compiled.many

    def many(this: Item, scope: Scope) -> Items:
        found = scope.remembered.get(place)
        if found is None:
            found = scope.remembered[place] = source(this, scope)
        return found

    return replace(compiled, many=many, one=only(many), links=None, choice=None, size=None, place=place)


def lifted(compiled: Compiled) -> Compiled:
    """The same expression with every raw FHIR element as a Node."""
    raw = compiled.raw
    if raw is None:
        return compiled
    source_many, source_one = compiled.many, compiled.one

    def many(this: Item, scope: Scope) -> Items:
        return [item if item.__class__ is Node else Node(raw, item) for item in source_many(this, scope)]

    def one(this: Item, scope: Scope) -> Item:
        item = source_one(this, scope)
        return item if item is None or item.__class__ is Node else Node(raw, item)

    return replace(compiled, many=many, one=one, raw=None, links=None, choice=None, size=None, place=None)


def condition(compiled: Compiled) -> Condition:
    """The truth of the expression: None where it is empty; a single item that is no boolean counts as true.

    Source: https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    one = compiled.one
    if compiled.types == frozenset({BOOLEAN}):
        return one

    def truth(this: Item, scope: Scope) -> bool | None:
        item: Any = one(this, scope)
        if item.__class__ is Node:
            item = item.value if item.type == "boolean" else True
        return item if item is None or item.__class__ is bool else True

    return truth

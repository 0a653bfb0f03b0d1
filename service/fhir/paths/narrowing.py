"""Picking items by type: ofType, as, is.

`as` and `ofType` match primitives exactly (a code is not picked as string, as the official
tests have it), resources and complex types with their specialisations; `is` takes
specialisations of every kind.

Source: https://hl7.org/fhirpath/N1/#types, https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from service.fhir.paths.compiled import Compiled, like
from service.fhir.paths.compiler import Compiler
from service.fhir.paths.navigation import raw_child, typed_child
from service.fhir.paths.nodes import Item, Items, Node, Scope
from service.fhir.paths.types import RESOURCES, Child, TypeModel, is_primitive
from service.fhir.paths.values import item_type

Picks = Callable[[Item], bool]


def of_type(compiler: Compiler, target: Compiled, wanted: str) -> Compiled:
    """The items of the target that are of the wanted type."""
    model = compiler.model
    if target.choice is not None and (narrowed := _of_choice(compiler, target.choice, wanted)) is not None:
        return narrowed
    if target.raw is not None and _matches(model, target.raw, wanted):
        return target
    source = target.many
    picks = picker(model, target.raw, wanted)

    def many(this: Item, scope: Scope) -> Items:
        return [item for item in source(this, scope) if picks(item)]

    narrowed_types = narrow(model, target.types, wanted)
    return replace(like(target, many), raw=target.raw, types=narrowed_types)


def narrow(model: TypeModel, types: frozenset[str] | None, wanted: str) -> frozenset[str] | None:
    """The types that remain possible of items that turned out to be of the wanted one."""
    if types is None or types & RESOURCES:
        return None if wanted in _ABSTRACT else frozenset({wanted})
    return frozenset(type_ for type_ in types if _matches(model, type_, wanted)) or frozenset({wanted})


# Types that items are not of alone, but always of one that specialises them.
_ABSTRACT = RESOURCES | {"Element", "BackboneElement"}


def _of_choice(compiler: Compiler, choice: tuple[Compiled, Child], wanted: str) -> Compiled | None:
    """A choice element narrowed to some of its types: a step to those JSON properties alone."""
    owner, child = choice
    alternatives = tuple(one for one in child.alternatives if _matches(compiler.model, one[1], wanted))
    if owner.raw is None or not alternatives:
        return None
    narrowed = Child(child.name, alternatives, child.repeats, choice=len(alternatives) > 1)
    if owner.root:
        compiler.note(child, -1)
        compiler.note(narrowed, 1)
    return typed_child(owner, narrowed) if narrowed.choice else raw_child(owner, narrowed)


def _matches(model: TypeModel, type_: str, wanted: str) -> bool:
    """Whether an item of the type is picked by as() and ofType()."""
    return type_ == wanted if is_primitive(wanted) else model.is_a(type_, wanted)


def picker(model: TypeModel, raw: str | None, wanted: str) -> Picks:
    """A test of whether as() and ofType() pick an item."""
    known: dict[str, bool] = {}

    def picks(item: Item) -> bool:
        type_ = item.type if item.__class__ is Node else item_type(item, raw)
        answer = known.get(type_)
        if answer is None:
            answer = known[type_] = _matches(model, type_, wanted)
        return answer

    return picks


def tester(model: TypeModel, raw: str | None, wanted: str) -> Picks:
    """A test of whether `is` holds of an item."""
    known: dict[str, bool] = {}

    def tests(item: Item) -> bool:
        type_ = item.type if item.__class__ is Node else item_type(item, raw)
        answer = known.get(type_)
        if answer is None:
            answer = known[type_] = model.is_a(type_, wanted)
        return answer

    return tests

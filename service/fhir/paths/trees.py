"""Tree navigation: children and descendants.

Source: https://hl7.org/fhirpath/N1/#tree-navigation
"""

from __future__ import annotations

from dataclasses import replace

from service.fhir.paths.compiled import Compiled, One, lifted, of_many
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.nodes import Item, Items, Node, Scope, all_children, paired
from service.fhir.paths.types import TypeModel, is_primitive


def _children(call: Invocation) -> Compiled:
    target, model = lifted(call.target), call.compiler.model
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            if item.__class__ is Node:
                found += all_children(model, item)
        return found

    return replace(of_many(many, None, None, ordered=False), size=_child_count(call.target, model))


def _child_count(target: Compiled, model: TypeModel) -> One | None:
    """How many children the only item of a raw complex type has, counted in its JSON."""
    if target.raw is None or is_primitive(target.raw) or not target.single:
        return None
    one, types = target.one, model.properties(target.raw)

    def count(this: Item, scope: Scope) -> int:
        value = one(this, scope)
        found = 0
        for key, element in value.items() if value.__class__ is dict else ():
            name = key.removeprefix("_")
            if name not in types or (name != key and name in value):
                continue
            if element.__class__ is not list:
                found += 1
            elif f"_{name}" in value:
                found += len(paired(value.get(name), value[f"_{name}"]))
            else:
                found += len(element) - element.count(None)
        return found

    return count


def descendants(model: TypeModel, node: Node) -> list[Node]:
    """Every element below the node."""
    found = all_children(model, node)
    place = 0
    while place < len(found):
        found += all_children(model, found[place])
        place += 1
    return found


def _descendants(call: Invocation) -> Compiled:
    """All that is below; of one whole resource remembered while an expression asks for it again."""
    target, model = lifted(call.target), call.compiler.model
    call.compiler.scoped = call.compiler.outward = True  # whether it is %resource that it is asked of
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            if item.__class__ is not Node:
                continue
            if item.value is scope.resource:
                if scope.below is None:
                    scope.below = descendants(model, item)
                found += scope.below
            else:
                found += descendants(model, item)
        return found

    return of_many(many, None, None, ordered=False)


TREES = {"children": Function(_children), "descendants": Function(_descendants)}

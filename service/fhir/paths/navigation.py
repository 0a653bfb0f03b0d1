"""Steps to child elements: plain paths as straight dictionary access, and steps on typed nodes.

Source: https://hl7.org/fhirpath/N1/#path-selection, https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from typing import Any

from service.fhir.paths.compiled import Compiled, Link, Many, One, of_many, only
from service.fhir.paths.nodes import Item, Items, Node, Scope, child_nodes, paired
from service.fhir.paths.types import (
    RESOURCES,
    SYSTEM_CHILDREN,
    Child,
    TypeModel,
    is_primitive,
)


def step(value: Any, link: Link, type_: str, found: Items) -> None:
    """Adds to `found` what the JSON object holds under the link; a primitive with a sibling becomes a Node."""
    if value.__class__ is not dict:
        return
    element = value.get(link.key)
    if link.primitive:
        sibling = value.get("_" + link.key)
        if sibling is not None:
            found.extend(
                one if beside is None else Node(type_, one, beside)
                for _, one, beside in paired(element, sibling)
            )
            return
    if element is None:
        return
    if element.__class__ is not list:
        found.append(element)
    elif None in element:
        found.extend(one for one in element if one is not None)
    else:
        found.extend(element)


def plain_path(links: tuple[Link, ...], type_: str) -> Compiled:
    """A path of plain steps from $this to elements of the type."""
    single = not any(link.repeats for link in links)
    many = _single_step(links[0], type_) if len(links) == 1 else _several_steps(links, type_)
    one = _single_value(links, type_) if single else only(many)
    return Compiled(many, one, type_, frozenset({type_}), single=single, links=links)


def _single_step(link: Link, type_: str) -> Many:
    """One step from $this."""
    key, sibling_key, primitive = link.key, "_" + link.key, link.primitive

    def many(this: Item, _: Scope) -> Items:
        if this.__class__ is not dict or (primitive and sibling_key in this):
            found: Items = []
            step(this, link, type_, found)
            return found
        element = this.get(key)
        if element is None:
            return []
        if element.__class__ is list:
            return element if None not in element else [one for one in element if one is not None]
        return [element]

    return many


def _several_steps(links: tuple[Link, ...], type_: str) -> Many:
    """Steps through complex elements, and a last one to elements of the type."""
    keys = tuple(link.key for link in links[:-1])
    last = links[-1]

    def many(this: Item, _: Scope) -> Items:
        items = [this]
        for key in keys:
            nearer: Items = []
            for item in items:
                element = item.get(key) if item.__class__ is dict else None
                if element.__class__ is list:
                    nearer += element
                elif element is not None:
                    nearer.append(element)
            if not nearer:
                return nearer
            items = nearer
        found: Items = []
        for item in items:
            step(item, last, type_, found)
        return found

    return many


def _single_value(links: tuple[Link, ...], type_: str) -> One:
    """The only element at the end of steps that do not repeat."""
    keys = tuple(link.key for link in links[:-1])
    last = links[-1]
    key, sibling_key, primitive = last.key, "_" + last.key, last.primitive
    slow = only(_several_steps(links, type_))

    def one(this: Item, scope: Scope) -> Item:
        item = this
        for name in keys:
            if item.__class__ is not dict:
                return None if item is None else slow(this, scope)
            item = item.get(name)
        if item.__class__ is not dict:
            return None if item is None else slow(this, scope)
        if primitive and sibling_key in item:
            return slow(this, scope)
        element = item.get(key)
        return element if element.__class__ is not list else slow(this, scope)

    return one


def raw_child(target: Compiled, child: Child) -> Compiled:
    """A step from raw elements to a child of one known type."""
    key, type_, sibling = child.alternatives[0]
    link = Link(key, sibling is not None, child.repeats)
    if target.raw is not None and is_primitive(target.raw):
        return _beside(target, link, type_)
    if target.links is not None:
        return plain_path((*target.links, link), type_)
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            step(item, link, type_, found)
        return found

    single = target.single and not child.repeats
    return Compiled(many, only(many), type_, frozenset({type_}), single=single, ordered=target.ordered)


def _beside(target: Compiled, link: Link, type_: str) -> Compiled:
    """A step from primitives to their id or extensions, which only those held by a Node have."""
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            if item.__class__ is Node:
                step(item.sibling, link, type_, found)
        return found

    single = target.single and not link.repeats
    return Compiled(many, only(many), type_, frozenset({type_}), single=single, ordered=target.ordered)


def typed_child(target: Compiled, child: Child) -> Compiled:
    """A step from raw elements of a known type to a choice or a resource, whose items say their own type."""
    source, raw = target.many, target.raw or ""

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            found += child_nodes(item if item.__class__ is Node else Node(raw, item), child)
        return found

    single = target.single and not child.repeats
    types = child.types if not child.types & RESOURCES else None
    return Compiled(
        many, only(many), None, types, single=single, ordered=target.ordered, choice=(target, child)
    )


def any_child(target: Compiled, model: TypeModel, name: str, types: frozenset[str] | None) -> Compiled:
    """A step from items that say their own type to the child of that name, where their type has one."""
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            if item.__class__ is Node:
                child = model.child(item.type, name)
                if child is not None:
                    found += child_nodes(item, child)
            elif (part := _system_child(item, name)) is not None:
                found.append(part)
        return found

    return of_many(many, None, types, ordered=target.ordered)


def _system_child(item: Any, name: str) -> Any:
    """A part of a system value, such as the unit of a quantity."""
    parts = SYSTEM_CHILDREN.get(f"System.{type(item).__name__}", {})
    return getattr(item, _attribute(name)) if name in parts else None


def _attribute(name: str) -> str:
    """The Python name of a part."""
    return "base_type" if name == "baseType" else name

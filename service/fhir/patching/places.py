"""Elements in the JSON of a resource: put in, taken out, kept beside their `_` siblings.

An item is a pair of the JSON value and, for a primitive, what stands beside it.

Source: https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from service.fhir.paths import Node
from service.fhir.paths.types import is_primitive

Json = dict[str, Any]
Item = tuple[Any, Any]


def holder(node: Node) -> Json:
    """The JSON object that the node's children stand in; for a primitive the one beside it, made if need be."""
    if not is_primitive(node.type):
        return node.value  # type: ignore[no-any-return]  # a complex element is a JSON object
    if node.sibling is None:
        node.sibling = {}
        put(node, (node.value, node.sibling))
    return node.sibling  # type: ignore[no-any-return]  # as above


def _owner(node: Node) -> Json:
    """The JSON object that the node stands in."""
    if node.parent is None:
        raise ValueError("The resource itself stands in nothing.")
    return holder(node.parent)


def items(owner: Json, key: str) -> list[Item]:
    """The items of a repeating element."""
    return list(zip_longest(_listed(owner.get(key)), _listed(owner.get(f"_{key}"))))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def write_items(owner: Json, key: str, found: list[Item]) -> None:
    """Makes the items those of the repeating element; an array of nothing is left out."""
    _write(owner, key, [value for value, _ in found])
    _write(owner, f"_{key}", [sibling for _, sibling in found])


def _write(owner: Json, key: str, values: list[Any]) -> None:
    if any(value is not None for value in values):
        owner[key] = values
    else:
        owner.pop(key, None)


def write_item(owner: Json, key: str, item: Item) -> None:
    """Makes the item the element that does not repeat."""
    for name, value in ((key, item[0]), (f"_{key}", item[1])):
        if value is None:
            owner.pop(name, None)
        else:
            owner[name] = value


def put(node: Node, item: Item) -> None:
    """Puts the item in the place of the node."""
    owner = _owner(node)
    if node.index is None:
        write_item(owner, node.key, item)
        return
    found = items(owner, node.key)
    found[node.index] = item
    write_items(owner, node.key, found)


def take_out(node: Node) -> None:
    """Takes the node out, and with it every element around it that is left empty."""
    owner = _owner(node)
    if node.index is None:
        write_item(owner, node.key, (None, None))
    else:
        found = items(owner, node.key)
        del found[node.index]
        write_items(owner, node.key, found)
    around = node.parent
    if owner or around is None or around.parent is None:
        return
    if is_primitive(around.type) and around.value is not None:
        put(around, (around.value, None))
    else:
        take_out(around)

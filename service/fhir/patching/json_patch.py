"""JSON Patch: operations on the JSON of a resource, all of them or none.

Source: RFC 6902, https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from service.fhir.patching.documents import Copier, require_few, require_shallow
from service.fhir.patching.pointers import Tokens, expression, find, index, missing, parse
from service.fhir.problems import Invalid, Malformed

Operation = dict[str, Any]


def apply(resource: dict[str, Any], operations: list[Any]) -> dict[str, Any]:
    """The resource with the operations carried out in order; the given one is left as it is.

    Raises:
        Malformed: the document is no JSON Patch.
        Invalid: a path leads nowhere, a test fails, or what is left is no resource.
        TooLarge: there are more operations, or they copy more, than any resource needs.
    """
    steps = _read(operations)
    copier = Copier()
    document: Any = copier.copy(resource)
    for step in steps:
        document = step(document, copier)
    if not isinstance(document, dict):
        raise Invalid("patch-result-not-object", "The patch leaves something that is no resource.")
    require_shallow(document)
    return document


Step = Callable[[Any, Copier], Any]


def _read(operations: Any) -> list[Step]:
    """The operations, checked before any of them is carried out.

    Raises:
        Malformed: the document is no JSON Patch.
    """
    if not isinstance(operations, list):
        raise Malformed("json-patch-not-array", "A JSON Patch is an array of operations.")
    require_few(len(operations))
    return [_step(operation, place) for place, operation in enumerate(operations)]


def _step(operation: Any, place: int) -> Step:
    if not isinstance(operation, dict):
        raise Malformed("json-patch-operation-not-object", f"Operation {place} is no object.")
    name = operation.get("op")
    if not isinstance(name, str) or name not in _READERS:
        known = ", ".join(_READERS)
        raise Malformed("json-patch-operation-unknown", f"The 'op' of operation {place} is none of {known}.")
    return _READERS[name](operation, place)


def _pointer(operation: Operation, member: str, place: int) -> Tokens:
    _require(operation, member, place)
    return parse(operation[member], f"{member} of operation {place}")


def _require(operation: Operation, member: str, place: int) -> None:
    if member not in operation:
        raise Malformed("json-patch-member-missing", f"Operation {place} has no '{member}'.")


def _read_add(operation: Operation, place: int) -> Step:
    path = _pointer(operation, "path", place)
    _require(operation, "value", place)
    value = operation["value"]
    return lambda document, copier: _add(document, path, copier.copy(value))


def _read_remove(operation: Operation, place: int) -> Step:
    path = _pointer(operation, "path", place)
    return lambda document, _: _remove(document, path)


def _read_replace(operation: Operation, place: int) -> Step:
    path = _pointer(operation, "path", place)
    _require(operation, "value", place)
    value = operation["value"]
    return lambda document, copier: _replace(document, path, copier.copy(value))


def _read_move(operation: Operation, place: int) -> Step:
    source, path = _pointer(operation, "from", place), _pointer(operation, "path", place)
    return lambda document, _: _move(document, source, path)


def _read_copy(operation: Operation, place: int) -> Step:
    source, path = _pointer(operation, "from", place), _pointer(operation, "path", place)
    return lambda document, copier: _add(document, path, copier.copy(find(document, source)))


def _read_test(operation: Operation, place: int) -> Step:
    path = _pointer(operation, "path", place)
    _require(operation, "value", place)
    value = operation["value"]
    return lambda document, _: _test(document, path, value)


_READERS: dict[str, Callable[[Operation, int], Step]] = {
    "add": _read_add,
    "remove": _read_remove,
    "replace": _read_replace,
    "move": _read_move,
    "copy": _read_copy,
    "test": _read_test,
}


def _add(document: Any, path: Tokens, value: Any) -> Any:
    """The document with the value at the path: a member set, or an item put in before that index."""
    if not path:
        return value
    match find(document, path[:-1]):
        case dict() as container:
            container[path[-1]] = value
        case list() as array:
            array.insert(index(document, array, path, behind=True), value)
        case _:
            raise missing(document, path)
    return document


def _remove(document: Any, path: Tokens) -> Any:
    """The document without what is at the path."""
    if not path:
        raise Invalid("patch-removes-resource", "A patch cannot remove the resource itself.")
    match find(document, path[:-1]):
        case dict() as container if path[-1] in container:
            del container[path[-1]]
        case list() as array:
            del array[index(document, array, path)]
        case _:
            raise missing(document, path)
    return document


def _replace(document: Any, path: Tokens, value: Any) -> Any:
    """The document with the value in place of what is at the path."""
    if not path:
        return value
    match find(document, path[:-1]):
        case dict() as container if path[-1] in container:
            container[path[-1]] = value
        case list() as array:
            array[index(document, array, path)] = value
        case _:
            raise missing(document, path)
    return document


def _move(document: Any, source: Tokens, path: Tokens) -> Any:
    """The document with what is at the source at the path instead."""
    value = find(document, source)
    if source == path:
        return document
    if path[: len(source)] == source:
        raise Invalid(
            "patch-moves-into-itself", "Nothing can be moved into itself.", expression(document, source)
        )
    return _add(_remove(document, source), path, value)


def _test(document: Any, path: Tokens, value: Any) -> Any:
    """The document, once it is sure that the value is at the path."""
    if not equal(find(document, path), value):
        raise Invalid(
            "patch-test-failed",
            "The resource does not have the value that the patch tests for.",
            expression(document, path),
        )
    return document


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; numbers by value (7.10 is 7.1), members in any order.

    Source: RFC 6902 section 4.6
    """
    match left, right:
        case (bool(), _) | (_, bool()):
            return left is right
        case (int() | Decimal(), int() | Decimal()):
            return left == right
        case (dict(), dict()):
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        case (list(), list()):
            return len(left) == len(right) and all(map(equal, left, right))
        case _:
            return type(left) is type(right) and bool(left == right)

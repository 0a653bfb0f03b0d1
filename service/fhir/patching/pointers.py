"""JSON Pointers: where in a document a JSON Patch works.

Source: RFC 6901, RFC 6902 section 4
"""

from __future__ import annotations

import re
from typing import Any

from service.fhir import locations
from service.fhir.problems import Invalid, Malformed

Tokens = tuple[str, ...]

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]*")

# The token for the place behind the last item of an array.
END = "-"


def parse(pointer: Any, member: str) -> Tokens:
    """The reference tokens of a pointer, unescaped; none for the whole document.

    Raises:
        Malformed: it is no JSON Pointer.
    """
    if not isinstance(pointer, str) or (pointer and pointer[0] != "/") or _BAD_ESCAPE.search(pointer):
        raise Malformed(
            "json-patch-pointer-malformed", f"'{member}' is no JSON Pointer such as /name/0/family."
        )
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def find(document: Any, tokens: Tokens) -> Any:
    """The value that the tokens lead to.

    Raises:
        Invalid: there is none.
    """
    value = document
    for place, token in enumerate(tokens):
        match value:
            case dict() if token in value:
                value = value[token]
            case list():
                value = value[index(document, value, tokens[: place + 1])]
            case _:
                raise missing(document, tokens[: place + 1])
    return value


def index(document: Any, array: list[Any], tokens: Tokens, *, behind: bool = False) -> int:
    """The index that the last token names; `behind` allows the place after the last item.

    Raises:
        Invalid: it is no index, or beyond the array.
    """
    token = tokens[-1]
    if behind and token == END:
        return len(array)
    # Digits beyond any array's length need not be converted to know that they are too many.
    if not _INDEX.fullmatch(token):
        raise Invalid(
            "patch-index-malformed",
            "An item of an array is named by its index.",
            expression(document, tokens[:-1]),
        )
    if len(token) > 9 or int(token) >= len(array) + behind:
        raise Invalid(
            "patch-index-out-of-range",
            f"The array has {len(array)} items, and the index is beyond them.",
            expression(document, tokens[:-1]),
        )
    return int(token)


def missing(document: Any, tokens: Tokens) -> Invalid:
    """The problem that nothing is where the tokens lead."""
    return Invalid("patch-path-missing", "There is nothing at the path.", expression(document, tokens))


def expression(document: Any, tokens: Tokens) -> str:
    """The FHIRPath of the place, such as `Patient.name[0].given[1]`."""
    path = document.get("resourceType", "Resource") if isinstance(document, dict) else "Resource"
    value = document
    for token in tokens:
        if isinstance(value, list) and _INDEX.fullmatch(token) and len(token) < 10:
            path = locations.item(path, int(token))
            value = value[int(token)] if int(token) < len(value) else None
        elif isinstance(value, list):
            return str(path)
        else:
            path = locations.child(path, token)
            value = value.get(token) if isinstance(value, dict) else None
    return str(path)

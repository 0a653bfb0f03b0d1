"""JSON in and out, with nothing lost: decimals keep their digits, no member is silently dropped.

`decode` reads a document into dict, list, str, int, Decimal, bool and None: a number
written with `.` or `e` is a Decimal, any other an int of any size (`-0` is read as 0).
`encode` writes it back with the same digits; an exponent is written as `E+2` however it came.

msgspec is silent about duplicate keys. What `encode` writes in the very same bytes had none. For every member the text has a quote, optional
white space and a colon; so if it has these exactly as often as the document has members,
no member was dropped. Where it has them more often (an escaped quote before a colon in
somebody's prose is enough), the text is read again by the standard library, which shows
every member.

Source: https://hl7.org/fhir/R4/json.html, RFC 8259, tech.md section 5
"""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import msgspec

from service.fhir import locations
from service.fhir.problems import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
FHIR_JSON: Final = "application/fhir+json"
"""What this form is called on the wire: https://hl7.org/fhir/R4/http.html#mime-type"""
NAME_END: Final = re.compile(rb'"[ \n\t\r]*:')
CONTAINERS: Final = frozenset({dict, list})
DEFAULT_DEPTH: Final = 64  # design.md: deeper than any sensible Questionnaire, far from the stack's end

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder(decimal_format="number").encode
"""Compact UTF-8 JSON of what `decode` gives; every Decimal keeps its digits."""


def decode(raw: bytes, *, max_depth: int = DEFAULT_DEPTH) -> dict[str, Any]:
    """The JSON object in `raw`.

    Raises:
        Malformed: not UTF-8, not JSON, not an object, nested deeper than `max_depth`, a
            member named twice, or a number that is not finite or too large to hold.
    """
    raw = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        document = _decode(raw)
    except RecursionError:
        raise too_deep(max_depth) from None
    except (InvalidOperation, msgspec.ValidationError):
        raise Malformed(
            "json-number-too-large", "A number in the body has too many digits or too large an exponent."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise explained(raw, str(fault), max_depth) from None
    if type(document) is not dict:
        raise Malformed("json-not-object", "The body must be a JSON object, with a brace at either end.")
    if not _is_as_written(document, raw, max_depth) and count_names(raw) != count_members(
        document, max_depth
    ):
        refuse_duplicates(raw, max_depth)
    return document


def _is_as_written(document: dict[str, Any], raw: bytes, max_depth: int) -> bool:
    """Whether the text is what `encode` makes of it, with fewer brackets than levels: nothing was dropped from it."""
    return raw.count(b"{") + raw.count(b"[") <= max_depth and encode(document) == raw


def restore(written: bytes) -> dict[str, Any]:
    """The object that `encode` wrote into `written`; what `decode` refuses cannot stand in it."""
    restored: dict[str, Any] = _decode(written)
    return restored


def count_names(raw: bytes) -> int:
    """How often a quote, optional white space and a colon stand in the text: at least once a member."""
    return len(NAME_END.findall(raw))


def count_members(document: dict[str, Any], max_depth: int) -> int:
    """The number of members of all objects in the document, counted level by level.

    Raises:
        Malformed: there are more than `max_depth` levels.
    """
    members = 0
    level: list[Any] = [document]
    for _ in range(max_depth):
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                members += len(node)
                below += [value for value in node.values() if type(value) in CONTAINERS]
            else:
                below += [value for value in node if type(value) in CONTAINERS]
        if not below:
            return members
        level = below
    raise too_deep(max_depth)


def too_deep(max_depth: int) -> Malformed:
    """The refusal of a document nested too deeply."""
    return Malformed("json-too-deep", f"The body is nested more than {max_depth} levels deep.")


class NotFinite(ValueError):  # noqa: N818 - a state of the text, raised through the standard library
    """NaN, Infinity or -Infinity stands where JSON wants a value."""


def refuse_constant(name: str) -> None:
    """Refuses what the standard library would take for a number."""
    raise NotFinite(name)


def explained(raw: bytes, reason: str, max_depth: int) -> Malformed:
    """Why the text cannot be read, and where; `reason` is what msgspec said."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as fault:
        return Malformed("json-not-utf8", f"The body is not UTF-8: byte {fault.start} cannot be read.")
    try:
        json.loads(text, parse_constant=refuse_constant, parse_int=str, parse_float=str)
    except NotFinite as fault:
        return Malformed(
            "json-number-not-finite", f"{fault} is no number in JSON; leave the element out instead."
        )
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        return Malformed("json-malformed", f"The body is not JSON: {fault.msg} ({where}).")
    except RecursionError:
        return too_deep(max_depth)
    # Only half a surrogate pair is left: the standard library lets it pass.
    return Malformed(
        "json-malformed", f"The body is not JSON: a \\u escape is half of a surrogate pair ({reason})."
    )


class Repeating(dict[str, Any]):
    """An object in which a member's name stands more than once."""

    __slots__ = ("name",)

    name: str


def gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object made of the members, marked where a name repeats."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeating = Repeating(members)
    repeating.name = Counter(name for name, _ in pairs).most_common(1)[0][0]
    return repeating


def refuse_duplicates(raw: bytes, max_depth: int) -> None:
    """Reads the text again, slowly, and returns if every name stands once in its object.

    Raises:
        Malformed: it names the first member that stands twice, or a dropped member was nested too deeply.
    """
    try:
        document: dict[str, Any] = json.loads(raw, object_pairs_hook=gathered, parse_int=str, parse_float=str)
    except RecursionError:
        raise too_deep(max_depth) from None
    for path, name in repetitions(document, str(document.get("resourceType", "$this"))):
        raise Malformed(
            "json-duplicate-key", f'"{name}" stands twice in the same object.', locations.child(path, name)
        )


def repetitions(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Where names repeat: the path of the object and the name, in document order."""
    if isinstance(node, Repeating):
        yield path, node.name
    if isinstance(node, dict):
        for name, value in node.items():
            yield from repetitions(value, locations.child(path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from repetitions(value, locations.item(path, index))

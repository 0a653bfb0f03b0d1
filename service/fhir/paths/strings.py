"""Functions of strings.

Source: https://hl7.org/fhirpath/N1/#string-manipulation, https://hl7.org/fhirpath/#additional-string-functions
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from functools import lru_cache

from service.fhir.paths.compiled import Compiled, of_many, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.scalars import TEXT, WHOLE, Argument, scalar, value_of
from service.fhir.paths.types import BOOLEAN, INTEGER, STRING
from service.fhir.paths.values import kind, system_value

# Letters that FHIRPath gives meaning to in the flags of matches().
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE}

# Longer patterns, or text matched against them, are refused: a hostile pattern must not stall the server.
MAXIMUM_PATTERN = 1000


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(0, length)]


@lru_cache(maxsize=256)
def pattern(expression: str, flags: str = "") -> re.Pattern[str]:
    """The regular expression, in single-line mode (`.` takes in line ends).

    Raises:
        EvaluationError: it is none, too long, or its flags are unknown.
    """
    if len(expression) > MAXIMUM_PATTERN:
        raise EvaluationError(f"A regular expression has at most {MAXIMUM_PATTERN} characters.")
    options = re.DOTALL
    for flag in flags:
        if flag not in _FLAGS:
            raise EvaluationError(f"'{flag}' is no flag of a regular expression.")
        options |= _FLAGS[flag]
    # Python spells named groups its own way.
    spelt = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", expression)
    try:
        return re.compile(spelt, options)
    except (re.error, RecursionError, OverflowError) as fault:
        raise EvaluationError(f"That is no regular expression: {fault}.") from fault


def _matches(text: str, expression: str, flags: str = "") -> bool:
    return pattern(expression, flags).search(text) is not None


def _matches_full(text: str, expression: str, flags: str = "") -> bool:
    return pattern(expression, flags).fullmatch(text) is not None


def _replace_matches(text: str, expression: str, substitution: str, flags: str = "") -> str:
    if not expression:
        return text
    found = pattern(expression, flags)

    def replacement(match: re.Match[str]) -> str:
        return re.sub(
            r"\$(?:(\d+)|\{(\w+)\})",
            lambda group: _group(match, group.group(1) or group.group(2)),
            substitution,
        )

    return found.sub(replacement, text)


def _group(match: re.Match[str], name: str) -> str:
    """The text of a group by number or name."""
    try:
        return match.group(int(name) if name.isdigit() else name) or ""
    except IndexError:
        raise EvaluationError(f"The regular expression has no group {name}.") from None


def _encode(text: str, form: str) -> str | None:
    raw = text.encode()
    match form:
        case "hex":
            return raw.hex()
        case "base64":
            return base64.b64encode(raw).decode()
        case "urlbase64":
            return base64.urlsafe_b64encode(raw).decode()
        case _:
            return None


def _decode(text: str, form: str) -> str | None:
    try:
        match form:
            case "hex":
                return bytes.fromhex(text).decode()
            case "base64":
                return base64.b64decode(text, validate=True).decode()
            case "urlbase64":
                return base64.b64decode(text, altchars=b"-_", validate=True).decode()
            case _:
                return None
    except (binascii.Error, ValueError):
        return None


def _escape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.escape(text)
        case "json":
            return json.dumps(text, ensure_ascii=False)[1:-1]
        case _:
            return None


def _unescape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.unescape(text)
        case "json":
            try:
                # The text stands between quotes already; those it has of its own count as escaped.
                return str(json.loads(f'"{re.sub(_BARE_QUOTE, chr(92) + chr(34), text)}"', strict=False))
            except ValueError:
                return None
        case _:
            return None


_BARE_QUOTE = re.compile(r'(?<!\\)"')


def _to_chars(call: Invocation) -> Compiled:
    one = value_of(call.target, TEXT, "toChars()", call.position)
    return of_many(lambda this, scope: list(one(this, scope) or ""), None, frozenset({STRING}))


def _split(call: Invocation) -> Compiled:
    one = value_of(call.target, TEXT, "split()", call.position)
    separator = value_of(call.argument(0), TEXT, "split()", call.position)

    def many(this: Item, scope: Scope) -> Items:
        text, between = one(this, scope), separator(this, scope)
        if text is None or between is None:
            return []
        return text.split(between) if between else list(text)

    return of_many(many, None, frozenset({STRING}))


def _join(call: Invocation) -> Compiled:
    many, raw = call.target.many, call.target.raw
    separator = value_of(call.argument(0), TEXT, "join()", call.position) if call.arguments else None

    def one(this: Item, scope: Scope) -> str | None:
        items = many(this, scope)
        if not items:
            return None
        between = "" if separator is None else separator(this, scope)
        return (between or "").join(_text(item, raw) for item in items)

    return of_one(one, STRING)


def _text(item: Item, raw: str | None) -> str:
    """The item's text.

    Raises:
        EvaluationError: it is no string.
    """
    value = system_value(item, raw)
    if isinstance(value, str):
        return value
    shown = "an element without a value" if value is None else kind(value)
    raise EvaluationError(f"join() takes strings, and is given {shown}.")


_TEXT = Argument(TEXT)
_FLAG = Argument(TEXT, optional=True)

STRINGS = {
    "indexOf": scalar(str.find, TEXT, INTEGER, _TEXT),
    "lastIndexOf": scalar(str.rfind, TEXT, INTEGER, _TEXT),
    "substring": scalar(
        _substring, TEXT, STRING, Argument(WHOLE), Argument(WHOLE, optional=True, empty_counts=True)
    ),
    "startsWith": scalar(str.startswith, TEXT, BOOLEAN, _TEXT),
    "endsWith": scalar(str.endswith, TEXT, BOOLEAN, _TEXT),
    "contains": scalar(str.__contains__, TEXT, BOOLEAN, _TEXT),
    "upper": scalar(str.upper, TEXT, STRING),
    "lower": scalar(str.lower, TEXT, STRING),
    "replace": scalar(str.replace, TEXT, STRING, _TEXT, _TEXT),
    "matches": scalar(_matches, TEXT, BOOLEAN, _TEXT, _FLAG),
    "matchesFull": scalar(_matches_full, TEXT, BOOLEAN, _TEXT, _FLAG),
    "replaceMatches": scalar(_replace_matches, TEXT, STRING, _TEXT, _TEXT, _FLAG),
    "length": scalar(len, TEXT, INTEGER),
    "trim": scalar(str.strip, TEXT, STRING),
    "encode": scalar(_encode, TEXT, STRING, _TEXT),
    "decode": scalar(_decode, TEXT, STRING, _TEXT),
    "escape": scalar(_escape, TEXT, STRING, _TEXT),
    "unescape": scalar(_unescape, TEXT, STRING, _TEXT),
    "toChars": Function(_to_chars),
    "split": Function(_split, 1, 1),
    "join": Function(_join, 0, 1),
}

"""The tokens of a FHIRPath expression.

Source: https://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from service.fhir.paths.faults import PathError

TokenKind = Literal[
    "identifier", "delimited", "string", "number", "date", "dateTime", "time", "dollar", "symbol", "end"
]


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` is decoded (no quotes, no escapes); `position` is where it begins."""

    kind: TokenKind
    text: str
    position: int


_DATE = r"\d{4}(?:-\d{2}(?:-\d{2})?)?"
_TIME = r"\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_ZONE = r"(?:Z|[+-]\d{2}:\d{2})?"

_TOKEN = re.compile(
    rf"""
      (?P<blank>\s+|//[^\r\n]*|/\*.*?\*/)
    | (?P<dateTime>@{_DATE}T(?:{_TIME}{_ZONE})?)
    | (?P<time>@T{_TIME})
    | (?P<date>@{_DATE})
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<delimited>`(?:[^`\\]|\\.)*`)
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<dollar>\$[a-z]+)
    | (?P<symbol><=|>=|!=|!~|[-+*/&|<>=~.,()\[\]{{}}%])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def tokens(expression: str) -> list[Token]:
    """The tokens of the expression, the last of kind `end`.

    Raises:
        PathError: a character begins no token, or a comment or string is not closed.
    """
    found: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None or _opens_comment(expression, match):
            raise PathError(f"No FHIRPath token begins at character {position}.", position)
        kind: str = match.lastgroup or ""
        if kind != "blank":
            found.append(_token(kind, match.group(), position))
        position = match.end()
    found.append(Token("end", "", position))
    return found


def _opens_comment(expression: str, match: re.Match[str]) -> bool:
    """Whether a comment opens here that nothing closes (a closed one is matched whole, as blank)."""
    return match.lastgroup == "symbol" and expression.startswith("/*", match.start())


def _token(kind: str, text: str, position: int) -> Token:
    """The token with its quotes, escapes and leading signs taken off."""
    match kind:
        case "string" | "delimited":
            text = _unescape(text[1:-1])
        case "date":
            text = text[1:]
        case "dateTime":
            text = text[1:].removesuffix("T")
        case "time":
            text = text[2:]
        case _:
            pass
    return Token(cast("TokenKind", kind), text, position)


def _unescape(text: str) -> str:
    """The text that escapes stand for; a backslash before any other character is left out.

    Source: https://hl7.org/fhirpath/N1/#string
    """
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_character, text)
    # Two escapes may make one character outside the basic plane.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    escape = match.group(1)
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES.get(escape, escape)

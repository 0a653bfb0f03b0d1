"""Uri parameters: whole addresses, or what lies above or below them.

Source: https://hl7.org/fhir/R4/search.html#uri
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import And, Expression, Token, Uri, UriMatch
from service.fhir.search.lengths import LONGEST_BEGINNING

MODIFIERS = ("above", "below")

# Of an address too long to be kept whole the beginning is kept: one that is asked for and a slash fit in.
_LONGEST_ASKED = LONGEST_BEGINNING - 1

_MATCHES: Mapping[str | None, UriMatch] = {None: "exact", "above": "above", "below": "below"}


def _uri(value: str) -> list[tuple[str]]:
    return [(value,)]


def _canonical(value: str) -> list[tuple[str]]:
    """A canonical with its version, and without: asking for no version finds every one."""
    url, bar, _ = value.partition("|")
    return [(value,), (url,)] if bar else [(value,)]


READERS: Mapping[str, Callable[[Any], list[tuple[str]]]] = {
    "uri": _uri, "url": _uri, "oid": _uri, "uuid": _uri, "string": _uri, "canonical": _canonical,
}  # fmt: skip


def read(asked: Asked) -> Expression:
    """The condition that a uri states.

    Of a resource's own canonical address, `url|version` asks for that version of it.

    Raises:
        Malformed: it has spaces in it, or is a URN or longer than what is kept of a long one and asked for
            above or below.
    """
    value = asked.value
    if any(character.isspace() for character in value):
        raise refusals.unreadable(asked.name, "search-value-uri", "give an address without spaces")
    match asked.modifier:
        case None:
            return _exact(asked, value)
        case modifier if "://" not in value:
            raise refusals.unreadable(
                asked.name, "search-value-uri", f"`:{modifier}` wants a URL such as http://acme.example/a/b"
            )
        case modifier:
            upper = value.rstrip("/")
            if len(upper.encode()) > _LONGEST_ASKED:
                raise refusals.unreadable(
                    asked.name,
                    "search-value-uri",
                    f"`:{modifier}` wants an address of {_LONGEST_ASKED} bytes at most",
                )
            return Uri(asked.code, upper, _MATCHES[modifier])


def _exact(asked: Asked, value: str) -> Expression:
    parts = split(asked.text, "|")
    if asked.code != "url" or len(parts) != 2 or not all(parts) or not _has_version(asked):
        return Uri(asked.code, value, "exact")
    url, version = map(unescape, parts)
    return And((Uri(asked.code, url, "exact"), Token("version", None, version.casefold())))


def _has_version(asked: Asked) -> bool:
    parameter = asked.setting.registry.search_parameters(asked.parameter.base).get("version")
    return parameter is not None and parameter.type == "token"

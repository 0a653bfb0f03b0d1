"""Formats in and out: what a client accepts, and what it says that it sends.

Source: https://hl7.org/fhir/R4/http.html#mime-type, https://www.rfc-editor.org/rfc/rfc9110#name-content-negotiation
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from typing import Literal

from service.fhir.codec import FHIR_JSON
from service.fhir.problems import Unacceptable, Unsupported

Kind = Literal["resource", "json-patch", "form", "lines"]

JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"

# How sure we are that a client meant this format, where it names several of equal weight: the one
# that it spelt out goes before a wildcard, FHIR's own before the others.
_SPELT_OUT = 5
_OFFERED: dict[str, tuple[int, str]] = {
    FHIR_JSON: (_SPELT_OUT, FHIR_JSON),
    "application/json+fhir": (4, FHIR_JSON),  # the name until DSTU2, still sent by old libraries
    "application/json": (3, "application/json"),
    "text/json": (2, "text/json"),
    "application/*": (1, FHIR_JSON),
    "text/*": (1, "text/json"),
    "*/*": (0, FHIR_JSON),
}
_READ: dict[str, Kind] = {
    FHIR_JSON: "resource",
    "application/json+fhir": "resource",
    "application/json": "resource",
    "text/json": "resource",
    JSON_PATCH: "json-patch",
    FORM: "form",
    "application/fhir+ndjson": "lines",
    "application/ndjson": "lines",
    "application/x-ndjson": "lines",
}
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_VERSIONS = frozenset({"4.0", "4.0.1"})
# `_format` as a client writes it: the short name, and the `+` that it forgot to escape.
_SHORT = {
    "json": FHIR_JSON,
    "application/fhir json": FHIR_JSON,
    "application/json fhir": FHIR_JSON,
    "csv": "text/csv",
    "svg": "image/svg+xml",
    "image/svg xml": "image/svg+xml",
    "png": "image/png",
}

CONTENT_TYPES = {
    name: f"{name}; charset=utf-8".encode() for name in (FHIR_JSON, "application/json", "text/json")
}
# Pictures have no character set.
_BINARY = "image/"

CACHED = 256  # headers of this kind are few; a client that makes up new ones gains nothing
# Bytes of such a header, or characters of `_format`. Python reads parameters in a time that grows with the square
# of their length: what a header may be would take a second.
LONGEST = 2048


def content_type(media: str) -> bytes:
    """The value of Content-Type for a document in this media type."""
    known = CONTENT_TYPES.get(media)
    if known is not None:
        return known
    return media.encode() if media.startswith(_BINARY) else f"{media}; charset=utf-8".encode()


@lru_cache(CACHED)
def wanted(accept: bytes, format_: str, further: tuple[str, ...] = ()) -> str:
    """The media type to answer in. `format_` (the parameter `_format`) goes before the header; empty means absent.

    `further` are the media types that an operation answers in, best first, where these are not
    FHIR's JSON alone; the first of them is the answer to those who accept anything.

    Raises:
        Unacceptable: nothing that we can answer in is accepted.
    """
    if max(len(accept), len(format_)) > LONGEST:
        raise Unacceptable("format-not-offered", f"Accept or _format is longer than {LONGEST} characters.")
    ranges = _SHORT.get(format_.strip().lower(), format_) if format_.strip() else accept.decode("latin-1")
    if not ranges.strip():
        return further[0] if further else FHIR_JSON
    offered = _OFFERED | _beside(further) if further else _OFFERED
    best = max((_weigh(part, offered) for part in ranges.split(",")), default=(0.0, 0, ""))
    if best[0] <= 0:
        asked = "_format" if format_.strip() else "Accept"
        named = ", ".join(further) or FHIR_JSON
        raise Unacceptable(
            "format-not-offered",
            f"{asked} names no format that is answered in here; ask for {named} (XML is not offered).",
        )
    return best[2]


def _beside(further: tuple[str, ...]) -> dict[str, tuple[int, str]]:
    """What is offered beside FHIR's JSON, by its own name, its short one and the wildcards that mean it."""
    found: dict[str, tuple[int, str]] = {"*/*": (0, further[0])}
    for worse, media in enumerate(reversed(further)):
        found[media] = (_SPELT_OUT + worse, media)
        found[f"{media.partition('/')[0]}/*"] = (1, media)
    return found


def _weigh(part: str, known: Mapping[str, tuple[int, str]]) -> tuple[float, int, str]:
    """Quality, sureness and media type of one range; quality 0 where it is not offered."""
    message = _parsed(part)
    offered = known.get(message.get_content_type() if "/" in part else "")
    if offered is None or _version(message) not in _VERSIONS:
        return (0.0, 0, "")
    try:
        quality = float(str(message.get_param("q", "1")))
    except ValueError:
        return (0.0, 0, "")
    return (quality, *offered)


@lru_cache(CACHED)
def sent(content_type: bytes) -> Kind:
    """What a body claims to be, by its Content-Type.

    Raises:
        Unsupported: a format, an encoding or a FHIR version that is not read here, or no claim at all.
    """
    if len(content_type) > LONGEST:
        raise Unsupported("content-type-not-read", f"Content-Type is longer than {LONGEST} characters.")
    text = content_type.decode("latin-1")
    if not text.strip():
        raise Unsupported("content-type-missing", f"The body has no Content-Type; say {FHIR_JSON}.")
    message = _parsed(text)
    kind = _READ.get(message.get_content_type()) if "/" in text else None
    if kind is None:
        raise Unsupported(
            "content-type-not-read",
            f"This Content-Type is not read here; send {FHIR_JSON} (XML is not read).",
        )
    if str(message.get_param("charset", "utf-8")).lower() not in _CHARSETS:
        raise Unsupported("charset-not-read", "Bodies are read as UTF-8 only.")
    if _version(message) not in _VERSIONS:
        raise Unsupported("fhir-version-not-read", "This server speaks FHIR R4: fhirVersion=4.0.")
    return kind


def _parsed(text: str) -> Message:
    message = Message()
    message["content-type"] = text.strip().replace("\r", " ").replace("\n", " ")
    return message


def _version(message: Message) -> str:
    return str(message.get_param("fhirversion", "4.0"))

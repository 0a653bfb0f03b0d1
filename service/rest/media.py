"""Formats in and out: what a client accepts, and what it says that it sends.

Source: https://hl7.org/fhir/R4/http.html#mime-type, https://www.rfc-editor.org/rfc/rfc9110#name-content-negotiation
"""

from __future__ import annotations

from email.message import Message
from functools import lru_cache
from typing import Literal

from service.fhir.problems import Unacceptable, Unsupported

Kind = Literal["resource", "json-patch", "form"]

FHIR_JSON = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"

# How sure we are that a client meant this format, where it names several of equal weight: the one
# that it spelt out goes before a wildcard, FHIR's own before the others.
_OFFERED: dict[str, tuple[int, str]] = {
    FHIR_JSON: (5, FHIR_JSON),
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
}
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_VERSIONS = frozenset({"4.0", "4.0.1"})
# `_format` as a client writes it: the short name, and the `+` that it forgot to escape.
_SHORT = {"json": FHIR_JSON, "application/fhir json": FHIR_JSON, "application/json fhir": FHIR_JSON}

CONTENT_TYPES = {
    name: f"{name}; charset=utf-8".encode() for name in (FHIR_JSON, "application/json", "text/json")
}

CACHED = 256  # headers of this kind are few; a client that makes up new ones gains nothing


@lru_cache(CACHED)
def wanted(accept: bytes, format_: str) -> str:
    """The media type to answer in. `format_` (the parameter `_format`) goes before the header; empty means absent.

    Raises:
        Unacceptable: nothing that we can answer in is accepted.
    """
    ranges = _SHORT.get(format_.strip().lower(), format_) if format_.strip() else accept.decode("latin-1")
    if not ranges.strip():
        return FHIR_JSON
    best = max((_weigh(part) for part in ranges.split(",")), default=(0.0, 0, ""))
    if best[0] <= 0:
        asked = "_format" if format_.strip() else "Accept"
        raise Unacceptable(
            "format-not-offered",
            f"{asked} names no format that this server answers in; ask for {FHIR_JSON} (XML is not offered).",
        )
    return best[2]


def _weigh(part: str) -> tuple[float, int, str]:
    """Quality, sureness and media type of one range; quality 0 where it is not offered."""
    message = _parsed(part)
    offered = _OFFERED.get(message.get_content_type() if "/" in part else "")
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

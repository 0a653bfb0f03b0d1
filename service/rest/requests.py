"""A request as the interactions want it: who, about what, under which conditions, with which body.

Source: https://hl7.org/fhir/R4/http.html, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from litestar.types import Receive

from service.fhir import codec
from service.fhir.problems import Malformed, Unsupported
from service.interactions.context import Act
from service.interactions.criteria import PARAMETERS
from service.interactions.patch import JsonPatch, Patch, PathPatch
from service.rest import bodies, conditions, media
from service.rest.bodies import Bounds
from service.rest.preferences import Preference, preference

Pairs = tuple[tuple[str, str], ...]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
_BOM = codec.BYTE_ORDER_MARK
PATCHES = b"application/json-patch+json, application/fhir+json"  # Accept-Patch, RFC 5789

GENERAL = frozenset({"_format", "_pretty"})  # about the form of any answer; no interaction reads them
NOTHING_PREFERRED = Preference()
# Of the 500 conditions that a search may have each can be a reference by the longest id, with room.
FORM_BYTES = 64 * 1024
# The link to the next page of a search that was sent as a form holds all of it, and more of it escaped.
QUERY_BYTES = 96 * 1024
# So many queries are remembered, of so many bytes at most: what is asked again is seldom long.
_MOST_KNOWN, _SHORT = 2_000, 500


@dataclass(frozen=True, slots=True)
class Form:
    """What the answer shall look like: its media type, whether indented, and what the client prefers."""

    media: str
    pretty: bool
    preference: Preference


@dataclass(frozen=True, slots=True)
class Request:
    """One request whose route is known and whose caller may go on; its body is not read yet.

    `type`, `id` and `version` are those of the path, empty where it has none. `query` is the
    raw query string, `pairs` its parameters without `_format` and `_pretty`.
    """

    type: str
    id: str
    version: str
    act: Act
    fields: Mapping[bytes, bytes]
    query: bytes
    pairs: Pairs
    form: Form
    bounds: Bounds
    receive: Receive

    @property
    def criteria(self) -> str:
        """The search criteria of a conditional interaction, percent-encoded as they came."""
        return self.query.decode("latin-1")

    @property
    def if_match(self) -> int | None:
        """The version that the client believes to be current; None where it does not say."""
        value = self.fields.get(b"if-match")
        return None if value is None else conditions.if_match(value)

    @property
    def if_modified_since(self) -> int | None:
        """Milliseconds since 1970 of what the client has; None where it does not say."""
        value = self.fields.get(b"if-modified-since")
        return None if value is None else conditions.moment(value)

    @property
    def if_none_exist(self) -> str | None:
        """The criteria of a conditional create, as they came; None where it is an ordinary one."""
        value = self.fields.get(b"if-none-exist")
        return None if value is None else value.decode("latin-1").strip()

    @property
    def provenance(self) -> dict[str, Any] | None:
        """The Provenance that came in the header X-Provenance.

        Raises:
            Malformed: the header cannot be read.
        """
        value = self.fields.get(b"x-provenance")
        return None if value is None else codec.decode(value, max_depth=self.bounds.json_depth)

    @property
    def lenient(self) -> bool:
        """Whether unknown search parameters shall be passed over."""
        return self.form.preference.handling == "lenient"

    async def _read(self) -> bytes:
        return await bodies.read(self.receive, self.fields, self.bounds.body_bytes, self.bounds.body_seconds)

    async def _body(self) -> bytes:
        raw = await self._read()
        if not raw:
            raise Malformed("body-missing", "The request has no body.")
        return raw

    def lines(self) -> AsyncIterator[bytes] | None:
        """The bytes of a body that claims to be NDJSON, as they come and packed as they are; None for any other."""
        return bodies.pieces(self.receive) if sent(self.fields) == "lines" else None

    async def given(self) -> dict[str, Any] | None:
        """The resource in the body of an operation; None where there is no body.

        Raises:
            Unsupported: the body claims to be something else.
            Malformed: it cannot be read.
            TooLarge: it is above the limit.
        """
        _require_resource(self.fields)
        raw = await self._read()
        return codec.decode(raw, max_depth=self.bounds.json_depth) if raw else None

    async def resource(self) -> dict[str, Any]:
        """The resource in the body.

        Raises:
            Unsupported: the body claims to be something else.
            Malformed: it cannot be read, or is missing.
            TooLarge: it is above the limit.
        """
        _require_resource(self.fields)
        return codec.decode(await self._body(), max_depth=self.bounds.json_depth)

    async def patch(self) -> Patch:
        """The patch in the body: JSON Patch or FHIRPath Patch, by its Content-Type.

        Raises:
            Unsupported: the body claims to be something else.
            Malformed: it cannot be read, or is missing.
            TooLarge: it is above the limit.
        """
        match sent(self.fields):
            case "json-patch":
                return JsonPatch(_array(await self._body(), self.bounds.json_depth))
            case "resource" | None:
                return PathPatch(codec.decode(await self._body(), max_depth=self.bounds.json_depth))
            case _:
                raise Unsupported(
                    "content-type-not-read",
                    f"A patch is sent as {media.JSON_PATCH}, or as {codec.FHIR_JSON} with a Parameters resource.",
                )


def _require_resource(headers: Mapping[bytes, bytes]) -> None:
    """Lets a body be read that claims to be a resource, or nothing.

    Raises:
        Unsupported: it claims to be something else.
    """
    if sent(headers) not in {"resource", None}:
        raise Unsupported("content-type-not-read", f"A resource is sent as {codec.FHIR_JSON}.")


def sent(headers: Mapping[bytes, bytes]) -> media.Kind | None:
    """What the body claims to be; None where there is no body that could claim anything.

    Raises:
        Unsupported: something that is not read here.
    """
    content_type = headers.get(b"content-type", b"")
    empty = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
    return None if empty and not content_type else media.sent(content_type)


async def form_parameters(receive: Receive, headers: Mapping[bytes, bytes], bounds: Bounds) -> Pairs:
    """The search parameters in the body of POST _search.

    Raises:
        Unsupported: the body claims to be something else.
        Malformed: it cannot be read.
        TooLarge: it is above the limit.
        TooSlow: it does not come in time.
    """
    match sent(headers):
        case None:
            return ()
        case "form":
            limit = min(bounds.body_bytes, FORM_BYTES)
            return pairs(await bodies.read(receive, headers, limit, bounds.body_seconds))
        case _:
            raise Unsupported("content-type-not-read", f"Search parameters are sent as {media.FORM}.")


def _array(raw: bytes, depth: int) -> list[Any]:
    """The JSON array in `raw`, read by the same rules as any body."""
    # The codec reads objects; the array becomes the one member of one, and must stay the only one.
    document = codec.decode(b'{"patch":' + raw.removeprefix(_BOM) + b"}", max_depth=depth + 1)
    operations = document["patch"]
    if len(document) != 1 or not isinstance(operations, list):
        raise Malformed("json-patch-not-array", "A JSON Patch is an array of operations.")
    return operations


def fields(headers: Sequence[tuple[bytes, bytes]] | Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name; those of one name are joined with commas, as the standard allows."""
    listed = list(headers)
    joined = dict(listed)
    if len(joined) != len(listed):
        for name in joined:
            values = [value for other, value in listed if other == name]
            joined[name] = b", ".join(values)
    return joined


def pairs(query: bytes) -> Pairs:
    """Names and values of a query string or form, in order.

    Raises:
        Malformed: not UTF-8 once unescaped, too long or too many.
    """
    if len(query) > QUERY_BYTES:
        raise Malformed("query-too-long", f"The parameters are longer than {QUERY_BYTES} bytes.")
    return _known_pairs(query) if len(query) <= _SHORT else _pairs(query)


def _pairs(query: bytes) -> Pairs:
    try:
        text = query.decode("ascii")
        return tuple(
            parse_qsl(
                text,
                keep_blank_values=True,
                encoding="utf-8",
                errors="strict",
                max_num_fields=PARAMETERS,
            )
        )
    except UnicodeError:
        raise Malformed("query-malformed", "The parameters are not percent-encoded UTF-8.") from None
    except ValueError:
        raise Malformed("query-too-long", f"There are more than {PARAMETERS} parameters.") from None


# What clients ask again and again need not be taken apart again.
_known_pairs = lru_cache(_MOST_KNOWN)(_pairs)


def own(parameters: Pairs) -> Pairs:
    """The parameters that are the interaction's own."""
    return tuple(pair for pair in parameters if pair[0] not in GENERAL)


def form(headers: Mapping[bytes, bytes], parameters: Pairs, further: tuple[str, ...] = ()) -> Form:
    """What the answer shall look like; `further` as in `media.wanted`.

    Raises:
        Unacceptable: in no way that is offered.
    """
    general = {name: value for name, value in parameters if name in GENERAL} if parameters else {}
    prefer = headers.get(b"prefer")
    return Form(
        media.wanted(headers.get(b"accept", b""), general.get("_format", ""), further),
        general.get("_pretty", "false").strip().lower() in {"true", ""},
        NOTHING_PREFERRED if prefer is None else preference(prefer),
    )


def request_id(headers: Mapping[bytes, bytes], make: Callable[[], str]) -> str:
    """The client's own id of the request where it is sane, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None:
        text = given.decode("latin-1")
        if _REQUEST_ID.fullmatch(text):
            return text
    return make()

"""What the OpenAPI document says of signing in: the schemes, the scopes of each operation, and the endpoints for it.

Source: https://spec.openapis.org/oas/v3.1.1.html#security-scheme-object, docs/access.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.access.grants import ALL, LETTERS
from service.access.needs import Needs
from service.rest.media import FORM

Json = dict[str, Any]

SMART: Final = "smart"
TOKEN_PATH: Final = "/auth/token"  # noqa: S105 - a path
WANTED: Final[Json] = {SMART: []}
"""A token, whatever it allows."""

_WORDS: Final = dict(zip(LETTERS, ("create", "read", "update", "delete", "search"), strict=True))
_ENDPOINTS: Final[Mapping[str, tuple[str, str, tuple[int, ...]]]] = {
    TOKEN_PATH: ("token", "An access token for a client that proves itself by a signed assertion.", (400, 401, 503)),
    "/auth/introspect": ("introspect", "Whether an access token is good, and what it allows.", (400, 401)),
    "/auth/revoke": ("revoke", "An access token is good no more.", (400, 401)),
}  # fmt: skip
_PUBLISHED: Final[Mapping[str, tuple[str, str]]] = {
    "/auth/jwks": ("jwks", "The keys by which access tokens are checked."),
    "/fhir/.well-known/smart-configuration": ("smartConfiguration", "Where and how clients sign in."),
    "/.well-known/smart-configuration": ("smartConfigurationOfServer", "The same, at the root."),
}
_OBJECT: Final[Json] = {"application/json": {"schema": {"type": "object"}}}


def wanted(needs: Needs) -> list[Json]:
    """The scopes that an operation takes, as it declares them."""
    return [{SMART: [f"system/{need.type or ALL}.{need.letters}" for need in needs.each]}]


def schemes(operations: Iterable[Json]) -> Json:
    """The security schemes, with every scope that one of the operations declares."""
    named = {
        scope
        for operation in operations
        for each in operation.get("security", ())
        for scope in each.get(SMART, ())
    }
    flow = {"tokenUrl": TOKEN_PATH, "scopes": {scope: _told(scope) for scope in sorted(named)}}
    return {
        SMART: {
            "type": "oauth2",
            "description": "SMART Backend Services: the client signs in by `private_key_jwt`. A wider scope will do "
            "as well, such as `system/*.cruds`, and one of version 1, such as `system/Goal.read`.",
            "flows": {"clientCredentials": flow},
        }
    }


def _told(scope: str) -> str:
    type_, _, letters = scope.partition("/")[2].partition(".")
    words = " and ".join(_WORDS[letter] for letter in letters)
    return f"To {words} {'resources of some type' if type_ == ALL else type_}."


def signing_in() -> Iterable[tuple[str, Json]]:
    """The paths for signing in; the sandbox has none of them."""
    for path, (name, summary, faults) in _ENDPOINTS.items():
        operation = _operation(name, summary, faults)
        operation["requestBody"] = {
            "required": True,
            "content": {FORM: {"schema": {"$ref": "#/components/schemas/Form"}}},
        }
        yield path, {"post": operation}
    for path, (name, summary) in _PUBLISHED.items():
        yield path, {"get": _operation(name, summary, (404,))}


def _operation(name: str, summary: str, faults: tuple[int, ...]) -> Json:
    refused = {
        str(status): {"description": "Refused, in the words of RFC 6749.", "content": _OBJECT}
        for status in faults
    }
    return {
        "operationId": name,
        "tags": ["Access"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": {"description": "Done; the body is what was asked for.", "content": _OBJECT},
            **refused,
            "429": {"$ref": "#/components/responses/429"},
            "500": {"$ref": "#/components/responses/500"},
        },
    }

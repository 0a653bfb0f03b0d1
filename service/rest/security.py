"""Who calls: decided before anything else of a request is read.

Source: https://www.rfc-editor.org/rfc/rfc6750, https://hl7.org/fhir/R4/security.html, ADR 0005, ADR 0021
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from service.access.callers import SANDBOX_CALLER, Caller
from service.access.tokens import LONGEST, Tokens, invalid, missing

ANYBODY: Final = Caller(client="anonymous", agency="")
"""Who asks for what is public, such as the CapabilityStatement."""

_SCHEME: Final = b"bearer "


class Gate(Protocol):
    """Says who a request is from, by its header fields alone."""

    async def admit(self, fields: Mapping[bytes, bytes]) -> Caller:
        """The caller.

        Raises:
            Unauthorized: nobody that we know, or can believe.
            Unavailable: who it is cannot be found out now.
        """
        ...


class OpenGate:
    """The sandbox's caller, whoever it is. For `serve --sandbox` on loopback alone."""

    async def admit(self, fields: Mapping[bytes, bytes]) -> Caller:
        """As `Gate.admit`; a token that somebody sends is not looked at."""
        del fields
        return SANDBOX_CALLER


class ClosedGate:
    """Nobody: for a server of which nobody may know how its callers are told apart."""

    async def admit(self, fields: Mapping[bytes, bytes]) -> Caller:
        """As `Gate.admit`.

        Raises:
            Unauthorized: always.
        """
        del fields
        raise missing()


open_gate: Final[Gate] = OpenGate()
closed_gate: Final[Gate] = ClosedGate()


class TokenGate:
    """Whom an access token speaks for: `Authorization: Bearer …`, and no other way.

    A token in the query would be in logs and histories, so one there is not looked at.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def admit(self, fields: Mapping[bytes, bytes]) -> Caller:
        """As `Gate.admit`."""
        return await self._tokens.caller(bearer(fields))


def bearer(fields: Mapping[bytes, bytes]) -> bytes:
    """The access token of a request.

    Raises:
        Unauthorized: there is none, or nothing that could be one.
    """
    given = fields.get(b"authorization", b"")
    if given[: len(_SCHEME)].lower() != _SCHEME:
        raise missing()
    token = given[len(_SCHEME) :].strip()
    if not token or len(token) > LONGEST:
        raise invalid()
    return token

"""Who calls: decided before anything else of a request is read.

Closed by default: no token is believed yet, because nothing here can check one; so nobody
comes in, rather than everybody.

Source: https://hl7.org/fhir/R4/security.html, docs/adr/0005-access-fails-closed.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.access.callers import SANDBOX_CALLER, Caller
from service.fhir.problems import Unauthorized

Gate = Callable[[Mapping[bytes, bytes]], Caller]

ANYBODY = Caller(client="anonymous", agency="")
"""Who asks for what is public, such as the CapabilityStatement."""


def open_gate(_fields: Mapping[bytes, bytes]) -> Caller:
    """The sandbox's caller, whoever it is. For `serve --sandbox` on loopback alone."""
    return SANDBOX_CALLER


def closed_gate(_fields: Mapping[bytes, bytes]) -> Caller:
    """Nobody.

    Raises:
        Unauthorized: always.
    """
    raise Unauthorized("token-missing", "This server wants an access token, and cannot give out any yet.")

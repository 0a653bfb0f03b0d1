"""What a client prefers: the `Prefer` header.

Source: https://www.rfc-editor.org/rfc/rfc7240, https://hl7.org/fhir/R4/http.html#ops
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

Returns = Literal["representation", "minimal", "OperationOutcome"]
Handling = Literal["strict", "lenient"]

_RETURNS: dict[str, Returns] = {name.lower(): name for name in get_args(Returns)}
_HANDLINGS: dict[str, Handling] = {name: name for name in get_args(Handling)}

CACHED = 128  # distinct Prefer headers are few


@dataclass(frozen=True, slots=True)
class Preference:
    """What was preferred; None where nothing was said, or nothing that we know.

    `applied` is the value of the Preference-Applied header for what concerns the body of
    the answer, empty where nothing does. `apart`: the status of a job is told apart from that of the
    request for it (`separate-export-status` of Bulk Data 3).
    """

    returns: Returns | None = None
    handling: Handling | None = None
    applied: bytes = b""
    apart: bool = False


@lru_cache(CACHED)
def preference(prefer: bytes) -> Preference:
    """What the header asks for. It may hold a list; unknown preferences are passed over, of equal ones the first counts."""
    said: dict[str, str] = {}
    for part in prefer.decode("latin-1").split(","):
        # What follows a semicolon are a preference's parameters; FHIR's have none, but some
        # clients part their preferences by it.
        for piece in part.split(";"):
            name, _, value = piece.partition("=")
            said.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    returns = _RETURNS.get(said.get("return", ""))
    return Preference(
        returns=returns,
        handling=_HANDLINGS.get(said.get("handling", "")),
        applied=f"return={returns}".encode() if returns else b"",
        apart="separate-export-status" in said,
    )

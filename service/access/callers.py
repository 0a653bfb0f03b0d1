"""Who calls: a client that acts for one agency in one locality.

Source: ADR 0005
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_LOCALITY = "default"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client, the agency (Organization id) it acts for, and the locality it is in."""

    client: str
    agency: str
    locality: str = DEFAULT_LOCALITY


SANDBOX_CALLER = Caller(client="sandbox", agency="sandbox")

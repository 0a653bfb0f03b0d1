"""Who calls: a client that acts for one agency in one locality.

Source: ADR 0005
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_LOCALITY = "default"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client, the agency (Organization id) it acts for, and the locality it is in.

    `administrator`: may see how the service works inside, such as how a search was done.
    """

    client: str
    agency: str
    locality: str = DEFAULT_LOCALITY
    administrator: bool = False


SANDBOX_CALLER = Caller(client="sandbox", agency="sandbox", administrator=True)

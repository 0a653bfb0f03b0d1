"""Who calls: a client that acts for one agency in one locality.

Source: ADR 0005, ADR 0021
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from service.access.scopes import Scopes
from service.fhir.search.sight import Sight

DEFAULT_LOCALITY = "default"
TREATMENT: Final = "TREAT"
"""Why a client looks where nothing else is registered for it: direct care.

Source: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client, the agency (Organization id) it acts for, and the locality it is in.

    `administrator`: may see how the service works inside, such as how a search was done. `sectors`
    are those of the agency, codes of Organization.type as they were registered with the client.
    `purpose` is a code of v3-ActReason. `user` is the person who uses the client, and `patient` the
    young person that it was opened for, both from the token, None where it names none. One that
    `chooses_ids` may create by PUT; `governance` may ask who has seen what in the whole locality.
    `scopes` is what the token allows, None where it is everything. `sights` keeps with which eyes the
    caller looks, once made (`seeing.py`).
    """

    client: str
    agency: str
    locality: str = DEFAULT_LOCALITY
    administrator: bool = False
    sectors: frozenset[str] = frozenset()
    purpose: str = TREATMENT
    user: tuple[str, str] | None = None
    patient: str | None = None
    chooses_ids: bool = False
    governance: bool = False
    scopes: Scopes | None = None
    sights: dict[str, Sight | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    def may(self, type_: str, letter: str) -> bool:
        """Whether the token lets the caller do this (a letter of `cruds`) with resources of the type."""
        return self.scopes is None or self.scopes.may(type_, letter)


SANDBOX_CALLER = Caller(client="sandbox", agency="sandbox", administrator=True, chooses_ids=True)

"""An operation: its name, where it is offered, what it takes, and what carries it out.

Source: https://hl7.org/fhir/R4/operations.html, https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from service.access.grants import ALL
from service.access.needs import Need, Needs
from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import Input, Inputs
from service.interactions.context import Act, Answer, Context

Level = Literal["system", "type", "instance"]


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation is asked of: the type and id of the path, empty where it has none, and with what.

    With `lenient`, search parameters that are not understood are passed over and named.
    `wanted` is the media type that the client wants, of those that the operation answers in.
    `if_match` is the version of the resource in the path that If-Match names, for one that is `guarded`.
    `method` and `query` (as it came) are how it was asked; with `apart` the status of a job that it starts is
    told apart from that of the request for it. `lines` are the bytes of a body of NDJSON as they come, where one
    was sent to an operation that `receives` it.
    """

    type: str
    id: str
    inputs: Inputs
    lenient: bool = False
    wanted: str = FHIR_JSON
    if_match: int | None = None
    method: str = "POST"
    query: str = ""
    apart: bool = False
    lines: AsyncIterator[bytes] | None = None


Perform = Callable[[Context, Act, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that is offered.

    `name` stands without `$`. `types` are the resource types that it is of, empty for all that are
    served; `further` those that it is of though they are not served. `levels` are where it can be
    asked by POST; `readable` those where it can be asked by GET as well, because it changes
    nothing and a query can say it all. With `wants_sound` a body that R4 does not allow is
    refused before the operation sees it. One that `searches` takes the search parameters of its
    type beside `inputs`; one that `starts` a job is given what it does not know likewise, as criteria, and
    answers 202. One that `receives` takes NDJSON in place of Parameters. What an operation that `finds` answers with is a Bundle. `media` are the
    media types that it answers in, best first, where these are not FHIR's JSON alone. One that is
    `guarded` changes the resource in the path, and heeds If-Match. `needs` are the scopes that it takes:
    a type (empty: that of the path, `*`: some type) and the letters of what it does with it (`access/needs.py`);
    None where that is to read the resource in the path, or to search for those of its type.
    """

    name: str
    definition: str
    summary: str
    types: frozenset[str]
    levels: frozenset[Level]
    readable: frozenset[Level]
    inputs: tuple[Input, ...]
    perform: Perform
    further: frozenset[str] = frozenset()
    wants_sound: bool = True
    searches: bool = False
    starts: bool = False
    receives: bool = False
    finds: bool = False
    media: tuple[str, ...] = ()
    guarded: bool = False
    needs: tuple[tuple[str, str], ...] | None = None

    def needed(self, type_: str, level: Level) -> Needs:
        """The scopes that it takes of who asks for it there."""
        if self.needs is not None:
            return Needs(tuple(Need(_meant(named, type_), letters) for named, letters in self.needs))
        return Needs((Need(type_, "s" if level != "instance" and self.finds else "r"),))

    def is_of(self, type_: str, level: Level) -> bool:
        """Whether it can be asked of this type (empty for the system) at this level."""
        return level in self.levels and (level == "system" or not self.types or type_ in self.types)


def _meant(named: str, type_: str) -> str:
    """The type of a Need (empty: some type), where an operation of `type_` names one."""
    return "" if named == ALL else named or type_

"""What was given out and is not to be seen any more: asked of many resources at once, long after they were read.

What somebody sees of a young person's resource follows from four things: who made it, which never changes; its
label and whose it is, which change with its version; what is said of the young person, which changes with versions
of a few types; and the time. So what was seen at a moment is seen still, unless one of the last three has changed
since. That is found by a look at what was stored since then (`suspects`); who sees what is decided anew of these
alone (`hidden`).

Source: ADR 0027
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from service.fhir.search.sight import Sight

Key = tuple[str, str]  # resource type, logical id


class Suspects(NamedTuple):
    """Of what less may be seen than at a moment.

    `children` are packed ids of young people of whom something else is said, or holds; `keys` types and ids of
    resources that have a label more, or are about somebody else.
    """

    children: frozenset[bytes]
    keys: frozenset[Key]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.children or self.keys)


@dataclass(frozen=True, slots=True)
class Given:
    """What was given out: resources of these types about these young people (packed ids) as they were `at` a moment.

    Whoever read them saw what was stored no later than `since`, and more of it as they went on. Units: milliseconds
    since 1970.
    """

    types: Collection[str]
    children: Collection[bytes]
    at: int
    since: int


class Withdrawals(Protocol):
    """What of one database is not to be seen any more.

    Its methods raise `service.fhir.problems.Unavailable` where the database cannot be asked.
    """

    async def suspects(self, locality: str, given: Given, speaking: Collection[str]) -> Suspects:
        """Of what was given out anybody may see less by now.

        `speaking` are the types of resources that say who may see a record.
        """
        ...

    async def hidden(
        self, locality: str, sight: Sight, given: Given, suspects: Suspects, keys: Collection[Key]
    ) -> bool:
        """Whether these eyes do not see one of these resources as it was given out, of what is suspect."""
        ...

    async def closed(
        self, locality: str, sight: Sight, types: Collection[str], children: Collection[bytes]
    ) -> bool:
        """Whether these eyes do not see, or not whole, what others made, without a label, of a young person.

        It is asked of each of the types and of the young people (packed ids): whether it is so of any.
        """
        ...

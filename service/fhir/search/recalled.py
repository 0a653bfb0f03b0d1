"""Searches that were read before: the same text of a search means the same for as long as the server runs.

Clinicians' systems ask the same again and again: the scores of a young person after each session, a worklist each
minute. Reading a search takes longer than finding a few resources by it.

Source: https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from service.fhir.search.asked import Setting
from service.fhir.search.completeness import require_complete
from service.fhir.search.grammar import Search, parse

MOST: Final = 4_000
"""Units: searches that are remembered, of some 2 kB each."""
LONGEST: Final = 1_000
"""Units: characters of a search's names and values; longer ones are rare, and read anew each time."""

# What these mean is told by resources, which change: codes of value sets, and of code systems.
_CHANGING: Final = (":in", ":not-in", ":above", ":below")
# Dates nearly so are measured from now: https://hl7.org/fhir/R4/search.html#prefix.
_NEARLY: Final = "ap"
# A page is asked for once; its place is in none of the queries.
_PAGE: Final = "_page"

Key = tuple[Any, ...]


class Recalled:
    """What searches meant that were read here; those last asked for are kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[Key, Search] = OrderedDict()

    def parse(  # noqa: PLR0913 - as `parse`
        self,
        setting: Setting,
        type_: str,
        pairs: Sequence[tuple[str, str]],
        *,
        count_default: int,
        count_limit: int,
        lenient: bool,
        within: tuple[str, str] | None = None,
        types: tuple[str, ...] = (),
    ) -> Search:
        """As `grammar.parse`.

        Raises:
            Malformed: something was not understood, or is not indexed yet.
        """
        key: Key | None = None
        if _is_lasting(pairs):
            bounds = (count_default, count_limit, lenient)
            key = (type_, tuple(pairs), within, types, bounds, setting.base_url, setting.registry)
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                require_complete(setting, found.queries, found.includes)
                return found
        read = parse(
            setting,
            type_,
            pairs,
            count_default=count_default,
            count_limit=count_limit,
            lenient=lenient,
            within=within,
            types=types,
        )
        if key is not None:
            self._known[key] = read
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return read


def _is_lasting(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the pairs mean the same whenever they are read."""
    size = 0
    for name, value in pairs:
        size += len(name) + len(value)
        if name == _PAGE or _NEARLY in value or name.endswith(_CHANGING):
            return False
    return size <= LONGEST

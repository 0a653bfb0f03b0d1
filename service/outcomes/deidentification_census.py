"""Which values are rare: how many young people of an export have each, before anything of them is told.

Source: domain facts section 8 (fewer than five are not told, nor what would give them away), docs/deidentification.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from service.outcomes.deidentification import COUNTED
from service.outcomes.deidentification_rules import FEWEST

_PEOPLE: Final = "people"


class Census:
    """How many young people have which value of what is counted."""

    def __init__(self) -> None:
        """Begins with nobody."""
        self.people = 0
        self._counts: dict[str, dict[str, int]] = {what: {} for what in COUNTED}

    def add(self, counted: Mapping[str, str | None]) -> None:
        """Takes one young person, as `Deidentifier.counted` has them."""
        self.people += 1
        for what, counts in self._counts.items():
            value = counted[what]
            if value is not None:
                counts[value] = counts.get(value, 0) + 1

    def kept(self) -> dict[str, Any]:
        """This as JSON."""
        return {**self._counts, _PEOPLE: self.people}


def told(kept: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """By what was counted, the values that are told; `kept` as `Census.kept` gave it."""
    return {what: common(kept[what], kept[_PEOPLE]) for what in COUNTED}


def common(counts: Mapping[str, int], people: int) -> frozenset[str]:
    """The values that enough of so many people have.

    Those of whom nothing is told must be none or enough as well: else they would be known by it. So where they
    are too few, the rarest of the others goes with them.
    """
    enough = sorted((count, value) for value, count in counts.items() if count >= FEWEST)
    untold = people - sum(count for count, _ in enough)
    while enough and 0 < untold < FEWEST:
        untold += enough.pop(0)[0]
    return frozenset(value for _, value in enough)

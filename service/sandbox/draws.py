"""One young person's own stream of chance, so that cohorts grow without change.

Source: https://docs.python.org/3/library/random.html (a text seed gives the same stream
on every machine; `random()` is the only draw whose sequence is promised across versions).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

# Three uniform draws have variance 3/12; doubling their centred sum gives variance 1.
_UNIFORMS_MIDDLE = 1.5
_UNIFORMS_SCALE = 2.0


class Draws:
    """Draws that follow from `key` alone; every method takes the next of the stream."""

    __slots__ = ("unit",)

    def __init__(self, *key: object) -> None:
        stream = Random("/".join(str(part) for part in key))  # noqa: S311 - invented people need no secrets
        self.unit = stream.random

    def happens(self, share: float) -> bool:
        """Whether something happens that happens to `share` (0 to 1) of people."""
        return self.unit() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[int(self.unit() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def early(self, low: int, high: int) -> int:
        """A whole number from `low` to `high` that is more often low, as waits are."""
        draw = self.unit()
        return low + int(draw * draw * (high - low + 1))

    def weighted(self, table: Sequence[tuple[float, T]]) -> T:
        """One of the table's values by its share; shares sum to 1."""
        draw = self.unit()
        for share, value in table:
            draw -= share
            if draw < 0:
                return value
        return table[-1][1]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """`count` different ones of the choices, or all where there are fewer."""
        left = list(choices)
        return [left.pop(int(self.unit() * len(left))) for _ in range(min(count, len(left)))]

    def wobble(self) -> float:
        """A bell-shaped draw around 0 with a standard deviation of 1 that never passes 3."""
        return (self.unit() + self.unit() + self.unit() - _UNIFORMS_MIDDLE) * _UNIFORMS_SCALE

"""Placing: where values are written so that they cover neither marks nor each other.

Source: docs/operations/chart.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

# Between two values beside each other, in pixels: else they would be read as one.
_BETWEEN: Final = 6.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. Unit: pixels from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Whether all of it lies in the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@dataclass(slots=True)
class Paper:
    """The room in which values are written, and what is there already."""

    room: Box
    taken: list[Box] = field(default_factory=list)

    def mark(self, x: float, y: float, radius: float) -> None:
        """Keeps the place of a mark free."""
        self.taken.append(Box(x - radius, y - radius, x + radius, y + radius))

    def place(self, x: float, y: float, width: float, height: float, radius: float) -> Box | None:
        """A free place beside a mark for a text of that size, which is then taken; None where there is none.

        Above is best, then below, right and left.
        """
        for box in _beside(x, y, width + _BETWEEN, height, radius):
            if box.within(self.room) and not any(box.covers(other) for other in self.taken):
                self.taken.append(box)
                return box
        return None


def _beside(x: float, y: float, width: float, height: float, radius: float) -> Iterable[Box]:
    away, half = radius + 1, width / 2
    yield Box(x - half, y - away - height, x + half, y - away)
    yield Box(x - half, y + away, x + half, y + away + height)
    yield Box(x + away + 2, y - height / 2, x + away + 2 + width, y + height / 2)
    yield Box(x - away - 2 - width, y - height / 2, x - away - 2, y + height / 2)
    for side in (1, -1):
        middle = x + side * (half + away)
        yield Box(middle - half, y - away - height, middle + half, y - away)
        yield Box(middle - half, y + away, middle + half, y + away + height)

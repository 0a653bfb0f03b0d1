"""CollaboRATE scores: what the answers of one response come to.

Source: domain facts section 4 (three items; mean and top score; any item missing puts the
encounter out of the calculation); what a group's come to is in `collaborate_figures`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# Effort to help to understand, to listen, to include.
ITEMS: Final = 3
_HUNDREDTH: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of one complete response, on the scale that ends with `top`.

    Units: `total` and `mean` are points of the scale; `mean` has two decimal places.
    """

    top: int
    total: int
    mean: Decimal
    all_at_top: bool


def score_of(items: Sequence[int | None], top: int) -> Scored | None:
    """The score of the three items in any order, None for one not answered; None where they give no score.

    They give none where one is missing, or is not on the scale from 0 to `top`. 0 is an answer.

    Source: domain facts section 4
    """
    answered = [item for item in items if item is not None]
    if len(items) != ITEMS or len(answered) != ITEMS or not all(0 <= item <= top for item in answered):
        return None
    total = sum(answered)
    # Thirds are never half-way between two hundredths, so the way of rounding does not matter.
    mean = (Decimal(total) / ITEMS).quantize(_HUNDREDTH)
    return Scored(top, total, mean, all_at_top=total == ITEMS * top)

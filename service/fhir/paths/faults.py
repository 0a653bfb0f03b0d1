"""What can go wrong with a path: it cannot be compiled, or it cannot be evaluated on the data at hand.

Source: https://hl7.org/fhirpath/N1/, ADR 0003
"""

from __future__ import annotations


class PathError(ValueError):
    """The expression cannot be compiled: bad syntax, an unknown function, an impossible path or type.

    `position` is the character offset in the expression, None where it has no single place.
    """

    def __init__(self, text: str, position: int | None = None) -> None:
        """Takes one plain sentence."""
        super().__init__(text)
        self.position = position


class EvaluationError(ValueError):
    """The expression compiles, and does not fit the data: several items where one is demanded, say."""

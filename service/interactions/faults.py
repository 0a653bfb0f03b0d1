"""Faults of a Bundle's entries: gathered entry by entry, told all at once, each where it is.

Source: https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from service.fhir.problems import Issue, Problem

Result = TypeVar("Result")


def entry_path(index: int, element: str = "") -> str:
    """The FHIRPath of an entry, or of an element in it: `Bundle.entry[3].resource`."""
    return f"Bundle.entry[{index}].{element}" if element else f"Bundle.entry[{index}]"


def located(problem: Problem, index: int, element: str = "") -> Problem:
    """The problem with every issue placed in its entry, in `element` of it where the issue itself says no place.

    `Goal.target[0]` becomes `Bundle.entry[3].resource.target[0]`.
    """
    placed = [replace(issue, expression=_placed(issue, index, element)) for issue in problem.issues]
    return type(problem).of(placed)


def _placed(issue: Issue, index: int, element: str) -> str:
    expression = issue.expression
    if expression is None:
        return entry_path(index, element)
    if expression.startswith("Bundle.entry["):
        return expression
    _, dot, rest = expression.partition(".")
    return entry_path(index, "resource" + dot + rest)


class Faults:
    """The faults found so far, by entry. An entry with faults drops out of what follows."""

    __slots__ = ("_problems",)

    def __init__(self) -> None:
        self._problems: dict[int, list[Problem]] = {}

    def add(self, index: int, problem: Problem, element: str = "") -> None:
        """Keeps a problem of an entry, placed in `element` of it unless its issues say their own places."""
        self._problems.setdefault(index, []).append(located(problem, index, element))

    def __contains__(self, index: int) -> bool:
        return index in self._problems

    def attempt(self, index: int, act: Callable[[], Result], element: str = "") -> Result | None:
        """What `act` returns; None where it raised a problem, which is kept as by `add`."""
        try:
            return act()
        except Problem as problem:
            self.add(index, problem, element)
            return None

    def copy(self) -> Faults:
        """The same faults, to which others can be added apart."""
        other = Faults()
        other._problems = {index: list(problems) for index, problems in self._problems.items()}
        return other

    def by_entry(self) -> list[tuple[int, Problem]]:
        """Every entry with faults, and everything wrong with it as one problem."""
        return [(index, _joined(problems)) for index, problems in self._problems.items()]

    def refuse(self) -> None:
        """Returns where there are no faults.

        Raises:
            Problem: everything found, in the order of the entries; its status is that of the first.
        """
        if self._problems:
            raise _joined([problem for index in sorted(self._problems) for problem in self._problems[index]])


def _joined(problems: list[Problem]) -> Problem:
    return type(problems[0]).of([issue for problem in problems for issue in problem.issues])

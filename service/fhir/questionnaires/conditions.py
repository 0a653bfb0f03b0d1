"""Which items of a Questionnaire are to be answered: enableWhen, evaluated on the answers given.

A condition asks the question of that linkId that is nearest: an answer around the item;
else the one within the innermost group that holds both (of a repeating group, in that
same repetition), there the last before the item, else the first after it. An unanswered
question counts as one without answers: `=` and the orders do not hold, `!=` does.

Source: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.questionnaires.comparing import order, same

Json = dict[str, Any]
Answers = list[tuple[str, Any]]
Test = Callable[[Answers], bool]

_ORDERS: Final[Mapping[str, Callable[[int], bool]]] = {
    ">": lambda found: found > 0,
    "<": lambda found: found < 0,
    ">=": lambda found: found >= 0,
    "<=": lambda found: found <= 0,
}


class Frame:
    """A run of items in a response: those of the response itself, of a group or of an answer.

    `holder` is what holds them; `above` the frame in which that, or the item whose answer it
    is, stands at `index`.
    """

    __slots__ = ("_found", "above", "holder", "index", "items")

    def __init__(self, items: list[Any], holder: Json, above: Frame | None, index: int) -> None:
        """Takes the items as they were sent, sound or not; above a response there is only an empty frame."""
        self.items = items
        self.holder = holder
        self.above = above
        self.index = index
        self._found: dict[tuple[str, ...], tuple[list[int], list[Json]]] = {}

    def nearest(self, path: tuple[str, ...], index: int) -> Json | None:
        """The item at the end of a path of linkIds: the last that stands before the index, else the first after it."""
        if path not in self._found:
            pairs = list(_found(self.items, path))
            self._found[path] = [place for place, _ in pairs], [item for _, item in pairs]
        places, items = self._found[path]
        return items[max(bisect_left(places, index) - 1, 0)] if items else None


Spot = tuple[Frame, int]
"""Where an item stands: its frame, and its index there."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One enableWhen: how many frames up the question is found, the linkIds down to it, what its answers must be.

    `path` is empty where the question is answered by the frame's own holder.
    """

    up: int
    path: tuple[str, ...]
    test: Test

    def holds(self, frame: Frame, index: int) -> bool:
        """Whether it holds for an item that stands, or would stand, at the index of the frame."""
        for _ in range(self.up):
            if frame.above is None:
                return self.test([])
            index, frame = frame.index, frame.above
        if not self.path:
            return self.test(list(_values(frame.holder)))
        item = frame.nearest(self.path, index)
        return self.test([] if item is None else answers_of(item))


@dataclass(frozen=True, slots=True)
class Enabling:
    """When an item is to be answered. `certain` is False where an expression of SDC decides, which is not run here."""

    conditions: tuple[Condition, ...]
    needs_all: bool
    certain: bool

    def holds(self, frame: Frame, index: int) -> bool | None:
        """Whether an item at the index of the frame is to be answered; None where that cannot be told."""
        if not self.certain:
            return None
        verdicts = (condition.holds(frame, index) for condition in self.conditions)
        return all(verdicts) if self.needs_all else any(verdicts)


def _found(items: list[Any], path: tuple[str, ...]) -> Iterator[tuple[int, Json]]:
    """The items at the end of a path of linkIds, with the index at which the path enters."""
    for index, item in enumerate(items):
        if isinstance(item, dict) and item.get("linkId") == path[0]:
            for last in _descended(item, path[1:]):
                yield index, last


def _descended(item: Json, path: tuple[str, ...]) -> Iterator[Json]:
    if not path:
        yield item
        return
    for holder in (item, *_objects(item.get("answer"))):
        for inner in _objects(holder.get("item")):
            if inner.get("linkId") == path[0]:
                yield from _descended(inner, path[1:])


def answers_of(item: Json) -> Answers:
    """The answers to an item that have a value: its JSON name and itself."""
    return [pair for answer in _objects(item.get("answer")) for pair in _values(answer)]


def _values(holder: Json) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in holder.items() if key.startswith("value"))


def _objects(given: Any) -> list[Json]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def demand(operator: Any, key: str, expected: Any) -> Test:
    """The test of a question's answers. `key` is the JSON name that the answer expected would have as a value."""
    match operator:
        case "exists":
            return lambda answers: bool(answers) is (expected is not False)
        case "=":
            return lambda answers: any(_equal(answer, key, expected) for answer in answers)
        case "!=":
            return lambda answers: not any(_equal(answer, key, expected) for answer in answers)
        case ">" | "<" | ">=" | "<=":
            holds = _ORDERS[operator]

            def test(answers: Answers) -> bool:
                orders = (order(name, value, expected) for name, value in answers)
                return any(found is not None and holds(found) for found in orders)

            return test
        case _:
            return lambda _answers: False


def _equal(answer: tuple[str, Any], key: str, expected: Any) -> bool:
    name, value = answer
    return same(key, value, expected) and (name == key or not isinstance(value, str))


def condition_of(enable_when: Json, link: str, chains: Mapping[str, tuple[str, ...]]) -> Condition | None:
    """The condition of an item; None where the Questionnaire has no such question.

    `chains` gives the linkIds above each item, outermost first.
    """
    question = enable_when.get("question")
    if not isinstance(question, str) or question not in chains:
        return None
    expected = next(((key, value) for key, value in enable_when.items() if key.startswith("answer")), None)
    key, value = ("valueBoolean", True) if expected is None else (f"value{expected[0][6:]}", expected[1])
    test = demand(enable_when.get("operator"), key, value)
    mine, its = chains[link], chains[question]
    if question in mine:
        return Condition(len(mine) - len(its) - 1, (), test)
    shared = 0
    while shared < min(len(mine), len(its)) and mine[shared] == its[shared]:
        shared += 1
    return Condition(len(mine) - shared, (*its[shared:], question), test)


def enabling_of(
    item: Json, link: str, chains: Mapping[str, tuple[str, ...]], *, by_expression: bool
) -> Enabling | None:
    """When a Questionnaire's item is to be answered; None for always.

    Several conditions without enableBehavior are joined by `or`, as R4's comment on enableWhen says.
    """
    rules = _objects(item.get("enableWhen"))
    if by_expression:
        return Enabling((), needs_all=True, certain=False)
    if not rules:
        return None
    found = [condition_of(rule, link, chains) for rule in rules]
    known = tuple(condition for condition in found if condition is not None)
    return Enabling(known, needs_all=item.get("enableBehavior") == "all", certain=len(known) == len(found))

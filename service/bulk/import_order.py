"""In which order the types of an import are stored: what is referred to comes before what refers to it.

The order is taken from the references that stand in the files, not from those that R4 permits: by the
latter nearly every type refers to every other. Types that refer to each other in a circle are of one level.

Source: ADR 0026, R. Tarjan, Depth-First Search and Linear Graph Algorithms (1972)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping


def levels(refers: Mapping[str, Collection[str]]) -> list[list[str]]:
    """The types by level, sorted within each; `refers` has for each type those that it refers to.

    A type is of a later level than all that it refers to, those of its own circle left out. Types that are
    referred to and are not among the keys do not count.
    """
    level: dict[str, int] = {}
    for circle in _circles(refers):
        others = {to for type_ in circle for to in refers[type_] if to in refers and to not in circle}
        depth = 1 + max((level[to] for to in others), default=-1)
        level.update(dict.fromkeys(circle, depth))
    count = 1 + max(level.values(), default=-1)
    return [sorted(type_ for type_, its in level.items() if its == number) for number in range(count)]


def _circles(refers: Mapping[str, Collection[str]]) -> Iterator[set[str]]:
    """Types that lead to each other, put together; each set after all that it leads to."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[set[str]] = []

    def visit(type_: str) -> None:  # as deep as there are types, which are few
        number[type_] = low[type_] = len(number)
        waiting.append(type_)
        for to in sorted(refers[type_]):
            if to not in refers:
                continue
            if to not in number:
                visit(to)
                low[type_] = min(low[type_], low[to])
            elif to in waiting:
                low[type_] = min(low[type_], number[to])
        if low[type_] == number[type_]:
            at = waiting.index(type_)
            found.append(set(waiting[at:]))
            del waiting[at:]

    for type_ in sorted(refers):
        if type_ not in number:
            visit(type_)
    yield from found

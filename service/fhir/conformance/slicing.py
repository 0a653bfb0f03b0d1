"""Slicing: which slice an item is of, and what follows from it.

Source: https://hl7.org/fhir/R4/profiling.html#slicing, #discriminator
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.conformance import faults
from service.fhir.conformance.items import Item
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Check, Run

Matcher = Callable[[Item, Run], bool]
Items = Sequence[tuple[Item, Place]]

DEFAULT: Final = "@default"  # the slice of what is of no other


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: what is of it, how often it may be there, and what its items must be; `inner` slices it again."""

    name: str
    matches: Matcher
    least: int
    most: int | None
    checks: tuple[Check, ...]
    inner: Slicing | None = None


@dataclass(frozen=True, slots=True)
class Slicing:
    """The slices of one element. `rules` is open, closed or openAtEnd."""

    owner: str
    name: str
    rules: str
    ordered: bool
    slices: tuple[Slice, ...]
    nested: bool = False  # one of the slices is sliced again

    @property
    def asks_of_nothing(self) -> bool:
        """Whether there is something to say where no items are."""
        return any(slice_.least > 0 for slice_ in self.slices)

    def accepts(self, values: Sequence[Any], type_: str, run: Run) -> bool:
        """Whether there is certainly nothing to say of values without id or extension beside them."""
        slices = self.slices
        if self.ordered or self.rules == "openAtEnd" or self.nested:
            trial = run.trial()
            self.tell([(Item(value, type_, None, None), "") for value in values], "", trial)
            return not trial.issues
        counts = [0] * len(slices)
        for value in values:
            index = self._index(Item(value, type_, None, None), run)
            if index is None:
                if self.rules == "closed":
                    return False
                continue
            counts[index] += 1
            for check in slices[index].checks:
                if not check.accepts(value, type_, run):
                    return False
        for slice_, count in zip(slices, counts, strict=True):
            if count < slice_.least or (slice_.most is not None and count > slice_.most):
                return False
        return True

    def tell(self, items: Items, place: Place, run: Run) -> None:
        """Adds what is wrong with the items to the run; `place` is that of the element as a whole."""
        members: dict[str, list[tuple[Item, Place]]] = {slice_.name: [] for slice_ in self.slices}
        reached = 0
        names = [slice_.name for slice_ in self.slices]
        for item, at in items:
            index = self._index(item, run)
            if index is None:
                if self.rules == "closed":
                    run.issues.append(faults.slice_closed(expression(at), self.owner, self.name, names))
                elif self.rules == "openAtEnd":
                    reached = len(self.slices)
                continue
            if index < reached and (self.ordered or reached == len(self.slices)):
                run.issues.append(faults.slice_order(expression(at), self.owner, self.name, names))
            reached = max(reached, index) if self.ordered else reached
            members[self.slices[index].name].append((item, at))
        for slice_ in self.slices:
            self._members(slice_, members[slice_.name], place, run)

    def _index(self, item: Item, run: Run) -> int | None:
        for index, slice_ in enumerate(self.slices):
            if slice_.matches(item, run):
                return index
        return None

    def _members(self, slice_: Slice, items: Items, place: Place, run: Run) -> None:
        """What is wrong with the items of one slice."""
        if len(items) < slice_.least:
            issue = faults.slice_missing(expression(place), self.owner, self.name, slice_.name, slice_.least)
            run.issues.append(issue)
        if slice_.most is not None and len(items) > slice_.most:
            at = items[slice_.most][1]
            issue = faults.slice_repeated(expression(at), self.owner, self.name, slice_.name, slice_.most)
            run.issues.append(issue)
        for item, at in items:
            for check in slice_.checks:
                check.tell(item, at, run)
        if slice_.inner is not None:
            slice_.inner.tell(items, place, run)

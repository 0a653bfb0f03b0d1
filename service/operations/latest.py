"""Latest: observations in groups of one subject and one code, of which only the newest are kept.

A code that stands with another in one observation is the same as that for all of them: R4 takes
translations as equal, and equality as transitive. So groups can grow together at any time,
and each keeps as many as could be wanted of it.

Source: https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from service.fhir.search.dates import instant, moment, period, timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from service.fhir.search.dates import Range
    from service.fhir.search.references import Addresses
    from service.storage.store import Stored

Json = dict[str, Any]
Mark = tuple[str, ...]  # a subject, and a code or text by which an observation of theirs is grouped

# Source: https://hl7.org/fhir/R4/observation-definitions.html#Observation.effective_x_
_READERS: Final[Mapping[str, Callable[[Any], Range | None]]] = {
    "effectiveDateTime": moment,
    "effectiveInstant": instant,
    "effectivePeriod": period,
    "effectiveTiming": timing,
}
# A group is cut down after so many more than could be wanted: sorting now and then is cheaper than an order.
_SLACK: Final = 32
_UNDATED: Final = (float("-inf"), float("-inf"))


def effective(observation: Json) -> tuple[float, float] | None:
    """When an observation was true: end and beginning in microseconds since 1970; None where it does not say."""
    for element, read in _READERS.items():
        if element in observation:
            range_ = read(observation[element])
            return None if range_ is None else (range_[1], range_[0])
    return None


@dataclass(order=True, slots=True)
class _Seen:
    """An observation, ordered from the oldest to the newest; without a date it is older than all others."""

    effective: tuple[float, float]
    key: int
    stored: Stored = field(compare=False)


@dataclass(slots=True)
class Latest:
    """The newest of each group, `most` and those that are as new as the last of them.

    `addresses` tell in which ways one subject may be referred to.
    """

    most: int
    addresses: Addresses
    _groups: dict[Mark, list[_Seen]] = field(default_factory=dict)
    _joined: dict[Mark, Mark] = field(default_factory=dict)

    def add(self, stored: Stored, observation: Json) -> None:
        """Takes an observation in; the order in which they come does not matter."""
        first, *others = self._marks(observation)
        for other in others:
            self._join(first, other)
        group = self._groups.setdefault(self._group_of(first), [])
        group.append(_Seen(effective(observation) or _UNDATED, stored.key, stored))
        if len(group) > 2 * self.most + _SLACK:
            group[:] = self._newest(group)

    def chosen(self) -> list[Stored]:
        """What is wanted of all groups, newest first; of what is equally new, what was stored last."""
        found = [seen for group in self._groups.values() for seen in self._newest(group)]
        return [seen.stored for seen in sorted(found, reverse=True)]

    def _newest(self, group: list[_Seen]) -> list[_Seen]:
        """The newest of a group, newest first."""
        found = sorted(group, reverse=True)
        kept, rest = found[: self.most], found[self.most :]
        last = kept[-1].effective if kept else _UNDATED
        tied = (seen for seen in rest if seen.effective == last and last != _UNDATED)
        return [*kept, *tied]

    def _group_of(self, mark: Mark) -> Mark:
        """The mark by which the group of a mark is known."""
        root = mark
        while root in self._joined:
            root = self._joined[root]
        while mark != root:
            self._joined[mark], mark = root, self._joined[mark]
        return root

    def _join(self, one: Mark, other: Mark) -> None:
        root, absorbed = self._group_of(one), self._group_of(other)
        if root != absorbed:
            self._joined[absorbed] = root
            group = self._groups.setdefault(root, [])
            group.extend(self._groups.pop(absorbed, ()))

    def _marks(self, observation: Json) -> Iterator[Mark]:
        """By what an observation is grouped: each of its codes, or its text where it has none."""
        whose = self._whose(observation.get("subject", {}))
        code = observation.get("code", {})
        codings = [each for each in code.get("coding", ()) if "code" in each]
        for coding in codings:
            yield *whose, "code", coding.get("system", ""), coding["code"]
        if not codings:
            yield *whose, "text", code.get("text", "")

    def _whose(self, subject: Json) -> tuple[str, str, str]:
        """Whose observation it is: a kind of name, and the two parts of it."""
        reference = subject.get("reference", "")
        target = self.addresses.target(reference)
        if target is not None:
            return "reference", *target
        identifier = subject.get("identifier", {})
        return "identifier", identifier.get("system", ""), identifier.get("value", reference)

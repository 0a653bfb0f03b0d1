"""Which way a search goes: the choice of its plan.

    stream       the index of one value gives resources in the order of their keys: as many are
                 looked at as the page wants
    collect      an index gives the resources of a range; they are put in order, or sorted, afterwards
    scan         an index lists all values of a parameter in the order of resource keys
    walk         all resources of the type in the order of their keys
    sorted walk  the index of the first sort key's values in its order, then what has no value

What is narrow in any store drives at once. Where nothing is, the parts that could drive are
counted, as far as `BROAD`, and the fewest drive; what is broader than that is streamed,
scanned or walked through, where much is found soon. A plan decides what a search costs,
never what it finds.

Source: ADR 0013
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from service.storage.querying.leaves import is_ranged
from service.storage.querying.narrowness import MONTH, RECENT
from service.storage.querying.ranks import drives, is_narrow, parts, rank, scans, streams
from service.storage.querying.shapes import Shape

Kind = Literal["stream", "collect", "scan", "walk", "sorted walk"]

# Units: index rows. What has fewer is collected, in some tenths of a microsecond a row. A range that stands alone
# is found soon in another way if it is broader; of several conditions none of which is narrow it is not known how
# many resources meet all, so that more is worth while.
BROAD_ALONE = 1_000
BROAD = 5_000
# An Or of more parts than this is collected: each streaming part is a statement of its own.
MOST_STREAMS = 16
# Prefixes that ask for what is late, which was mostly stored late, too.
_LATE = ("gt", "ge", "sa")


class Plan(NamedTuple):
    """A way to go; `part` is the index of the part that leads, None where none does."""

    kind: Kind
    part: int | None = None


class Outlook(NamedTuple):
    """What a shape tells of its plan. `asked` are the parts to be counted, none where that decides nothing.

    Each is counted as far as `broad`. `narrow`: the plan costs the same in any store. `late`: the
    search asks for what was stored last, so that unsorted pages begin there.
    """

    plan: Plan
    asked: tuple[int, ...]
    narrow: bool
    late: bool
    broad: int = BROAD


def outlook(shape: Shape, *, is_sorted: bool, dated: bool = False) -> Outlook:
    """The plan that the shape alone suggests, and what to count for a better one.

    `dated`: the order goes by dates that are also asked for, one of a resource.
    """
    several = parts(shape)
    driving = sorted(
        (index for index, part in enumerate(several) if drives(part)), key=lambda index: rank(several[index])
    )
    if driving and is_narrow(several[driving[0]]):
        return Outlook(_by(several, driving[0], is_sorted=is_sorted), (), narrow=True, late=False)
    late = any(map(_is_late, several))
    plan = Plan("sorted walk") if dated else _without(several, driving, is_sorted=is_sorted)
    # One streaming part alone is streamed at once: nothing would do better.
    decided = not is_sorted and len(driving) == 1 and streamed(several[driving[0]])
    decided = decided and not is_ranged(several[driving[0]])
    alone = len(several) == 1 and not is_sorted and (scans(several[0]) or is_ranged(several[0]))
    broad = BROAD_ALONE if alone else BROAD
    return Outlook(plan, () if decided else tuple(driving), narrow=False, late=late, broad=broad)


def choose(shape: Shape, expected: Outlook, counts: Sequence[int] | None, *, is_sorted: bool) -> Plan:
    """The plan, where `counts` are those of the outlook's `asked`; None where nothing was counted."""
    if not expected.asked or counts is None:
        return expected.plan
    fewest, part = min(zip(counts, expected.asked, strict=True))
    if fewest >= expected.broad:
        return expected.plan
    several = parts(shape)
    return Plan("collect", part) if is_ranged(several[part]) else _by(several, part, is_sorted=is_sorted)


def at_commit(shape: Shape) -> Plan:
    """The plan where nothing may be counted first: the likeliest part drives."""
    several = parts(shape)
    driving = [index for index, part in enumerate(several) if drives(part)]
    if not driving:
        return _without(several, [], is_sorted=False)
    return _by(several, min(driving, key=lambda index: rank(several[index])), is_sorted=False)


def _by(several: Sequence[Shape], part: int, *, is_sorted: bool) -> Plan:
    return Plan("stream" if not is_sorted and streamed(several[part]) else "collect", part)


def _without(several: Sequence[Shape], driving: Sequence[int], *, is_sorted: bool) -> Plan:
    """The plan where no part leaves few."""
    for index in driving:
        # Dates go with the order in which things were stored: in the order of keys a month lies all in one
        # place, far behind the first.
        if several[index][0] == "Date" and several[index][3] == MONTH:
            return Plan("collect", index)
    if is_sorted:
        return Plan("sorted walk")
    for index in driving:
        if streamed(several[index]):
            return Plan("stream", index)
    for index, part in enumerate(several):
        if scans(part):
            return Plan("scan", index)
    return Plan("walk")


def _is_late(part: Shape) -> bool:
    """Whether the part asks for what happened, or was stored, not long ago."""
    match part:
        case ("Date" | "LastUpdated", _, prefix, *_) if prefix in _LATE:
            return True
        case ("Date", _, "ap", reach):
            return bool(reach == RECENT)
        case _:
            return False


def streamed(part: Shape) -> bool:
    """Whether the part is streamed where it drives: as one index, or as few of them side by side."""
    return streams(part) and len(part) - 1 <= MOST_STREAMS if part[0] == "Or" else streams(part)

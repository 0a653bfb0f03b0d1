"""The steps of an export: what its tasks are to do, and how they are found.

The first task plans: it adds the tasks of the first type, and one that plans the next ones. So which tasks there
are, and which number each has, depends on what there was at the moment of the export alone.

Source: ADR 0024, ADR 0025
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from service.bulk.export_associated import PROVENANCE
from service.bulk.export_look import Look
from service.fhir import codec
from service.fhir.search.compartments import PATIENT
from service.storage.exporting import LAST, NEVER, Slice

FIRST: Final = b""
"""What the first task of an export is to do."""

ROWS: Final = 50_000
"""Units: resources that a slice has: about a quarter of a second's work."""
SEARCHED_ROWS: Final = 10_000
"""Units: resources that a slice has of which each is looked at."""
SOON: Final = 1_000
"""Units: resources of the very first slices, so that there is something to read at once."""
EARLY: Final = 4
"""Such slices: in the first of them there may be nothing that the agency sees."""
TOGETHER: Final = 16
"""Steps after which planning is interrupted at most; of the first ones after fewer."""
PEOPLE: Final = 1_000
"""Units: young people of whom one task tells what there is of a type: up to a second's work."""
BLOCKS: Final = 50
"""Units: young people whose blocks one task makes, of all types; it holds them in memory."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a task is to do.

    `plan`: find the steps of the stage of that number, of its keys from behind `high`, and of those after it; `low`
    says how many planned before. `count`: say how much there is to
    do. `slice`: export the resources of `type` with keys from behind `low` up to `high`; `gone`: tell those of them
    that were deleted. `people`: export what there is of `type` about the members from `low` until before `high`;
    `associated`: those of the slice that are about what is exported. `census`: count the young people of an export
    that is de-identified; `report`: tell what was done. `blocks`: of all types, put together by young person, of the members, or where there are none of the Patients
    with keys from behind `low` up to `high`.
    """

    do: str
    stage: int = 0
    type: str = ""
    low: int = 0
    high: int = 0

    def encode(self) -> bytes:
        """This as JSON, to be kept with the task."""
        return codec.encode(asdict(self))

    def slice(self, look: Look) -> Slice:
        """The slice that it is about."""
        return Slice(self.type, self.low, self.high, look.at, look.since)


COUNTED: Final = Step("plan", low=1)
"""Plans the first stage after the census."""
_SLICED: Final = frozenset({"slice", "gone", "associated"})
"""What is done for the resources of a type, some keys at a time."""


def step(what: bytes) -> Step:
    """The step that `Step.encode` wrote; `FIRST` plans the first stage."""
    return Step("plan") if what == FIRST else Step(**codec.restore(what))


def stages(look: Look, members: tuple[str, ...] | None) -> list[Step]:
    """What an export does one after the other; `plan` says in how many steps.

    Young people are looked up one by one where they are told, or a file is made of the blocks of each. But what
    changed since a moment is little: all of it is looked at, whoever it is about.
    """
    request = look.request
    found = _by_type(look, members)
    if not request.associated or request.organized_by or not look.reads(PROVENANCE):
        return found
    # What is associated is told instead of all that there is of the type.
    return [*(each for each in found if each.type != PROVENANCE), Step("associated", type=PROVENANCE)]


def _by_type(look: Look, members: tuple[str, ...] | None) -> list[Step]:
    request = look.request
    rest = [type_ for type_ in request.types if not _is_of_people(look, type_)]
    of_people = [type_ for type_ in request.types if _is_of_people(look, type_)]
    if request.organized_by == PATIENT:
        found = [Step("blocks", type=PATIENT)]
        if look.is_changes:
            found += [Step("gone", type=type_) for type_ in of_people]
        return found
    if members is None or look.is_changes:
        return [Step("slice", type=type_) for type_ in request.types]
    return [
        *(Step("people", type=type_) for type_ in of_people),
        *(Step("slice", type=type_) for type_ in rest),
    ]


def _is_of_people(look: Look, type_: str) -> bool:
    if look.request.organized_by == PATIENT:
        return look.has_compartment(type_)
    return look.in_compartment(type_)


async def plan(look: Look, members: tuple[str, ...] | None, what: Step) -> tuple[Step, ...]:
    """The steps that come next, some at a time, and one that plans on where others may follow.

    The first file shall come soon: there is little to find, and to do, until there is one. How much there is in all
    is counted after that.
    """
    whole = stages(look, members)
    rest = max(0, what.low - EARLY)
    enough = min(2**rest, TOGETHER)
    steps: list[Step] = []
    number, behind = what.stage, what.high
    while number < len(whole) and len(steps) < enough:
        if what.low < EARLY and whole[number].do in _SLICED:
            found = await _beginning(look, whole[number], behind)
        else:
            found = await _of_stage(look, members, whole[number], behind)
        steps += found
        is_more = bool(found) and whole[number].do in _SLICED and found[-1].high < LAST
        number, behind = (number, found[-1].high) if is_more else (number + 1, 0)
    is_last = number == len(whole)
    if what.low == EARLY or (what.low < EARLY and is_last and (steps or what.low)):
        steps.append(Step("count"))
    if not is_last:
        steps.append(Step("plan", stage=number, low=what.low + 1, high=behind))
    return tuple(steps)


async def _beginning(look: Look, of: Step, behind: int) -> list[Step]:
    """The step that does the first resources of a stage from behind that key; none where nothing is there."""
    found = await look.context.store.exports.beginning(look.locality, _whole(look, of, behind), SOON)
    return [] if found is None else [Step(of.do, type=of.type, low=found.low, high=found.high)]


def _whole(look: Look, of: Step, behind: int) -> Slice:
    """All that a stage is about from behind that key."""
    whole = look.whole(of.type)
    return Slice(of.type, behind, whole.high, whole.at, NEVER if of.do == "associated" else whole.since)


async def _of_stage(look: Look, members: tuple[str, ...] | None, of: Step, behind: int) -> list[Step]:
    exports, locality = look.context.store.exports, look.locality
    if of.do == "people" or (of.do == "blocks" and members is not None):
        count, each = len(members or ()), PEOPLE if of.do == "people" else BLOCKS
        return [
            Step(of.do, type=of.type, low=start, high=min(start + each, count))
            for start in range(0, count, each)
        ]
    if of.do == "blocks":
        # What changed may be about anybody: all Patients are gone through.
        everybody = Slice(PATIENT, 0, look.whole(PATIENT).high, look.at)
        slices = await exports.slices(locality, everybody, BLOCKS)
    else:
        is_quick = of.do != "associated" and of.type not in look.filters and not look.is_narrowed(of.type)
        is_quick = is_quick and look.deidentifying is None
        rows = ROWS if is_quick else SEARCHED_ROWS
        slices = await exports.slices(locality, _whole(look, of, behind), rows)
    return [Step(of.do, type=of.type, low=each.low, high=each.high) for each in slices]


async def total(look: Look, members: tuple[str, ...] | None) -> int:
    """How much there is to do, in the units of `Outcome.done`: resources that are looked at, or young people."""
    found = 0
    for of in stages(look, members):
        if of.do == "people" or (of.do == "blocks" and members is not None):
            found += len(members or ())
        else:
            since = NEVER if of.do in {"blocks", "associated"} else look.since
            counts = await look.context.store.exports.counts(look.locality, (of.type,), since)
            found += counts[of.type]
    return found

"""The kind of job that exports.

Source: ADR 0024, ADR 0025, https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.bulk import cohorts
from service.bulk.export_associated import Associated
from service.bulk.export_deidentifying import counted, report, require_enough
from service.bulk.export_files import Written
from service.bulk.export_look import Look, look
from service.bulk.export_reading import Reading
from service.bulk.export_steps import COUNTED, FIRST, Step, plan, step, total
from service.fhir.search.compartments import PATIENT
from service.interactions.context import Context
from service.storage.exporting import Chunk, Slice
from service.storage.files import Files
from service.storage.jobs import Outcome, Task

__all__ = ["FIRST", "Export"]

_NOTHING: Final = Outcome()


@dataclass(frozen=True, slots=True)
class Export:
    """Carries out the tasks of exports."""

    async def perform(self, context: Context, files: Files, task: Task) -> Outcome:
        """What comes of the task: its files, and where it plans the tasks that follow.

        Raises:
            Problem: the Group that is exported is not there, or cannot be.
            Lost: the task is ours no longer.
            Unavailable: the store or the files cannot be reached now.
        """
        looks = await look(context, task.job)
        what = step(task.what)
        if what == step(FIRST):
            # From here on the moment is whole, whoever was storing something when it was given out.
            await context.store.exports.settled()
        members = await cohorts.members(looks, task)
        require_enough(looks, members.ids)
        if what.do == "plan":
            return await self._plan(looks, members, files, task, what)
        if what.do == "count":
            return Outcome(total=await total(looks, members.ids))
        if what.do == "report":
            return await _reported(context, files, task)
        return await asyncio.to_thread(
            _written, Reading(looks, task, asyncio.get_running_loop()), members.ids, files, what
        )

    async def _plan(
        self, looks: Look, members: cohorts.Members, files: Files, task: Task, what: Step
    ) -> Outcome:
        written = Written(files, task)
        if what == step(FIRST):
            await asyncio.to_thread(written.faults, looks.request.faults)
        then: tuple[Step, ...] = ()
        if looks.deidentifying is None:
            steps = await plan(looks, members.ids, what)
        elif what == step(FIRST):
            # What is rare is known before anything is written.
            steps, then = (Step("census"),), (COUNTED,)
        else:
            steps = await plan(looks, members.ids, what)
            then = () if steps and steps[-1].do == "plan" else (Step("report"),)
        return Outcome(
            tuple(written.made),
            tuple(each.encode() for each in steps),
            result=members.result,
            then=tuple(each.encode() for each in then),
        )


def _written(reading: Reading, members: tuple[str, ...] | None, files: Files, what: Step) -> Outcome:
    """What comes of a step that writes; runs in a thread."""
    written = Written(files, reading.task)
    looks = reading.look
    done = 0
    by = looks.deidentifying
    if by is not None and what.do == "census":
        return Outcome(result=counted(looks, by, members, reading.patients()))
    if what.do == "slice":
        written.output(what.type, reading.slice(what.slice(looks), members))
        done = written.lines
    elif what.do == "gone":
        written.output(what.type, reading.gone(what.slice(looks), members))
        done = written.lines
    elif what.do == "associated":
        written.output(what.type, Associated(reading, members).chunks(what.slice(looks)))
        done = written.lines
    elif what.do == "people":
        part = range(what.low, what.high)
        written.output(what.type, reading.people(part, members or (), what.type))
        done = len(part)
    else:
        patients = _patients(reading, members, what)
        written.output("", _blocks(reading, patients))
        done = len(patients)
    return Outcome(tuple(written.made), done=done, result=b"" if by is None else by.result())


async def _reported(context: Context, files: Files, task: Task) -> Outcome:
    """The report of what was done in the tasks before."""
    lines = await report(context, task.job)
    written = Written(files, task)
    await asyncio.to_thread(written.report, lines)
    return Outcome(tuple(written.made))


def _patients(reading: Reading, members: tuple[str, ...] | None, what: Step) -> Sequence[str]:
    """The young people of whom a step makes blocks."""
    if members is not None:
        return members[what.low : what.high]
    of = Slice(PATIENT, what.low, what.high, reading.look.at)
    return [one.id for one in reading.look.view.records(of) if not one.deleted]


def _blocks(reading: Reading, patients: Sequence[str]) -> Iterator[Chunk]:
    types = [type_ for type_ in reading.look.request.types if reading.look.has_compartment(type_)]
    return reading.blocks(patients, types)

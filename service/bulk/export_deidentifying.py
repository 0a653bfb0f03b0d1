"""De-identified exports: lines that bear the label PSEUDED, and a report of what was done to them.

Before anything is written the young people of the export are counted, and what is rare among them is not told. Lines
stand in the order of their pseudonyms, some hundred at a time: where they lie in the store tells nothing.

Source: docs/deidentification.md, ADR 0025
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.problems import Malformed
from service.fhir.search.compartments import PATIENT
from service.fhir.search.expressions import Query
from service.fhir.search.grammar import parse
from service.fhir.search.sight import Seen
from service.interactions.context import Act, Context
from service.interactions.searching import setting
from service.outcomes import deidentification_census as census
from service.outcomes import deidentification_report as reports
from service.outcomes.deidentification import Deidentifier
from service.outcomes.deidentification_census import Census
from service.outcomes.deidentification_keys import SECRET, Keyring
from service.outcomes.deidentification_rules import FEWEST
from service.outcomes.labels import CONFIDENTIALITY, WHEREABOUTS, label_of
from service.storage.exporting import Child, Chunk, Record
from service.storage.jobs import Job
from service.storage.sharing import CLOSED_CHILD, unpack_child

if TYPE_CHECKING:
    from service.bulk.export_look import Look

_PAGE: Final = 500
"""Units: resources in a chunk, and Patients that are looked up at a time."""
_MILLISECOND: Final = 1_000
# Keys of what tasks keep as their results.
_CENSUS: Final = "census"
_COUNTS: Final = "counts"
_NOBODY: Final = Census().kept()

# Labels of confidentiality that say that somebody is restricted; and any that is not known to say less.
_RESTRICTED: Final = ("_security", f"{CONFIDENTIALITY}|R,{CONFIDENTIALITY}|V")
_UNKNOWN: Final = (
    ("_security", f"{CONFIDENTIALITY}|"),
    ("_security:not", ",".join(f"{CONFIDENTIALITY}|{code}" for code in "ULMN")),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deidentifying:
    """De-identifies the lines of a task; `deidentifier` counts what it does."""

    deidentifier: Deidentifier

    def chunks(self, look: Look, type_: str, records: Iterable[Record]) -> Iterator[Chunk]:
        """The records as lines, some hundred at a time."""
        pruning = look.pruning.get(type_)
        lines: list[bytes] = []
        children: set[Child] = set()
        for one in records:
            if one.deleted:
                continue
            resource = codec.restore(one.body)
            if pruning is not None:
                resource = pruning.pruned(resource)
            is_closed = one.child == CLOSED_CHILD
            child = None if one.child is None or is_closed else unpack_child(one.child)
            shown = self.deidentifier.line(resource, child, closed=is_closed)
            if shown is None:
                continue
            lines.append(codec.encode(shown))
            if one.child is not None:
                children.add((one.child, one.ground))
            if len(lines) == _PAGE:
                yield _chunk(lines, children)
                lines, children = [], set()
        if lines:
            yield _chunk(lines, children)

    def id(self, type_: str, id_: str) -> str:
        """What the resource is called in the export."""
        return self.deidentifier.keys.pseudonym(type_, id_)

    def result(self) -> bytes:
        """What was done, to be kept with the task."""
        counts = [[type_, what, count] for (type_, what), count in sorted(self.deidentifier.counts.items())]
        return codec.encode({_COUNTS: counts}) if counts else b""


def _chunk(lines: list[bytes], children: set[Child]) -> Chunk:
    # A line begins with its type and pseudonym.
    return Chunk(b"\n".join((*sorted(lines), b"")), len(lines), frozenset(children))


async def deidentifying(context: Context, job: Job, act: Act, at: int) -> Deidentifying:
    """How a task of the job de-identifies: with the key of its agency, and by what was counted.

    Until that is there nothing is told of what is counted.
    """
    store = context.store.whole
    keys = Keyring(await store.secret(SECRET), job.locality, job.agency)
    kept = await _kept(context, job)
    counted = next((each[_CENSUS] for each in kept if _CENSUS in each), _NOBODY)
    restricted = await _restricted(context, act)
    year = datetime.fromtimestamp(at / _MILLISECOND, UTC).year
    return Deidentifying(Deidentifier(context.registry, keys, restricted, year, census.told(counted)))


async def _kept(context: Context, job: Job) -> list[Json]:
    return [codec.restore(each) for _, each in await context.store.jobs.results(job.locality, job.id)]


async def _restricted(context: Context, act: Act) -> frozenset[str]:
    """The ids of the Patients who are restricted now."""
    locality = act.caller.locality
    store = context.store.whole.seen_by(locality, None, Seen())
    found: set[str] = set()
    for pairs in ((_RESTRICTED,), _UNKNOWN):
        how = await setting(context, act, pairs)
        asked = parse(how, PATIENT, pairs, count_default=_PAGE, count_limit=_PAGE, lenient=False).query
        after = 0
        while True:
            page = await store.search(locality, Query(PATIENT, asked.where, _PAGE, after=after, rising=True))
            found |= {one.id for one in page.items if label_of(codec.restore(one.body)) & WHEREABOUTS}
            if not page.more:
                break
            after = page.items[-1].key
    return frozenset(found)


def counted(
    look: Look, by: Deidentifying, members: Collection[str] | None, records: Iterable[Record]
) -> bytes:
    """The census of the young people of the export, to be kept with the task; blocks, for a thread.

    `records` are the Patients that the token shows. Counted are those who come out, whomever else a Group lists.

    Raises:
        Malformed: they are too few.
    """
    found = Census()
    among = None if members is None else frozenset(members)
    deidentifier = by.deidentifier
    for one in records:
        if one.deleted or (among is not None and one.id not in among) or one.id in deidentifier.restricted:
            continue
        patient = codec.restore(one.body)
        if not label_of(patient):
            found.add(deidentifier.counted(patient))
    # Of the whole locality there may be something to tell that is about nobody.
    if found.people < FEWEST and not (look.is_of_all and found.people == 0):
        raise _few()
    return codec.encode({_CENSUS: found.kept()})


async def report(context: Context, job: Job) -> list[bytes]:
    """The lines of the report of all tasks."""
    counts: list[Mapping[tuple[str, str], int]] = []
    for each in await _kept(context, job):
        part: dict[tuple[str, str], int] = defaultdict(int)
        for type_, what, count in each.get(_COUNTS, ()):
            part[type_, what] += count
        counts.append(part)
    return [codec.encode(each) for each in reports.report(reports.joined(counts))]


def require_enough(look: Look, members: Collection[str] | None) -> None:
    """Lets an export pass that is about enough young people: of a Group of one it would be known who that is.

    Raises:
        Malformed: there are too few.
    """
    if look.deidentifying is not None and members is not None and len(members) < FEWEST:
        raise _few()


def _few() -> Malformed:
    return Malformed(
        "export-deidentified-few",
        f"A de-identified export is about {FEWEST} young people at least: fewer could be told apart.",
    )

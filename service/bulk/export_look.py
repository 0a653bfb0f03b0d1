"""What an export looks at: what was asked for, with whose eyes, of which moment, and what is left of each resource.

Source: ADR 0025, https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from service.access.pseudonymised import unbound
from service.access.scopes import OPEN
from service.bulk import acting
from service.bulk.export_compartments import Compartments
from service.bulk.export_deidentifying import Deidentifying, deidentifying
from service.bulk.export_request import ExportRequest, export_request
from service.fhir import codec
from service.fhir.matching import Candidate, matches
from service.fhir.registry import Registry
from service.fhir.search import about
from service.fhir.search.compartments import ALSO, PATIENT
from service.fhir.search.criteria import any_of
from service.fhir.search.expressions import Everything, Expression
from service.fhir.search.grammar import parse
from service.fhir.search.sight import Seen, Sight
from service.fhir.search.subsets import Pruning, Subset
from service.interactions.context import Act, Context
from service.interactions.criteria import pairs_of
from service.interactions.searching import setting, setting_of
from service.storage.export_views import View
from service.storage.exporting import LAST, NEVER, Record, Slice
from service.storage.jobs import Job
from service.storage.store import Store

# Units: microseconds in a millisecond.
_MICROSECONDS: Final = 1_000


class Nowhere:
    """No resources to follow references to: filters look at the resource alone."""

    def referred(self, _type: str, _id: str) -> Candidate | None:
        """None."""
        return None

    def referring(self, _type: str, _parameter: str, _to: tuple[str, str]) -> tuple[Candidate, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Look:
    """An export as one of its tasks sees it.

    `store` is the locality as these eyes see it now, `view` what they see of the moment `at`; `filters` are what
    must hold of resources by type. `since`: what had changed after it, `NEVER` where all is wanted.
    `deidentifying`: how lines are de-identified, None where they are not.
    """

    context: Context
    request: ExportRequest
    locality: str
    sight: Sight | None
    store: Store
    view: View
    at: int
    since: int
    filters: Mapping[str, Expression]
    deidentifying: Deidentifying | None = None

    @property
    def registry(self) -> Registry:
        """The registry."""
        return self.context.registry

    @property
    def is_of_all(self) -> bool:
        """Whether it is of the whole locality, and not of young people's compartments."""
        return self.request.level == "system"

    @property
    def is_changes(self) -> bool:
        """Whether it tells what has changed since a moment, deletions too."""
        return self.since != NEVER

    def whole(self, type_: str) -> Slice:
        """All of a type."""
        return Slice(type_, 0, LAST, self.at, self.since)

    def reads(self, type_: str) -> bool:
        """Whether the token shows resources of the type at all."""
        return self.sight is None or self.sight.reads(type_)

    def is_narrowed(self, type_: str) -> bool:
        """Whether the token shows some resources of the type only, by what they say."""
        return self.sight is not None and type_ in self.sight.narrowed

    def in_compartment(self, type_: str) -> bool:
        """Whether resources of the type are exported as far as they are in a compartment."""
        return not self.is_of_all and type_ not in OPEN

    def has_compartment(self, type_: str) -> bool:
        """Whether resources of the type can be in the compartment of a Patient at all."""
        return type_ == PATIENT or type_ in ALSO or bool(self.registry.patient_parameters(type_))

    def compartments(self, type_: str) -> Compartments:
        """The compartments of Patients, for resources of the type."""
        return Compartments(self.registry, self.context.extractor, type_)

    def wanted(self, type_: str) -> Expression:
        """What holds of the resources of the type that are wanted."""
        return self.filters.get(type_, Everything())

    def meets(self, type_: str, where: Expression, record: Record) -> bool:
        """Whether the condition is true of the resource as it was."""
        if where == Everything():
            return True
        resource = codec.restore(record.body)
        values = self.context.extractor.values(resource)
        return matches(where, type_, record.id, record.updated * _MICROSECONDS, values, Nowhere())

    @cached_property
    def pruning(self) -> Mapping[str, Pruning]:
        """What is left out of resources, by type, where elements were chosen."""
        found = {}
        for type_ in self.request.types:
            names = frozenset(name for of, name in self.request.elements if of in {"", type_})
            if names:
                found[type_] = Pruning(self.registry, Subset(elements=names))
        return found

    def is_changed(self, type_: str) -> bool:
        """Whether lines are other than what is stored."""
        return self.deidentifying is not None or type_ in self.pruning

    def id(self, type_: str, id_: str) -> str:
        """What the resource is called in the export."""
        return id_ if self.deidentifying is None else self.deidentifying.id(type_, id_)

    def line(self, type_: str, body: bytes) -> bytes:
        """The line of a resource, without its end."""
        pruning = self.pruning.get(type_)
        if pruning is None:
            return body
        return codec.encode(pruning.pruned(codec.restore(body)))

    def narrowed_out(self, type_: str, child: str | None) -> bool:
        """Whether the token leaves out what is of the type and about that young person, whatever it says."""
        narrowed = None if self.sight is None else self.sight.narrowed.get(type_)
        return not about.allows(narrowed, child)


async def look(context: Context, job: Job) -> Look:
    """How a task of the job looks now."""
    request = export_request(job.request)
    caller = acting.decode(job.caller, setting_of(context))
    if request.deidentified:  # what is stored does not bear the label yet
        caller = unbound(caller)
    sight = acting.eyes(context.registry, caller)
    filters: dict[str, list[Expression]] = {}
    for type_, query in request.filters:
        pairs = pairs_of(query)
        how = await setting(context, Act(caller, job.id), pairs)
        found = parse(how, type_, pairs, count_default=1, count_limit=1, lenient=False)
        filters.setdefault(type_, []).append(found.query.where)
    at = job.at if request.until is None else min(job.at, request.until)
    act = Act(caller, job.id)
    return Look(
        context,
        request,
        job.locality,
        sight,
        context.store.seen_by(job.locality, sight, Seen()),
        await context.store.exports.view(job.locality, sight),
        at,
        NEVER if request.since is None else request.since,
        {type_: any_of(each) for type_, each in filters.items()},
        await deidentifying(context, job, act, at) if request.deidentified else None,
    )

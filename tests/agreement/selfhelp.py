"""Nobody lets himself in: whatever an agency writes for itself, it sees no more of others' than before.

Those who made the Patient, or coordinate, decide who is around a young person; nobody else does so
for himself, by whatever is said to open a record. Nor do they permit themselves anything: who gains
by a permission does not write it, and who is denied does not change when that ends.

Source: docs/sharing.md («Who writes what»)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.agreement import imagined
from tests.agreement.imagined import refer
from tests.agreement.lived import Service
from tests.agreement.oracle import Record
from tests.agreement.reduced import Reduction
from tests.agreement.worlds import CHILDREN

Json = dict[str, Any]

_DECIDING = ("author", "plan")


async def all_self_help(service: Service, reduction: Reduction, tally: Counter[str]) -> list[str]:
    """The faults found: what the caller saw after it wrote for itself, and not before."""
    eyes = reduction.eyes
    if eyes.all_of_it or eyes.token.types is not None:
        return []
    children = list(CHILDREN)
    theirs = [each for each in reduction.oracle.records.values() if _whose(reduction, each) in children]
    before = {id(each) for each in theirs if await _sees(service, reduction, each)}
    faults: list[str] = []
    for child in children:
        decides = _decides(reduction, child)
        faults += await _grows_older(service, reduction, child)
        for resource in _openings(child, eyes.agency, sorted(eyes.sectors)):
            type_ = resource["resourceType"]
            if decides and type_ != "Consent":
                continue
            own = {name: value for name, value in resource.items() if name != "id"}
            await service.ask(eyes.name, "POST", type_, own)
            entry = {"resource": own, "request": {"method": "POST", "url": type_}}
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
            await service.ask(eyes.name, "POST", "", bundle)
    for record in theirs:
        tally["self-help"] += 1
        if id(record) not in before and await _sees(service, reduction, record):
            faults.append(f"{eyes.name} at {reduction.now} let itself in to {record.type}/{record.id}")
    return faults


async def _grows_older(service: Service, reduction: Reduction, child: str) -> list[str]:
    """The fault where the agency that made the Patient, and is denied something, says when it was born."""
    eyes, record = reduction.eyes, reduction.oracle.records["Patient", child]
    patient = record.current.resource
    if record.author != eyes.agency or patient is None:
        return []
    if not reduction.oracle.is_denied(eyes, child, reduction.now):
        return []
    said = await service.ask(eyes.name, "PUT", f"Patient/{child}", {**patient, "birthDate": "1999-01-01"})
    return [] if said.status == 403 else [f"{eyes.name} at {reduction.now} made {child} older: {said.status}"]


def _whose(reduction: Reduction, record: Record) -> str:
    return reduction.oracle.whose(record, record.said(record.current))


def _decides(reduction: Reduction, child: str) -> bool:
    """Whether the agency made the Patient or coordinates: teams and plans are for it to write, its own too."""
    record = reduction.oracle.records["Patient", child]
    coordinates = any(
        rule.kind == "plan"
        and rule.party == ("agency", reduction.eyes.agency)
        and rule.period[0] <= reduction.now < rule.period[1]
        for rule in reduction.oracle.rules_of(child)
    )
    return coordinates or record.author == reduction.eyes.agency


async def _sees(service: Service, reduction: Reduction, record: Record) -> bool:
    said = await service.ask(reduction.eyes.name, "GET", f"{record.type}/{record.id}")
    return said.status in {200, 410}


def _openings(child: str, agency: str, sectors: list[str]) -> Iterator[Json]:
    """What could open the record to the agency: by its id, its sector, a team, everyone, as whoever decides."""
    labels = [imagined.label(code) for code in ("R", "V", "SEX")]
    parties = [imagined.recipient(organization=agency), imagined.everybody()]
    parties += [imagined.recipient(sector=sector) for sector in sectors]
    parties += [imagined.recipient(team=f"{child}-team-{number}") for number in range(2)]
    deciders = (refer("Patient", child), refer("RelatedPerson", f"{child}-carer"))
    for decider in deciders:
        for party in parties:
            for more in ({}, {"securityLabel": labels}):
                permit = {"type": "permit", "actor": [party], **more}
                yield imagined.consent("c", child, decider, "active", permit, "patient-privacy")
    yield imagined.care_team("t", child, "active", {}, [imagined.member(agency, {})])
    yield imagined.care_team("t", child, "active", {}, [imagined.on_behalf("fern", agency, {})])
    team = imagined.care_team("t", child, "active", {}, [imagined.member("council", {})])
    yield {**team, "managingOrganization": [refer("Organization", agency)]}
    for number in range(2):
        yield imagined.plan(
            "p", child, "active", {"start": "2026-01-01"}, "fern", agency, f"{child}-team-{number}"
        )
    opening = imagined.consent(
        "c",
        child,
        refer("Patient", child),
        "active",
        {"type": "permit", "actor": [parties[0]], "period": {"start": "2026-11-27", "end": "2026-11-27"}},
        "patient-privacy",
    )
    yield {
        **opening,
        "meta": {"tag": [{"system": f"{imagined.OURS}/CodeSystem/sharing", "code": "break-glass"}]},
    }

"""What is hidden is as what never was: every request that names it is answered as one that names nobody.

Some of these write. So they are asked last, and of a hidden resource and of none in turn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from service.fhir import codec
from tests.agreement import imagined
from tests.agreement.asking import Said
from tests.agreement.imagined import refer
from tests.agreement.lived import Service
from tests.agreement.oracle import Record
from tests.agreement.questions import MEMBERS, whose
from tests.agreement.reduced import Reduction

Json = dict[str, Any]

NEVER = "never-was"
_OPERATIONS = (
    "$everything",
    "$progress",
    "$chart",
    "$groupings",
    "$measures",
    "$who-can-see",
    "$who-has-seen",
)
# Ids that the server makes up, of some resources by hashing that of another.
_MADE = re.compile(r"made-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Attempt:
    """A request that names a resource by its id."""

    method: str
    url: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    finds_referring: bool = False  # would find what refers to the resource, which may be the caller's own


def attempts(type_: str, id_: str, said: Json) -> Iterator[Attempt]:
    """Every request that names the resource; `said` is what somebody who knows its content would send.

    None stores anything that decides who sees what.
    """
    address = f"{type_}/{id_}"
    yield from _looks(type_, id_)
    yield from _writes(address, {**said, "id": id_})
    yield from _conditionally(type_, id_, said)
    if type_ == "Patient":
        for each in _of_patient(id_):
            yield replace(each, finds_referring=True)
    if type_ == "Goal":
        for name in ("$progress", "$chart"):
            yield Attempt("GET", f"{address}/{name}")
    if type_ == "CarePlan":
        coordinator = {"name": "coordinator", "valueReference": refer("Practitioner", "moss")}
        agency = {"name": "agency", "valueReference": refer("Organization", "ward")}
        yield Attempt("POST", f"{address}/$hand-over", _parameters(coordinator, agency))
    if type_ == "EpisodeOfCare":
        referral = {"name": "referral", "valueReference": refer("ServiceRequest", NEVER)}
        yield Attempt("POST", f"{address}/$reopen", _parameters(referral))
    if type_ == "QuestionnaireResponse":
        yield Attempt("GET", f"{address}/$extract")
        sent = {"name": "questionnaire-response", "resource": {**said, "id": id_}}
        # What was taken from it before may be seen though it is not.
        yield Attempt("POST", f"{type_}/$extract", _parameters(sent), finds_referring=True)


def _parameters(*given: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": list(given)}


def _looks(type_: str, id_: str) -> Iterator[Attempt]:
    address = f"{type_}/{id_}"
    yield Attempt("GET", address)
    yield Attempt("HEAD", address)
    yield Attempt("GET", address, headers={"if_none_match": 'W/"1"'})
    yield Attempt("GET", address, headers={"if_modified_since": "Fri, 27 Nov 2026 12:00:00 GMT"})
    yield Attempt("GET", f"{address}?_summary=true")
    yield Attempt("GET", f"{address}/_history")
    yield Attempt("GET", f"{address}/_history?_count=0")
    yield Attempt("GET", f"{address}/_history/1")
    yield Attempt("GET", f"{type_}?_id={id_}&_total=accurate&_revinclude=*")
    yield Attempt("GET", f"?_type={type_},Practitioner&_id={id_}&_total=accurate")
    yield Attempt("GET", f"Provenance?target={address}&_total=accurate", finds_referring=True)
    yield Attempt("GET", f"List?item={address}&_summary=count", finds_referring=True)
    read = {"request": {"method": "GET", "url": address}}
    found = {"request": {"method": "GET", "url": f"{type_}?_id={id_}"}}
    for kind in ("batch", "transaction"):
        yield Attempt("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [found, read]})


def _writes(address: str, said: Json) -> Iterator[Attempt]:
    """Nobody's own: so none of them stores anything."""
    patch = [{"op": "test", "path": "/resourceType", "value": said["resourceType"]}]
    body = codec.encode(patch)
    media = {"content_type": "application/json-patch+json"}
    for if_match in (None, 'W/"1"', 'W/"9"'):
        headers = {} if if_match is None else {"if_match": if_match}
        yield Attempt("PUT", address, said, headers)
        yield Attempt("DELETE", address, headers=headers)
        yield Attempt("PATCH", address, body, {**headers, **media})
    yield Attempt("POST", f"{address}/$validate", _parameters({"name": "mode", "valueCode": "delete"}))
    update = {"resource": said, "request": {"method": "PUT", "url": address}}
    remove = {"request": {"method": "DELETE", "url": address}}
    for kind in ("batch", "transaction"):
        for entry in (update, remove):
            yield Attempt("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]})


def _conditionally(type_: str, id_: str, said: Json) -> Iterator[Attempt]:
    """By criteria that only the hidden resource meets."""
    criteria = f"{type_}?_id={id_}"
    new = {name: value for name, value in said.items() if name != "id"}
    if type_ in _DECIDING:
        new["unheardOf"] = True  # it must not be stored, or more would be seen than before
    yield Attempt("PUT", criteria, new)
    yield Attempt("DELETE", criteria)
    patch = codec.encode([{"op": "test", "path": "/resourceType", "value": type_}])
    yield Attempt("PATCH", criteria, patch, {"content_type": "application/json-patch+json"})
    location = imagined.location(NEVER, "school")
    del location["id"]
    if type_ == "Encounter":
        # Of a Location, which everybody sees, by the Encounter that was there.
        by_visit = f"_has:Encounter:location:_id={id_}"
        yield Attempt("POST", "Location", location, {"if_none_exist": by_visit})
        yield Attempt("DELETE", f"Location?{by_visit}")


# Types that decide who sees what.
_DECIDING = frozenset({"CarePlan", "CareTeam", "Consent", "Patient"})


def _of_patient(id_: str) -> Iterator[Attempt]:
    for name in _OPERATIONS:
        yield Attempt("GET", f"Patient/{id_}/{name}")
        yield Attempt("POST", f"Patient/{id_}/{name}")
    for member in ("*", *MEMBERS):
        yield Attempt("GET", f"Patient/{id_}/{member}?_total=accurate")
    yield Attempt("GET", f"Observation/$lastn?patient=Patient/{id_}")
    yield Attempt("GET", f"Goal?subject=Patient/{id_}&_total=accurate")
    yield Attempt("GET", f"Group?member=Patient/{id_}")
    number = f"https://thrive-fhir.example/Id/number|{id_}"
    yield Attempt("GET", f"Patient?identifier={number}&_summary=count")
    patient = imagined.patient(id_, None, "trust", "fern", "school")
    del patient["id"]
    # Creates one in either case; a second time the creator's own is found.
    yield Attempt("POST", "Patient", patient, {"if_none_exist": f"identifier={number}"})
    yield from _in_transactions(number, patient)
    form = "https://thrive-fhir.example/Questionnaire/gbo-session"
    yield Attempt("GET", f"Questionnaire/$populate?canonical={form}&subject=Patient/{id_}&local=true")
    for made in _about(id_):
        type_ = made["resourceType"]
        del made["id"]
        yield Attempt("POST", type_, made)
        yield Attempt("POST", type_, made, {"if_none_exist": f"{whose(type_)}=Patient/{id_}"})
        given = _parameters({"name": "resource", "resource": made}, {"name": "mode", "valueCode": "create"})
        yield Attempt("POST", f"{type_}/$validate", given)
    reason = [
        {"name": "reason", "valueCode": "safeguarding"},
        {"name": "text", "valueString": "an invented emergency"},
    ]
    yield Attempt("POST", f"Patient/{id_}/$break-glass", _parameters(*reason))
    who = {
        "name": "identifier",
        "valueIdentifier": {"system": "https://thrive-fhir.example/Id/number", "value": id_},
    }
    born = {"name": "birthDate", "valueDate": "1990-01-01"}
    yield Attempt("POST", "Patient/$break-glass", _parameters(who, born, *reason))


def _in_transactions(number: str, patient: Json) -> Iterator[Attempt]:
    """By a conditional reference, and by a conditional create beside something that cannot be stored."""
    flag = imagined.flag("f", "", "trust")
    del flag["id"]
    flag["subject"] = {"reference": f"Patient?identifier={number}"}
    refers = {"resource": flag, "request": {"method": "POST", "url": "Flag"}}
    creates = {
        "resource": patient,
        "request": {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={number}"},
    }
    broken = {"resource": {"resourceType": "Flag"}, "request": {"method": "POST", "url": "Flag"}}
    for entries in ([refers], [creates, broken]):
        for kind in ("batch", "transaction"):
            yield Attempt("POST", "", {"resourceType": "Bundle", "type": kind, "entry": entries})


def _about(child: str) -> Iterator[Json]:
    """Resources that say something of the child, some of which rules hold against what is there of them."""
    yield imagined.goal("g", child, "trust")
    yield imagined.goal("g", child, "trust", slot=1)
    yield imagined.grouping("n", child, "2026-06-01", "fern")
    yield imagined.episode("e", child, "trust", "fern", "active")
    yield imagined.mood("m", child, 3, refer("Organization", "trust"))
    yield imagined.response("r", child, None, refer("Practitioner", "fern"))
    yield imagined.care_team("t", child, "active", {}, [imagined.member("charity", {})])
    yield imagined.plan("p", child, "active", {"start": "2026-11-01"}, "fern", "trust", NEVER)
    allowed = {"type": "permit", "actor": [imagined.recipient(organization="charity")]}
    yield imagined.consent("c", child, refer("Patient", child), "active", allowed, "patient-privacy")
    yield imagined.binary("b", refer("Patient", child))
    yield imagined.provenance("o", refer("Patient", child), "charity")


class Existence:
    """One caller's attempts to find out what there is."""

    def __init__(self, service: Service, reduction: Reduction, tally: Counter[str]) -> None:
        self.service, self.reduction, self.tally = service, reduction, tally
        self.faults: list[str] = []
        seen = (each.current.resource for each in reduction.oracle.records.values() if reduction.sees(each))
        self._referred_to = frozenset(reference for each in seen for reference in _references(each))

    async def all_attempts(self, rng: Random, most: int) -> None:
        """Of so many of the hidden resources, each type at least once where it is hidden."""
        hidden = [each for each in self.reduction.oracle.records.values() if not self.reduction.sees(each)]
        rng.shuffle(hidden)
        first = {record.type: record for record in hidden}
        chosen = list({id(each): each for each in (*first.values(), *hidden[:most])}.values())
        for record in chosen:
            await self._as_never(record)

    async def _as_never(self, record: Record) -> None:
        never = f"{NEVER}-{record.id}"
        said = record.said(record.current)
        theirs = list(attempts(record.type, record.id, said))
        nobodys = list(attempts(record.type, never, said))
        is_known = f"{record.type}/{record.id}" in self._referred_to
        for one, other in zip(theirs, nobodys, strict=True):
            if one.finds_referring and is_known:
                continue
            about = await self._ask(one)
            about_nobody = await self._ask(other)
            self.tally["as-never"] += 1
            if _told(about, never, record.id) != _told(about_nobody, never, record.id):
                place = f"{self.reduction.eyes.name} at {self.reduction.now}: {one.method} {one.url}"
                heads = {name: value for name, value in one.headers.items() if name != "content_type"}
                what = f" {heads}" if heads else ""
                self.faults.append(f"{place}{what}\n  {_short(about)}\n  {_short(about_nobody)}")

    async def _ask(self, attempt: Attempt) -> Said:
        eyes = self.reduction.eyes
        return await self.service.ask(eyes.name, attempt.method, attempt.url, attempt.body, **attempt.headers)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "reference" in value:
            yield str(value["reference"])
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _told(said: Said, *ids: str) -> tuple[int, Any, str]:
    heads = tuple(said.headers.get(name) for name in ("etag", "location", "allow", "content-type"))
    text = said.body.decode()
    for id_ in ids:
        text = text.replace(id_, "the-id")
    return said.status, _MADE.sub("made", str(heads)), _MADE.sub("made", text)


def _short(said: Said) -> str:
    return f"{said.status} {said.headers.get('etag')} {said.body[:500].decode()}"

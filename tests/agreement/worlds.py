"""Random worlds: two localities with the same ids in both, agencies, and what each of them wrote of whom.

A world is the list of what was written, by which agency, in order. The same seed gives the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.agreement import imagined
from tests.agreement.imagined import PURPOSES, RESOURCE_TYPES, labelled, refer
from tests.agreement.oracle import Oracle, Record, Version

Json = dict[str, Any]

LOCALITIES = ("north", "south")
# By agency: its sector, and what it is part of.
AGENCIES: dict[str, tuple[str, str | None]] = {
    "trust": ("nhs-trust", None),
    "ward": ("nhs-trust", "trust"),
    "school": ("school", None),
    "council": ("local-authority", None),
    "charity": ("charity", None),
    "shelter": ("charity", None),
}
REGISTRAR = "council"  # who keeps what is nobody's record
CHILDREN = ("yp-ash", "yp-birch", "yp-cedar", "yp-elm")
STAFF = ("fern", "moss", "reed")

# Of NOW and LATER: over, running over both, running over the first alone, over the second alone, and the like.
PERIODS: tuple[Json, ...] = (
    {},
    {"start": "2026-01-01"},
    {"start": "2026-01-01", "end": "2026-11-26"},
    {"start": "2026-01-01", "end": "2026-11-27"},
    {"start": "2026-06-01", "end": "2026-12-20"},
    {"start": "2026-12-15"},
    {"end": "2026-11-27T11:59:59Z"},
    {"start": "2026-11-27T11:59:59+00:00", "end": "2027-06-01"},
)
# Of sixteen now, of sixteen between NOW and LATER, younger, and of nobody knows what age.
BIRTHS = ("2009-03-03", "2010-12-20", "2013-05-05", None)
LABELS: tuple[tuple[str, ...], ...] = ((), (), (), (), ("R",), ("V",), ("R", "V"), ("N",), ("SEX",), ("?",))


@dataclass(frozen=True)
class Step:
    """A transaction: of one agency in one locality. A resource of None is a deletion."""

    locality: str
    agency: str
    changes: tuple[tuple[str, str, Json | None], ...]


@dataclass
class _Drafts:
    """What will be written in one locality, by stage and agency."""

    rng: Random
    locality: str
    stages: list[dict[str, list[tuple[str, str, Json | None]]]] = field(default_factory=list)
    latest: dict[tuple[str, str], tuple[str, Json]] = field(default_factory=dict)
    deleted: list[tuple[str, Json]] = field(default_factory=list)

    def stage(self) -> None:
        self.stages.append({})

    def write(self, author: str, resource: Json) -> Json:
        """Puts down a resource, by its author first; then by anybody the test says."""
        key = (resource["resourceType"], resource["id"])
        self.stages[-1].setdefault(author, []).append((*key, resource))
        self.latest[key] = (author, resource)
        return resource

    def delete(self, type_: str, id_: str) -> None:
        author, resource = self.latest.pop((type_, id_))
        self.deleted.append((author, resource))
        self.stages[-1].setdefault(author, []).append((type_, id_, None))

    def steps(self) -> Iterator[Step]:
        for stage in self.stages:
            for author, changes in stage.items():
                yield Step(self.locality, author, tuple(changes))


def imagine(seed: int) -> list[Step]:
    """The world of that seed."""
    rng = Random(seed)
    steps: list[Step] = []
    for locality in LOCALITIES:
        drafts = _Drafts(rng, locality)
        drafts.stage()
        _directory(drafts)
        drafts.stage()
        children = [_patient(drafts, child) for child in CHILDREN]
        for make in (_first, _second, _third):
            drafts.stage()
            for child in children:
                make(drafts, child)
        _beside(drafts)
        drafts.stage()
        _afterwards(drafts)
        drafts.stage()
        _put_back(drafts)
        steps += drafts.steps()
    return steps


def _directory(drafts: _Drafts) -> None:
    def keep(resource: Json) -> None:
        drafts.write(REGISTRAR, resource)

    for id_, (sector, part_of) in AGENCIES.items():
        keep(imagined.agency(id_, sector, part_of))
    for id_ in STAFF:
        keep(imagined.practitioner(id_))
        keep(imagined.role(f"{id_}-role", id_, drafts.rng.choice(tuple(AGENCIES))))
    keep(imagined.location("site", "school"))
    keep(imagined.service("help", "charity", "site"))
    keep(imagined.form("form"))
    keep(imagined.measure("measure"))
    keep(imagined.group("described", []))
    staff = [imagined.member("charity", {})]
    keep(imagined.care_team("staff-team", None, "active", {}, staff))


def _somebody(drafts: _Drafts) -> str:
    return drafts.rng.choice(tuple(AGENCIES))


def _patient(drafts: _Drafts, id_: str) -> str:
    rng = drafts.rng
    labels = rng.choice(((), (), ("R",), ("V",)))
    resource = imagined.patient(
        id_, rng.choice(BIRTHS), _somebody(drafts), rng.choice(STAFF), _somebody(drafts)
    )
    drafts.write(_somebody(drafts), labelled(resource, labels))
    return id_


def _labelled(drafts: _Drafts, resource: Json) -> Json:
    return labelled(resource, drafts.rng.choice(LABELS))


def _first(drafts: _Drafts, child: str) -> None:
    """What others refer to."""
    rng = drafts.rng
    drafts.write(_somebody(drafts), imagined.related_person(f"{child}-carer", child))
    for number in range(rng.choice((0, 1, 2))):
        members = [_member(drafts) for _ in range(rng.randint(1, 3))]
        status = rng.choice(("active", "active", "active", "inactive", "proposed"))
        team = imagined.care_team(f"{child}-team-{number}", child, status, rng.choice(PERIODS), members)
        if rng.random() < 0.3:
            team["managingOrganization"] = [refer("Organization", _somebody(drafts))]
        drafts.write(_somebody(drafts), team)
    for number in range(2):
        status = rng.choice(("active", "active", "completed", "proposed"))
        slot = 1 if number == 0 else None
        goal = imagined.goal(f"{child}-goal-{number}", child, _somebody(drafts), status, slot)
        drafts.write(_somebody(drafts), _labelled(drafts, goal))
    encounter = imagined.encounter(f"{child}-visit", child, rng.choice(STAFF), _somebody(drafts), "site")
    drafts.write(_somebody(drafts), _labelled(drafts, encounter))
    ended = rng.choice(("active", "finished"))
    drafts.write(
        _somebody(drafts),
        imagined.episode(f"{child}-episode", child, _somebody(drafts), rng.choice(STAFF), ended),
    )


def _member(drafts: _Drafts) -> Json:
    rng = drafts.rng
    if rng.random() < 0.3:
        return imagined.on_behalf(rng.choice(STAFF), _somebody(drafts), rng.choice(PERIODS))
    return imagined.member(_somebody(drafts), rng.choice(PERIODS))


def _second(drafts: _Drafts, child: str) -> None:
    """What refers to these."""
    rng = drafts.rng
    if ("CareTeam", f"{child}-team-0") in drafts.latest and rng.random() < 0.6:
        period = rng.choice([each for each in PERIODS if len(each.get("start", "")) == 10])
        status = rng.choice(("active", "active", "on-hold", "completed", "draft"))
        if status == "completed" and "end" not in period:
            period = {**period, "end": "2027-01-01"}
        plan = imagined.plan(
            f"{child}-plan", child, status, period, rng.choice(STAFF), _somebody(drafts), f"{child}-team-0"
        )
        drafts.write(_somebody(drafts), _labelled(drafts, plan))
    for number in range(3):
        performer = refer("RelatedPerson", f"{child}-carer")
        day = f"2026-0{number + 4}-10"
        of = f"{child}-goal-{number % 2}"
        rated = imagined.score(f"{child}-score-{number}", child, of, rng.randint(0, 10), day, performer)
        drafts.write(_somebody(drafts), _labelled(drafts, rated))
    mood = imagined.mood(f"{child}-mood", child, rng.randint(0, 9), refer("Organization", _somebody(drafts)))
    drafts.write(_somebody(drafts), _labelled(drafts, mood))
    answered = imagined.response(
        f"{child}-answers",
        child,
        rng.choice((f"{child}-visit", None)),
        refer("Practitioner", rng.choice(STAFF)),
    )
    drafts.write(_somebody(drafts), _labelled(drafts, answered))
    for make in (
        lambda: imagined.referral(f"{child}-referral", child, _somebody(drafts)),
        lambda: imagined.task(f"{child}-task", child, _somebody(drafts), refer("Patient", child)),
        lambda: imagined.flag(f"{child}-flag", child, _somebody(drafts)),
        lambda: imagined.communication(f"{child}-message", child, _somebody(drafts), _somebody(drafts)),
        lambda: imagined.report(f"{child}-report", child),
        lambda: imagined.grouping(f"{child}-grouping", child, "2026-03-01", rng.choice(STAFF)),
    ):
        if rng.random() < 0.7:
            drafts.write(_somebody(drafts), _labelled(drafts, make()))


def _third(drafts: _Drafts, child: str) -> None:
    """What decides of sharing, and what is about other resources."""
    rng = drafts.rng
    for number in range(rng.choice((0, 1, 2, 3))):
        drafts.write(_somebody(drafts), _consent(drafts, f"{child}-consent-{number}", child))
    entries = [refer("Goal", f"{child}-goal-0"), refer("Observation", f"{child}-score-1")]
    drafts.write(_somebody(drafts), _labelled(drafts, imagined.list_(f"{child}-list", child, entries)))
    about = refer("Goal", f"{child}-goal-{rng.randint(0, 1)}")
    drafts.write(_somebody(drafts), imagined.provenance(f"{child}-origin", about, _somebody(drafts)))
    drafts.write(_somebody(drafts), imagined.binary(f"{child}-letter", refer("Patient", child)))


def _consent(drafts: _Drafts, id_: str, child: str) -> Json:
    rng = drafts.rng
    parent = refer("RelatedPerson", f"{child}-carer")
    performer = rng.choice((refer("Patient", child), parent, parent, refer("Organization", "council")))
    status = rng.choice(("active", "active", "active", "active", "inactive", "proposed"))
    scope = "patient-privacy"
    made = imagined.consent(id_, child, performer, status, _provision(drafts, child), scope)
    if rng.random() < 0.04:
        made["policyRule"] = imagined.coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT")
    if "provision" in made["provision"]:
        # Our profile allows nothing that is not read; others may have written it all the same.
        made["policy"] = [{"uri": "https://elsewhere.example/policy"}]
    return made


def _provision(drafts: _Drafts, child: str) -> Json:
    rng = drafts.rng
    kind = rng.choice(("permit", "permit", "permit", "deny"))
    provision: Json = {"type": kind}
    actors = [_actor(drafts, child) for _ in range(rng.choice((1, 1, 2)))]
    if kind == "permit" or rng.random() < 0.7:
        provision["actor"] = actors
    if period := rng.choice(PERIODS):
        provision["period"] = period
    if rng.random() < 0.3:
        types = rng.sample(("Goal", "Observation", "Patient", "CarePlan"), rng.choice((1, 2)))
        provision["class"] = [{"system": RESOURCE_TYPES, "code": type_} for type_ in types]
    if rng.random() < 0.4:
        codes = rng.choice((("R",), ("V",), ("R", "V"), ("R", "V", "SEX")))
        provision["securityLabel"] = [imagined.label(code) for code in codes]
    if rng.random() < 0.25:
        purpose = rng.choice(("TREAT", "ETREAT", "HRESCH"))
        provision["purpose"] = [{"system": PURPOSES, "code": purpose}]
    if rng.random() < 0.06:
        provision["provision"] = [{"type": "deny"}]  # what cannot be read
    return provision


def _actor(drafts: _Drafts, child: str) -> Json:
    rng = drafts.rng
    chance = rng.random()
    if chance < 0.05:
        return imagined.everybody()
    if chance < 0.2:
        return imagined.recipient(sector=rng.choice(("nhs-trust", "school", "charity")))
    if chance < 0.35 and ("CareTeam", f"{child}-team-0") in drafts.latest:
        return imagined.recipient(team=f"{child}-team-0")
    return imagined.recipient(organization=_somebody(drafts))


def _beside(drafts: _Drafts) -> None:
    """What is of nobody who can be told, or of several: for those who wrote it alone."""
    rng = drafts.rng
    for resource in (
        imagined.mood("mood-of-nobody", None, 3, refer("Organization", _somebody(drafts))),
        imagined.encounter("visit-of-nobody", None, rng.choice(STAFF), _somebody(drafts), "site"),
        imagined.task("task-of-nobody", None, _somebody(drafts), refer("Organization", "trust")),
        imagined.communication("message-of-nobody", None, _somebody(drafts), _somebody(drafts)),
        imagined.group("several", list(CHILDREN[:2])),
        imagined.report("report-of-many", None),
        imagined.subscription("wants"),
    ):
        drafts.write(_somebody(drafts), resource)


def _afterwards(drafts: _Drafts) -> None:
    """What was written anew later: labelled otherwise, of somebody else, ended, or deleted."""
    rng = drafts.rng
    for author, resource in list(drafts.latest.values()):
        change = _CHANGES.get(resource["resourceType"])
        if change is not None and rng.random() < 0.3:
            change(drafts, author, resource)


def _relabel(drafts: _Drafts, author: str, resource: Json) -> None:
    drafts.write(author, _labelled(drafts, resource))


def _relabel_or_delete(drafts: _Drafts, author: str, resource: Json) -> None:
    if drafts.rng.random() < 0.4:
        drafts.delete(resource["resourceType"], resource["id"])
    else:
        _relabel(drafts, author, resource)


def _move(drafts: _Drafts, author: str, resource: Json) -> None:
    if "subject" not in resource or drafts.rng.random() < 0.3:
        _relabel_or_delete(drafts, author, resource)
        return
    other = drafts.rng.choice(CHILDREN)
    drafts.write(author, {**resource, "subject": refer("Patient", other)})


def _end(drafts: _Drafts, author: str, resource: Json) -> None:
    if resource["resourceType"] == "Consent" and drafts.rng.random() < 0.3:
        drafts.delete("Consent", resource["id"])
        return
    drafts.write(author, {**resource, "status": "inactive"})


def _put_back(drafts: _Drafts) -> None:
    """Of what was deleted, some is written again, by somebody who says nothing of labels."""
    for author, resource in drafts.deleted:
        if drafts.rng.random() < 0.5:
            drafts.write(author, labelled(resource, ()))


_CHANGES: dict[str, Callable[[_Drafts, str, Json], None]] = {
    "Goal": _relabel,
    "Encounter": _relabel,
    "List": _relabel_or_delete,
    "Flag": _move,
    "Communication": _move,
    "MeasureReport": _move,
    "ServiceRequest": _move,
    "Consent": _end,
    "CareTeam": _end,
    "Task": _relabel_or_delete,
    "Binary": _relabel_or_delete,
}


def unlived(steps: list[Step], locality: str) -> Oracle:
    """What the oracle makes of a locality of the world without that any service held it."""
    records: dict[tuple[str, str], Record] = {}
    for number, step in enumerate(steps):
        for type_, id_, resource in step.changes if step.locality == locality else ():
            record = records.setdefault((type_, id_), Record(type_, id_, step.agency))
            method = "PUT" if resource is not None else "DELETE"
            record.versions.append(Version(len(record.versions) + 1, number, method, resource))
    return Oracle(records.values())

"""The plain oracle of access: which versions a caller may see, and on what ground, in the clinic's words.

Nothing of the service is asked. What is read is the JSON of everything that was ever written
in a locality, and by whom: one look at all of it for each question.

Source: docs/sharing.md (the rule); domain facts section 8
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Key = tuple[str, str]  # type and id

_UK = ZoneInfo("Europe/London")
_SECTOR = "https://thrive-fhir.example/CodeSystem/sector"
_AGENCY_OF_PLAN = "https://thrive-fhir.example/StructureDefinition/plan-coordinating-agency"
_OF_AGE = 16
# Codes of confidentiality that say nothing; every other label keeps a resource close.
_OPEN = frozenset({"N"})
_EVERY_AGENCY = "every-agency"

NOBODY = "nobody"  # about no young person: open to all agencies of the locality
CLOSED = "closed"  # about several, or about nobody who can be told: for its author

# By which element a type says whose it is. Types that are not here are about nobody.
WHOSE = {
    **dict.fromkeys(
        [
            "CarePlan",
            "CareTeam",
            "Communication",
            "Encounter",
            "Flag",
            "Goal",
            "List",
            "MeasureReport",
            "Observation",
            "QuestionnaireResponse",
            "ServiceRequest",
        ],
        "subject",
    ),
    **dict.fromkeys(("Consent", "EpisodeOfCare", "RelatedPerson"), "patient"),
    "Task": "for",
}
# The only types that are about nobody: where and by whom help is given, and by which forms.
DIRECTORY = frozenset(
    [
        "HealthcareService",
        "Location",
        "Measure",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
    ]
)
# A kind of treatment is treatment. Source: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
_KINDS = {"TREAT": frozenset({"TREAT", "ETREAT"})}


# What a resource must be like, in a world of such records.
Like = Callable[[Json, Mapping[Key, "Record"]], bool]


@dataclass(frozen=True)
class Token:
    """What a token leaves of what the agency may see: by type, what the current version must be like (None: anything).

    Without `types` it leaves everything. `scopes` and `patient` are what it says.
    """

    scopes: str = ""
    patient: str | None = None
    types: Mapping[str, Like | None] | None = None
    user: Key | None = None

    @property
    def child(self) -> str | None:
        """The young person in whose name it is; None where it is in nobody's."""
        return self.user[1] if self.is_own else self.patient

    @property
    def is_own(self) -> bool:
        """Whether the young person uses it themselves, and not their family."""
        return self.user is not None and self.user[0] == "Patient"

    def reads(self, type_: str) -> bool:
        return self.types is None or type_ in self.types

    def leaves(self, type_: str, resource: Json | None, records: Mapping[Key, Record]) -> bool:
        """Whether it leaves a resource whose current version says that; None, a deletion, is like nothing."""
        if self.types is None or not self.reads(type_):
            return self.types is None
        like = self.types[type_]
        return like is None or (resource is not None and like(resource, records))


EVERYTHING = Token()


@dataclass(frozen=True)
class Eyes:
    """Who looks: an agency of a locality with its sectors, for a purpose. `all_of_it`: an administrator."""

    name: str
    locality: str
    agency: str
    sectors: frozenset[str] = frozenset()
    purpose: str = "TREAT"
    all_of_it: bool = False
    token: Token = EVERYTHING


@dataclass(frozen=True)
class Version:
    """A version as it was written; `resource` is None for a deletion. Units: `at` in milliseconds since 1970."""

    number: int
    at: int
    method: str
    resource: Json | None


@dataclass
class Record:
    """A resource with all its versions, oldest first, and the agency that created it."""

    type: str
    id: str
    author: str
    versions: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version:
        return self.versions[-1]

    def said(self, version: Version) -> Json:
        """What the version says; a deletion is of what it deleted."""
        for each in reversed(self.versions[: version.number]):
            if each.resource is not None:
                return each.resource
        return {}


@dataclass(frozen=True)
class Rule:
    """One thing said of who may see: a permission or refusal, or membership of a circle."""

    kind: str  # team, plan, permit, deny
    by_parent: bool
    party: tuple[str, str]  # ("agency", id), ("sector", code), ("team", id), ("everyone", "")
    types: frozenset[str]
    purposes: frozenset[str]
    mask: frozenset[str]
    period: tuple[int, int]
    source: Key


class Oracle:
    """What was written in one locality, seen by anybody at a moment."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = {(record.type, record.id): record for record in records}
        self._rules = {child: list(self._rules_of(child)) for child in self._children()}

    def ground(self, eyes: Eyes, record: Record, version: Version, now: int) -> str | None:
        """On what ground the version may be seen; None: it is as if it never was."""
        if not eyes.token.leaves(record.type, record.current.resource, self.records):
            return None
        if not all(self._in_name(eyes, record, record.said(each)) for each in (version, record.current)):
            return None
        if eyes.all_of_it:
            return "service"
        grounds = [self._ground(eyes, record, record.said(each), now) for each in (version, record.current)]
        return None if None in grounds else grounds[-1]

    def _in_name(self, eyes: Eyes, record: Record, said: Json) -> bool:
        """Whether it may be seen in the name that the token says.

        In a young person's name that is what is about them. What has a label is for themselves alone: a
        family may hold any other token.
        """
        child = eyes.token.child
        if child is None or record.type in DIRECTORY:
            return True
        return self.whose(record, said) == child and (eyes.token.is_own or not _close(record, said))

    def withheld(self, eyes: Eyes, record: Record, version: Version, now: int) -> bool:
        """Whether the places of a restricted young person are withheld in a version that may be seen."""
        if eyes.all_of_it or eyes.agency == record.author:
            return False
        children = {self.whose(record, record.said(each)) for each in (version, record.current)}
        return any(self._is_withheld(eyes, record, child, now) for child in children)

    def _is_withheld(self, eyes: Eyes, record: Record, child: str, now: int) -> bool:
        patient = self.records.get(("Patient", child))
        if patient is None or patient.current.resource is None:
            return False
        restricted = labels(patient.current.resource)
        return bool(restricted) and self._decided(eyes, record.type, child, restricted, now) is None

    def rules_of(self, child: str) -> list[Rule]:
        """All that is said of who may see the young person's record."""
        return self._rules.get(child, [])

    def is_denied(self, eyes: Eyes, child: str, now: int) -> bool:
        """Whether anything of the young person's record is denied to the caller's agency, for any purpose."""
        parents_decide = not self._is_of_age(child, now)
        return any(
            rule.kind == "deny"
            and (parents_decide or not rule.by_parent)
            and rule.period[0] <= now < rule.period[1]
            and self._is_party(eyes, rule, child, now)
            for rule in self._rules.get(child, ())
        )

    def whose(self, record: Record, said: Json) -> str:
        """The id of the young person that it is about, or NOBODY, or CLOSED."""
        if record.type == "Patient":
            return record.id
        if record.type == "Provenance":
            return self._of_all(said.get("target", []), _written(record, said))
        if record.type == "Binary":
            about = [said["securityContext"]] if "securityContext" in said else []
            return self._of_all(about, _written(record, said))
        if record.type in DIRECTORY:
            return NOBODY
        subject = said.get(WHOSE[record.type]) if record.type in WHOSE else None
        if subject is None and record.type == "Task":
            return self._of_all([said["focus"]], _written(record, said))
        return _target(subject, "Patient") or CLOSED

    def _of_all(self, about: list[Json], written: int) -> str:
        """Whose what it is about was when it was written; closed where that was nobody's, or labelled."""
        found = set()
        for reference in about:
            type_, _, id_ = reference.get("reference", "").partition("/")
            other = self.records.get((type_, id_.partition("/")[0]))
            then = [] if other is None else [each for each in other.versions if each.at <= written]
            if other is None or not then:
                return CLOSED
            said = other.said(then[-1])
            found.add(CLOSED if _close(other, said) else self.whose(other, said))
        return found.pop() if len(found) == 1 and NOBODY not in found else CLOSED

    def _ground(self, eyes: Eyes, record: Record, said: Json, now: int) -> str | None:
        if record.author == eyes.agency:
            return "author"
        child = self.whose(record, said)
        sensitive = _close(record, said)
        if child == NOBODY:
            return None if sensitive else "directory"
        if child == CLOSED:
            return None
        return self._decided(eyes, record.type, child, sensitive, now)

    def _decided(self, eyes: Eyes, type_: str, child: str, sensitive: frozenset[str], now: int) -> str | None:
        """On what ground somebody sees what is about the child and has these labels, wrote they it or not."""
        fitting = list(self._fitting(eyes, type_, child, now))
        found = [rule.kind for rule in fitting if rule.kind in {"team", "plan"} and not sensitive]
        permits = [rule for rule in fitting if rule.kind == "permit" and sensitive <= rule.mask]
        denies = [
            rule for rule in fitting if rule.kind == "deny" and (not rule.mask or rule.mask & sensitive)
        ]
        young_permits = any(not rule.by_parent for rule in permits)
        if any(not rule.by_parent or not young_permits for rule in denies):
            return None
        for ground in ("plan", "team"):
            if ground in found:
                return ground
        return "consent" if permits else None

    def _fitting(self, eyes: Eyes, type_: str, child: str, now: int) -> Iterator[Rule]:
        """The rules that are about this caller, this type, this purpose and this moment."""
        parents_decide = not self._is_of_age(child, now)
        for rule in self._rules.get(child, ()):
            if (
                (parents_decide or not rule.by_parent)
                and rule.period[0] <= now < rule.period[1]
                and (not rule.types or type_ in rule.types)
                and (not rule.purposes or any(eyes.purpose in _KINDS.get(p, {p}) for p in rule.purposes))
                and self._is_party(eyes, rule, child, now)
            ):
                yield rule

    def _is_party(self, eyes: Eyes, rule: Rule, child: str, now: int) -> bool:
        kind, value = rule.party
        match kind:
            case "everyone":
                return True
            case "agency":
                return value == eyes.agency
            case "sector":
                return value in eyes.sectors
            case _:
                return any(
                    member.kind == "team"
                    and member.source == ("CareTeam", value)
                    and member.party == ("agency", eyes.agency)
                    and member.period[0] <= now < member.period[1]
                    for member in self._rules.get(child, ())
                )

    def _is_of_age(self, child: str, now: int) -> bool:
        patient = self.records.get(("Patient", child))
        if patient is None or patient.current.resource is None:
            return False
        born = patient.current.resource.get("birthDate")
        if born is None:
            return False
        day = date.fromisoformat(born)
        return now >= _millis(datetime.combine(day.replace(year=day.year + _OF_AGE), time(), _UK))

    def _children(self) -> list[str]:
        return [id_ for type_, id_ in self.records if type_ == "Patient"]

    def _rules_of(self, child: str) -> Iterator[Rule]:
        for record in self.records.values():
            said = record.current.resource
            if said is None or self.whose(record, said) != child:
                continue
            match record.type:
                case "CareTeam" if said["status"] == "active":
                    yield from _team_rules(record, said)
                case "CarePlan" if said["status"] == "active":
                    yield from _plan_rules(record, said)
                case "Consent" if said["status"] == "active":
                    yield from consent_rules(record, said)


def _close(record: Record, said: Json) -> frozenset[str]:
    """The labels that keep a version close; of a Patient, R withholds places instead."""
    return labels(said) - ({"R"} if record.type == "Patient" else set())


def _written(record: Record, said: Json) -> int:
    """When the resource came to say that."""
    return next(each.at for each in record.versions if record.said(each) is said)


def labels(said: Json) -> frozenset[str]:
    """The sensitive labels of what a version says."""
    security = said.get("meta", {}).get("security", ())
    return frozenset(each["code"] for each in security if each["code"] not in _OPEN)


def _team_rules(record: Record, said: Json) -> Iterator[Rule]:
    whole = period_of(said.get("period"))

    def rule(organization: str, period: tuple[int, int]) -> Rule:
        nothing: frozenset[str] = frozenset()
        party = ("agency", organization)
        return Rule("team", False, party, nothing, nothing, nothing, period, (record.type, record.id))

    for each in said.get("managingOrganization", ()):
        if id_ := _target(each, "Organization"):
            yield rule(id_, whole)
    for participant in said.get("participant", ()):
        own = period_of(participant.get("period"))
        both = (max(own[0], whole[0]), min(own[1], whole[1]))
        for name in ("member", "onBehalfOf"):
            if id_ := _target(participant.get(name), "Organization"):
                yield rule(id_, both)


def _plan_rules(record: Record, said: Json) -> Iterator[Rule]:
    nothing: frozenset[str] = frozenset()
    for extension in said.get("extension", ()):
        if extension["url"] == _AGENCY_OF_PLAN and (
            id_ := _target(extension["valueReference"], "Organization")
        ):
            period = period_of(said.get("period"))
            yield Rule(
                "plan", False, ("agency", id_), nothing, nothing, nothing, period, (record.type, record.id)
            )


def consent_rules(record: Record, said: Json) -> Iterator[Rule]:
    """What a Consent that is in force says."""
    if not any(coding["code"] == "patient-privacy" for coding in said["scope"]["coding"]):
        return
    provision = said["provision"]
    kind = provision["type"]
    by_parent = any(
        _target(each, "RelatedPerson") or _target(each, "Organization") for each in said.get("performer", ())
    )
    nested = provision.get("provision", ())
    readable = not nested
    # An exception to a provision is not read: what it may refuse is refused wholly, and nothing is permitted.
    kind = "deny" if any(each.get("type") == "deny" for each in nested) else kind
    if "policyRule" in said:  # of these worlds: opting out
        nothing: frozenset[str] = frozenset()
        source = (record.type, record.id)
        yield Rule("deny", by_parent, ("everyone", ""), nothing, nothing, nothing, period_of(None), source)
    if not readable and kind == "permit":
        return
    parties = [_party(actor) for actor in provision.get("actor", ())] if readable else []
    types = frozenset(each["code"] for each in provision.get("class", ())) if readable else frozenset()
    purposes = frozenset(each["code"] for each in provision.get("purpose", ())) if readable else frozenset()
    mask = frozenset(each["code"] for each in provision.get("securityLabel", ())) if readable else frozenset()
    period = period_of(provision.get("period")) if readable else period_of(None)
    for party in parties or [("everyone", "")]:
        yield Rule(kind, by_parent, party, types, purposes, mask, period, (record.type, record.id))


def _party(actor: Json) -> tuple[str, str]:
    for coding in actor["role"].get("coding", ()):
        if coding["system"] == _SECTOR:
            return ("sector", coding["code"])
        if coding["code"] == _EVERY_AGENCY:
            return ("everyone", "")
    if team := _target(actor["reference"], "CareTeam"):
        return ("team", team)
    return ("agency", _target(actor["reference"], "Organization"))


def _target(reference: Json | None, type_: str) -> str:
    """The id of the resource of that type to which a reference leads; empty for any other."""
    text = (reference or {}).get("reference", "")
    return text.removeprefix(f"{type_}/") if text.startswith(f"{type_}/") else ""


def period_of(period: Json | None) -> tuple[int, int]:
    """From the first millisecond of a period to the one after its last; days are those of the United Kingdom."""
    start, end = (period or {}).get("start"), (period or {}).get("end")
    low = -(10**15) if start is None else _millis(_moment(start))
    if end is None:
        return low, 10**15
    if len(end) > len("2026-11-27"):
        return low, _millis(_moment(end) + timedelta(seconds=1))
    return low, _millis(_moment((date.fromisoformat(end) + timedelta(days=1)).isoformat()))


def _moment(text: str) -> datetime:
    if len(text) == len("2026-11-27"):
        return datetime.combine(date.fromisoformat(text), time(), _UK)
    return datetime.fromisoformat(text)


def _millis(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)

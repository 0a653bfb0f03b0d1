"""Referrals, and the contacts that national figures count in each.

A referral is a request for service that an episode or a contact names; other requests, such
as signposting, are none. What belongs to which says so itself, or is told by its day.

Source: domain facts section 3.3 (NHSDigital/mental-health-monthly-statistics @7b4d742: cohort,
counted contact); which mechanisms are text-like is read from the names of the codes
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from service.fhir.search.dates import moment
from service.outcomes.days import days_of
from service.outcomes.recognition import OURS, Resource
from service.outcomes.references import Locate, Target, target
from service.outcomes.statuses import IN_ERROR

_ATTENDANCE: Final = f"{OURS}/StructureDefinition/attendance-status"
_MECHANISM: Final = f"{OURS}/StructureDefinition/consultation-mechanism"
ODS_CODE: Final = "https://fhir.nhs.uk/Id/ods-organization-code"

# Attended, and attended late (AttendStatus).
_ATTENDED: Final = frozenset({"5", "6"})
# Face to face, telephone, talk type and video (ConsMechanismMH).
_DIRECT: Final = frozenset({"01", "02", "04", "11"})
# Email, text message, instant messaging, message board and chat room: of these two providers alone.
_TEXT_LIKE: Final = frozenset({"05", "09", "10", "12", "13"})
_ONLINE_PROVIDERS: Final = frozenset({"DFC", "S9X2N"})

# Stays in a hospital. Source: https://terminology.hl7.org/ValueSet/encounter-class
_INPATIENT: Final = frozenset({"IMP", "ACUTE", "NONAC"})
_REJECTED: Final = "revoked"
_OVER: Final = frozenset({"completed", "revoked"})
_NO_REFERRAL: Final = frozenset({"draft", IN_ERROR})
# Of an episode that still goes on an end is only planned.
_ENDED: Final = frozenset({"finished", "cancelled"})


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that counts. Units: `day` as Python's date ordinal; contacts stand in the order of `order`."""

    encounter: str
    day: int
    order: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral with its contacts in order.

    `received` and `closed` are days, None where they are not told; what `is_closed` may not
    tell when. `named` are the encounters, counted or not, that belong to it.
    """

    id: str
    received: int | None
    closed: int | None
    is_closed: bool
    is_rejected: bool
    has_hospital_stay: bool = False
    contacts: tuple[Contact, ...] = ()
    named: frozenset[str] = frozenset()


class Referrals:
    """A young person's referrals, in the order in which they were received."""

    __slots__ = ("_by_encounter", "_by_id", "_ordered")

    def __init__(self, referrals: Iterable[Referral]) -> None:
        """Takes the referrals of one young person."""
        self._ordered = sorted(referrals, key=lambda referral: (referral.received or 0, referral.id))
        self._by_id = {referral.id: referral for referral in self._ordered}
        self._by_encounter = {
            encounter: referral for referral in self._ordered for encounter in referral.named
        }

    def __iter__(self) -> Iterator[Referral]:
        """Each of them."""
        return iter(self._ordered)

    def named(self, request: Target | None, encounter: Target | None) -> Referral | None:
        """The referral that is named by a request for service, else that of the encounter."""
        found = None if request is None else self._by_id.get(request[1])
        if found is None and encounter is not None:
            found = self._by_encounter.get(encounter[1])
        return found

    def on(self, day: int) -> Referral | None:
        """The referral under which something of that day most likely is: the last one received that was open."""
        return _last_open(self._ordered, day)


def read_referrals(
    requests: Iterable[Resource],
    episodes: Iterable[Resource],
    encounters: Iterable[Resource],
    locate: Locate,
    online: Collection[Target] = (),
) -> Referrals:
    """The referrals among requests for service, with the contacts among encounters.

    `online` are the organisations that are one of the providers whose text-like contacts count.
    """
    held = [episode for episode in episodes if episode.get("status") != IN_ERROR]
    met = [encounter for encounter in encounters if encounter.get("status") != IN_ERROR]
    by_episode = {episode.get("id", ""): _requests(episode, "referralRequest", locate) for episode in held}
    closed = _closed(held, by_episode)
    wanted = {id_ for ids in by_episode.values() for id_ in ids}
    wanted |= {id_ for encounter in met for id_ in _requests(encounter, "basedOn", locate)}
    found = {
        request.get("id", ""): _referral(request, closed)
        for request in requests
        if request.get("id") in wanted and request.get("status") not in _NO_REFERRAL
    }
    for encounter in met:
        whose = _whose(encounter, found, by_episode, locate)
        if whose is not None:
            found[whose] = _with(found[whose], encounter, locate, online)
    return Referrals(found.values())


def online_providers(organizations: Iterable[Resource]) -> frozenset[Target]:
    """Those of the organisations that are one of the providers whose text-like contacts count."""
    return frozenset(
        ("Organization", organization["id"])
        for organization in organizations
        if any(
            identifier.get("system") == ODS_CODE and identifier.get("value") in _ONLINE_PROVIDERS
            for identifier in organization.get("identifier", ())
        )
    )


def is_text_like(encounter: Resource) -> bool:
    """Whether it depends on the provider if the encounter counts."""
    return _coded(encounter, _MECHANISM) in _TEXT_LIKE


def _referral(request: Resource, closed: Mapping[str, int]) -> Referral:
    id_, status = request.get("id", ""), request.get("status")
    received = days_of(request.get("authoredOn"))
    ended = closed.get(id_)
    return Referral(
        id=id_,
        received=None if received is None else received.first,
        closed=ended,
        is_closed=ended is not None or status in _OVER,
        is_rejected=status == _REJECTED,
    )


def _closed(episodes: Iterable[Resource], by_episode: Mapping[str, list[str]]) -> dict[str, int]:
    """The day on which the last referral of each episode was closed: the day on which that episode ended."""
    found = {}
    for episode in episodes:
        requests = by_episode[episode.get("id", "")]
        ended = days_of(episode.get("period", {}).get("end"))
        if requests and ended is not None and episode.get("status") in _ENDED:
            found[requests[-1]] = ended.last
    return found


def _whose(
    encounter: Resource,
    referrals: Mapping[str, Referral],
    by_episode: Mapping[str, list[str]],
    locate: Locate,
) -> str | None:
    """The referral that an encounter is based on, else the one of its episode that was open on its day."""
    based_on = [id_ for id_ in _requests(encounter, "basedOn", locate) if id_ in referrals]
    if based_on:
        return based_on[0]
    days = days_of(encounter.get("period", {}).get("start"))
    if days is None:
        return None
    episodes = [target(reference, locate) for reference in encounter.get("episodeOfCare", ())]
    candidates = [
        referrals[id_]
        for episode in episodes
        if episode is not None
        for id_ in by_episode.get(episode[1], ())
        if id_ in referrals
    ]
    candidates.sort(key=lambda referral: (referral.received or 0, referral.id))
    found = _last_open(candidates, days.first)
    return None if found is None else found.id


def _last_open(ordered: list[Referral], day: int) -> Referral | None:
    """The last one received by that day and not closed before it."""
    found = [
        referral
        for referral in ordered
        if referral.received is not None
        and referral.received <= day
        and (referral.closed is None or day <= referral.closed)
    ]
    return found[-1] if found else None


def _with(referral: Referral, encounter: Resource, locate: Locate, online: Collection[Target]) -> Referral:
    """The referral with one more encounter."""
    contact = _contact(encounter, locate, online)
    contacts = referral.contacts if contact is None else (*referral.contacts, contact)
    return replace(
        referral,
        named=referral.named | {encounter.get("id", "")},
        contacts=tuple(sorted(contacts, key=lambda each: (each.day, each.order))),
        has_hospital_stay=referral.has_hospital_stay or encounter.get("class", {}).get("code") in _INPATIENT,
    )


def _contact(encounter: Resource, locate: Locate, online: Collection[Target]) -> Contact | None:
    """The contact that an encounter is; None where it does not count."""
    when = encounter.get("period", {}).get("start", "")
    days = days_of(when)
    if days is None or _coded(encounter, _ATTENDANCE) not in _ATTENDED:
        return None
    provider = target(encounter.get("serviceProvider"), locate)
    by_text = is_text_like(encounter) and provider is not None and provider in online
    if not by_text and _coded(encounter, _MECHANISM) not in _DIRECT:
        return None
    range_, id_ = moment(when), encounter.get("id", "")
    return Contact(id_, days.first, (0 if range_ is None else range_[0], id_))


def _coded(resource: Resource, url: str) -> str | None:
    """The code that an extension with a Coding says."""
    for extension in resource.get("extension", ()):
        if extension.get("url") == url:
            code: str | None = extension.get("valueCoding", {}).get("code")
            return code
    return None


def _requests(resource: Mapping[str, Any], element: str, locate: Locate) -> list[str]:
    """The ids of the requests for service that a repeating element leads to."""
    found = [target(reference, locate) for reference in resource.get(element, ())]
    return [each[1] for each in found if each is not None and each[0] == "ServiceRequest"]

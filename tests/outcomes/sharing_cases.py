"""Who sees what of a young person's record, case by case: run by the tests and printed in docs/sharing.md.

Everybody is invented. The camhs wrote the record, the school asks for it, at noon on 27 November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from service.outcomes import sharing
from service.outcomes.moments import midnight
from service.outcomes.sharing import Facts, Ground, Row, Viewer, decide, facts
from tests.outcomes.clinic import OURS, extension, locate, refer

HL7 = "http://terminology.hl7.org/CodeSystem"
CONFIDENTIALITY = f"{HL7}/v3-Confidentiality"
CHILD = ("Patient", "ash")
PARENT = ("RelatedPerson", "mum")
CAMHS, SCHOOL, CHARITY = (("Organization", id_) for id_ in ("camhs", "school", "charity"))

HOUR = 3_600_000  # milliseconds
DAY = "2026-11-27"
NOON = midnight(date(2026, 11, 27).toordinal()) + 12 * HOUR
Json = dict[str, Any]


def labelled(*codes: str, system: str = CONFIDENTIALITY) -> Json:
    return {"meta": {"security": [{"system": system, "code": code} for code in codes]}} if codes else {}


def patient(*codes: str, born: str = "2011-03-04") -> Json:
    return {"resourceType": "Patient", "id": "ash", "birthDate": born, **labelled(*codes)}


def goal(*codes: str, **more: Any) -> Json:
    return {"resourceType": "Goal", "id": "g", "subject": refer(CHILD), **labelled(*codes), **more}


def team(*agencies: Any, status: str = "active", id_: str = "t", **more: Any) -> Json:
    members = [each if isinstance(each, dict) else {"member": refer(each)} for each in agencies]
    return {
        "resourceType": "CareTeam",
        "id": id_,
        "status": status,
        "subject": refer(CHILD),
        "participant": members,
        **more,
    }


def plan(agency: Any = SCHOOL, status: str = "active", **more: Any) -> Json:
    return {
        "resourceType": "CarePlan",
        "id": "p",
        "status": status,
        "subject": refer(CHILD),
        "extension": [extension("plan-coordinating-agency", valueReference=refer(agency))],
        **more,
    }


RECIPIENT = {"system": f"{HL7}/v3-ParticipationType", "code": "IRCP"}


def to(agency: Any) -> Json:
    return {"role": {"coding": [RECIPIENT]}, "reference": refer(agency)}


def to_sector(code: str) -> Json:
    sector = {"system": f"{OURS}/CodeSystem/sector", "code": code}
    return {"role": {"coding": [RECIPIENT, sector]}, "reference": {"type": "Organization", "display": code}}


TO_ALL = {
    "role": {"coding": [{"system": f"{OURS}/CodeSystem/sharing", "code": "every-agency"}]},
    "reference": {"type": "Organization", "display": "every agency"},
}


def consent(type_: str, *actors: Json, by: Any = CHILD, status: str = "active", **narrowed: Any) -> Json:
    actor = {"actor": list(actors)} if actors else {}
    return {
        "resourceType": "Consent",
        "id": "c",
        "status": status,
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "patient": refer(CHILD),
        "performer": [refer(by)],
        "provision": {"type": type_, **actor, **narrowed},
    }


def labels(*codes: str, system: str = CONFIDENTIALITY) -> Json:
    return {"securityLabel": [{"system": system, "code": code} for code in codes]}


def types(*codes: str) -> Json:
    return {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": code} for code in codes]}


def purposes(*codes: str) -> Json:
    return {"purpose": [{"system": f"{HL7}/v3-ActReason", "code": code} for code in codes]}


def broken_glass(agency: Any, start: str, end: str, **more: Any) -> Json:
    tag = {"system": f"{OURS}/CodeSystem/sharing", "code": "break-glass"}
    made = consent("permit", to(agency), period={"start": start, "end": end}, **purposes("ETREAT"))
    return {**made, "meta": {"tag": [tag]}, "performer": [refer(agency)], **more}


@dataclass(frozen=True)
class Case:
    """What there is, what is asked for, by whom, and the ground on which it is seen."""

    words: str
    there: tuple[Json, ...]
    ground: Ground
    asked: Json
    viewer: Viewer
    author: str = "camhs"

    @property
    def of(self) -> Facts:
        return facts(self.asked, locate)

    @property
    def rows(self) -> list[Row]:
        return [row for each in self.there for row in facts(each, locate).rows]

    @property
    def decided(self) -> Ground:
        return decide(self.of, self.asked["resourceType"], self.author, self.rows, self.viewer)

    @property
    def withheld(self) -> bool:
        return sharing.withholds(self.of, self.asked["resourceType"], self.author, self.rows, self.viewer)


THE_SCHOOL = Viewer("school", frozenset({"school"}), "TREAT", NOON)


def case(words: str, *there: Json, ground: Ground = Ground.NONE, **more: Any) -> Case:
    asked = more.pop("asked", goal())
    return Case(words, (patient(), *there), ground, asked, more.pop("viewer", THE_SCHOOL), **more)


_R = labels("R")
_TEAM = team(SCHOOL)
CASES = (
    case("It wrote the resource itself", author="school", ground=Ground.AUTHOR),
    case(
        "It wrote the resource itself, and the young person denies it everything",
        consent("deny", to(SCHOOL)),
        author="school",
        ground=Ground.AUTHOR,
    ),
    case("Nothing is said of it"),
    case(
        "The resource is about nobody, such as a clinic's address",
        asked={"resourceType": "Location", "id": "l"},
        ground=Ground.DIRECTORY,
    ),
    case(
        "The resource is about nobody, and labelled R",
        asked={"resourceType": "Location", "id": "l", **labelled("R")},
    ),
    case("The resource is about several young people", _TEAM, asked={"resourceType": "Group", "id": "g"}),
    case(
        "The resource does not say about whom it is",
        _TEAM,
        asked={"resourceType": "Observation", "id": "o"},
    ),
    case("It is in the active care team", _TEAM, ground=Ground.TEAM),
    case(
        "Somebody acts for it in the active care team",
        team({"member": refer(("Practitioner", "fern")), "onBehalfOf": refer(SCHOOL)}),
        ground=Ground.TEAM,
    ),
    case(
        "It manages the active care team",
        team(managingOrganization=[refer(SCHOOL)]),
        ground=Ground.TEAM,
    ),
    case("It is in a care team that is over", team(SCHOOL, status="inactive")),
    case(
        "Its time in the care team ends today",
        team({"member": refer(SCHOOL), "period": {"end": DAY}}),
        ground=Ground.TEAM,
    ),
    case(
        "Its time in the care team ended yesterday",
        team({"member": refer(SCHOOL), "period": {"end": "2026-11-26"}}),
    ),
    case("The time of the care team begins tomorrow", team(SCHOOL, period={"start": "2026-11-28"})),
    case("It coordinates the active THRIVE plan", plan(), ground=Ground.PLAN),
    case("It coordinates a THRIVE plan that is on hold", plan(status="on-hold")),
    case("It coordinates the plan and is in the team", plan(), _TEAM, ground=Ground.PLAN),
    case("The young person permits it", consent("permit", to(SCHOOL)), ground=Ground.CONSENT),
    case("A parent permits it", consent("permit", to(SCHOOL), by=PARENT), ground=Ground.CONSENT),
    case(
        "A parent permitted it, and the young person is 16 by now",
        patient(born="2010-11-27"),
        consent("permit", to(SCHOOL), by=PARENT),
    ),
    case(
        "A parent permitted it, and the young person is 16 tomorrow",
        patient(born="2010-11-28"),
        consent("permit", to(SCHOOL), by=PARENT),
        ground=Ground.CONSENT,
    ),
    case("The permission was withdrawn", consent("permit", to(SCHOOL), status="inactive")),
    case("The permission is for another agency", consent("permit", to(CHARITY))),
    case("The permission is for schools", consent("permit", to_sector("school")), ground=Ground.CONSENT),
    case("The permission is for charities", consent("permit", to_sector("charity"))),
    case("The permission is for every agency", consent("permit", TO_ALL), ground=Ground.CONSENT),
    case(
        "The permission is for the care team that it is in",
        _TEAM,
        consent("permit", to(("CareTeam", "t")), **_R),
        asked=goal("R"),
        ground=Ground.CONSENT,
    ),
    case(
        "The permission is for a care team that it is not in",
        team(CHARITY),
        consent("permit", to(("CareTeam", "t"))),
    ),
    case(
        "The permission is for goals, and a goal is asked for",
        consent("permit", to(SCHOOL), **types("Goal")),
        ground=Ground.CONSENT,
    ),
    case(
        "The permission is for plans, and a goal is asked for",
        consent("permit", to(SCHOOL), **types("CarePlan")),
    ),
    case("The permission is for research", consent("permit", to(SCHOOL), **purposes("HRESCH"))),
    case(
        "The permission is for treatment",
        consent("permit", to(SCHOOL), **purposes("TREAT")),
        ground=Ground.CONSENT,
    ),
    case("The permission ended yesterday", consent("permit", to(SCHOOL), period={"end": "2026-11-26"})),
    case(
        "The young person denies it, and it is in the team",
        _TEAM,
        consent("deny", to(SCHOOL)),
    ),
    case(
        "The young person denies it, and it coordinates the plan",
        plan(),
        consent("deny", to(SCHOOL)),
    ),
    case(
        "The young person permits it and denies it",
        consent("permit", to(SCHOOL)),
        consent("deny", to(SCHOOL)),
    ),
    case(
        "The young person denies schools, and it is in the team", _TEAM, consent("deny", to_sector("school"))
    ),
    case("The young person denies everybody, and it is in the team", _TEAM, consent("deny")),
    case(
        "The young person denies another agency, and it is in the team",
        _TEAM,
        consent("deny", to(CHARITY)),
        ground=Ground.TEAM,
    ),
    case(
        "The young person denies scores, and a goal is asked for; it is in the team",
        _TEAM,
        consent("deny", to(SCHOOL), **types("Observation")),
        ground=Ground.TEAM,
    ),
    case("A parent denies it, and it is in the team", _TEAM, consent("deny", to(SCHOOL), by=PARENT)),
    case(
        "A parent denies it, the young person permits it",
        consent("deny", to(SCHOOL), by=PARENT),
        consent("permit", to(SCHOOL)),
        ground=Ground.CONSENT,
    ),
    case(
        "A parent permits it, the young person denies it",
        consent("permit", to(SCHOOL), by=PARENT),
        consent("deny", to(SCHOOL)),
    ),
    case(
        "A parent denied it, the young person is 16 by now, and it is in the team",
        patient(born="2010-11-27"),
        _TEAM,
        consent("deny", to(SCHOOL), by=PARENT),
        ground=Ground.TEAM,
    ),
    case("The resource is labelled R, and it is in the team", _TEAM, asked=goal("R")),
    case("The resource is labelled N, and it is in the team", _TEAM, asked=goal("N"), ground=Ground.TEAM),
    case("The resource is labelled R, and it is permitted", consent("permit", to(SCHOOL)), asked=goal("R")),
    case(
        "The resource is labelled R, and it is permitted with R",
        consent("permit", to(SCHOOL), **_R),
        asked=goal("R"),
        ground=Ground.CONSENT,
    ),
    case(
        "The resource is labelled R and V, and it is permitted with R",
        consent("permit", to(SCHOOL), **_R),
        asked=goal("R", "V"),
    ),
    case(
        "What is labelled R is denied; the resource has no label, and it is in the team",
        _TEAM,
        consent("deny", to(SCHOOL), **_R),
        ground=Ground.TEAM,
    ),
    case(
        "What is labelled R is denied, and it is permitted with R",
        consent("permit", to(SCHOOL), **_R),
        consent("deny", to(SCHOOL), **_R),
        asked=goal("R"),
    ),
    case(
        "It broke the glass two hours ago",
        broken_glass(SCHOOL, "2026-11-27T10:00:00Z", "2026-11-27T14:00:00Z"),
        ground=Ground.EMERGENCY,
    ),
    case(
        "It broke the glass, and that is over",
        broken_glass(SCHOOL, "2026-11-27T07:00:00Z", "2026-11-27T11:59:00Z"),
    ),
    case(
        "It broke the glass, and the young person denies it",
        broken_glass(SCHOOL, "2026-11-27T10:00:00Z", "2026-11-27T14:00:00Z"),
        consent("deny", to(SCHOOL)),
    ),
    case(
        "It broke the glass, and the resource is labelled R",
        broken_glass(SCHOOL, "2026-11-27T10:00:00Z", "2026-11-27T14:00:00Z"),
        asked=goal("R"),
    ),
)

_SHOWN = {
    Ground.NONE: "no",
    Ground.DIRECTORY: "yes: it is about nobody",
    Ground.AUTHOR: "yes, as its author",
    Ground.TEAM: "yes, by the team",
    Ground.PLAN: "yes, by the plan",
    Ground.CONSENT: "yes, by consent",
    Ground.EMERGENCY: "yes, in an emergency",
}


def table() -> str:
    """The cases as docs/sharing.md shows them."""
    lines = ["| the school asks, and | it sees it |", "|---|---|"]
    lines += [f"| {each.words} | {_SHOWN[each.ground]} |" for each in CASES]
    return "\n".join(lines)

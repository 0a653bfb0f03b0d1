"""The agencies around young people, area by area: trust, council, schools, charities, practices.

An area is the same whatever the seed, so that cohorts of several seeds can share a store.

Source: domain facts section 6.2 (`ods-organization-code` with z, schools `EE` and URN,
charities may have no ODS code). The codes here are well-formed and made up, away from the
ranges in use as far as we know: ODS codes begin with ZZT, ZZL or ZZP, URNs with 9.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import codes, names, services
from service.sandbox.draws import Draws

if TYPE_CHECKING:
    from service.sandbox.codes import CodeSet, Resource

# Young people to an area: enough for its thirty clinicians to have caseloads like real ones.
AREA_SIZE = 256

_HL7_ORGANIZATION_TYPE = f"{codes.HL7}/organization-type"
_STANDARD_TYPES = {
    "nhs-trust": ("prov", "Healthcare Provider"),
    "local-authority": ("govt", "Government"),
    "school": ("edu", "Educational Institute"),
    "charity": ("other", "Other"),
    "general-practice": ("prov", "Healthcare Provider"),
}


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What an area has one of: `sector`, how it is named, who works there, which forms it uses.

    `scale` is the top of its CollaboRATE scale, None where it does not use CollaboRATE.
    """

    key: str
    sector: str
    name: str
    staff: tuple[str, ...] = ()
    code_set: CodeSet = "goal-tool"
    scale: int | None = None
    services: tuple[tuple[str, str], ...] = ()


_TRUST_STAFF = (
    "Clinical psychologist", "Child and adolescent psychiatrist", "Children's wellbeing practitioner",
    "Mental health nurse", "Family therapist", "Psychotherapist", "Assistant psychologist",
    "Mental health nurse", "Occupational therapist", "Clinical psychologist", "Art therapist",
    "Children's wellbeing practitioner",
)  # fmt: skip

PATTERNS: tuple[_Pattern, ...] = (
    _Pattern(
        "trust", "nhs-trust", "{} Imaginary NHS Foundation Trust", _TRUST_STAFF, scale=9,
        services=(("getting-help", "Getting Help team"), ("more-help", "Getting More Help team")),
    ),
    _Pattern(
        "council", "local-authority", "{} Imaginary Council",
        ("Family support worker", "Early help practitioner", "Social worker", "Family support worker"), scale=4,
        services=(("early-help", "Early help for families"),),
    ),
    _Pattern("school-1", "school", "Custard Lane School, {}", ("School counsellor", "Mental health lead"), scale=4),
    _Pattern("school-2", "school", "Umbrella Hill School, {}", ("School counsellor", "Mental health lead"), scale=4),
    _Pattern("school-3", "school", "Jigsaw Road Academy, {}", ("School counsellor", "Mental health lead"), scale=4),
    _Pattern(
        "lighthouse", "charity", "The Paper Lighthouse, {}",
        ("Counsellor", "Youth worker", "Counsellor", "Youth worker"), code_set="progress-chart", scale=4,
        services=(("drop-in", "Friday drop-in"), ("counselling", "Counselling for ages 11 to 18")),
    ),
    _Pattern(
        "kite-club", "charity", "Kite Club, {}", ("Youth worker", "Group facilitator", "Youth worker"),
        services=(("making-group", "Making and mending group"), ("parents-circle", "Parents' circle")),
    ),
    _Pattern("practice-1", "general-practice", "Bobbin Street Surgery, {}"),
    _Pattern("practice-2", "general-practice", "Parsnip Green Surgery, {}"),
)  # fmt: skip


# Who has left each area's trust: whoever they coordinated for is to be given somebody else.
_LEFT = "trust-staff-12"


@dataclass(frozen=True, slots=True)
class Clinician:
    """Somebody who works with young people for one agency."""

    id: str
    role_id: str
    job: str
    given: str
    family: str
    reference: Resource

    @property
    def has_left(self) -> bool:
        """Whether they work there no longer."""
        return self.id.endswith(_LEFT)


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation that helps, refers or signposts."""

    id: str
    key: str
    sector: str
    name: str
    identifier: Resource
    reference: Resource
    location: Resource
    clinicians: tuple[Clinician, ...]
    services: tuple[tuple[str, str], ...]
    code_set: CodeSet
    scale: int | None

    @property
    def keeps_school_terms(self) -> bool:
        """Whether it closes in the school holidays."""
        return self.sector == "school"


@dataclass(frozen=True, slots=True)
class Area:
    """One place with all its agencies."""

    index: int
    name: str
    trust: Agency
    council: Agency
    schools: tuple[Agency, ...]
    charities: tuple[Agency, ...]
    practices: tuple[Agency, ...]

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """All of them, in a fixed order."""
        return (self.trust, self.council, *self.schools, *self.charities, *self.practices)

    @property
    def signposts(self) -> tuple[Resource, ...]:
        """References to the services that need no referral: the area's directory for signposting."""
        return tuple(
            codes.reference("HealthcareService", f"{agency.id}-{key}")
            for agency in self.charities
            for key, _ in agency.services
        )


def area(index: int) -> Area:
    """The index-th area, from 0."""
    place = names.area(index)
    draws = Draws("area", index)
    agencies = [_agency(pattern, index, place, draws) for pattern in PATTERNS]
    by_sector = {
        sector: tuple(agency for agency in agencies if agency.sector == sector) for sector in codes.SECTORS
    }
    return Area(
        index=index,
        name=place,
        trust=by_sector["nhs-trust"][0],
        council=by_sector["local-authority"][0],
        schools=by_sector["school"],
        charities=by_sector["charity"],
        practices=by_sector["general-practice"],
    )


def _agency(pattern: _Pattern, index: int, place: str, draws: Draws) -> Agency:
    id_ = f"area-{index + 1}-{pattern.key}"
    return Agency(
        id=id_,
        key=pattern.key,
        sector=pattern.sector,
        name=pattern.name.format(place),
        identifier=_identifier(pattern, index),
        reference=codes.reference("Organization", id_),
        location=codes.reference("Location", id_),
        clinicians=tuple(_clinician(id_, number, job, draws) for number, job in enumerate(pattern.staff, 1)),
        services=pattern.services,
        code_set=pattern.code_set,
        scale=pattern.scale,
    )


def _identifier(pattern: _Pattern, index: int) -> Resource:
    """The organisation's code: ODS for the NHS and councils, `EE` and URN for schools, ours for charities."""
    match pattern.sector:
        case "nhs-trust":
            return {"system": codes.ODS_CODE, "value": f"ZZT{index:04d}"}
        case "local-authority":
            return {"system": codes.ODS_CODE, "value": f"ZZL{index:04d}"}
        case "general-practice":
            return {"system": codes.ODS_CODE, "value": f"ZZP{index:04d}{pattern.key[-1]}"}
        case "school":
            return {"system": codes.ODS_CODE, "value": f"EE9{index:04d}{pattern.key[-1]}"}
        case _:
            return {
                "system": f"{codes.OURS}/Id/voluntary-organisation",
                "value": f"{pattern.key}-{index + 1}",
            }


def _clinician(agency_id: str, number: int, job: str, draws: Draws) -> Clinician:
    id_ = f"{agency_id}-staff-{number}"
    return Clinician(
        id=id_,
        role_id=f"{id_}-role",
        job=job,
        given=names.given(draws),
        family=names.family(draws),
        reference=codes.reference("Practitioner", id_),
    )


def resources(place: Area) -> list[Resource]:
    """Everything that stands in an area before its first young person comes."""
    found: list[Resource] = []
    for agency in place.agencies:
        found.append(_organization(agency))
        found.append(_location(agency, place))
        found.extend(services.service(agency, place, key, name) for key, name in agency.services)
        for clinician in agency.clinicians:
            found.append(_practitioner(agency, clinician))
            found.append(_practitioner_role(agency, clinician))
    return [*found, _leaflet(place), _subscription(place), _definitional_group(place)]


def _organization(agency: Agency) -> Resource:
    code, display = _STANDARD_TYPES[agency.sector]
    return {
        "resourceType": "Organization",
        "id": agency.id,
        "meta": {"profile": [codes.profile("thrive-organization")], "tag": codes.TEST_DATA},
        "identifier": [agency.identifier],
        "active": True,
        "type": [
            {"coding": [codes.SECTORS[agency.sector], codes.coding(_HL7_ORGANIZATION_TYPE, code, display)]}
        ],
        "name": agency.name,
        "telecom": [{"system": "email", "value": f"office@{agency.id}.example.org", "use": "work"}],
    }


def _location(agency: Agency, place: Area) -> Resource:
    return {
        "resourceType": "Location",
        "id": agency.id,
        "meta": {"tag": codes.TEST_DATA},
        "status": "active",
        "name": f"{agency.name} (main building)",
        "mode": "instance",
        "address": {"city": place.name, "postalCode": names.PSEUDO_POSTCODE},
        "managingOrganization": agency.reference,
    }


def _practitioner(agency: Agency, clinician: Clinician) -> Resource:
    is_nhs = agency.sector == "nhs-trust"
    return {
        "resourceType": "Practitioner",
        "id": clinician.id,
        "meta": {"tag": codes.TEST_DATA},
        "identifier": [
            {
                "system": codes.SDS_USER if is_nhs else f"{codes.OURS}/Id/staff",
                "value": _user_number(clinician) if is_nhs else clinician.id,
            }
        ],
        "active": not clinician.has_left,
        "name": [{"use": "official", "family": clinician.family, "given": [clinician.given]}],
    }


def _user_number(clinician: Clinician) -> str:
    """A twelve-digit user number, the length SDS uses, from the digits of the staff id."""
    digits = "".join(part.zfill(4) for part in clinician.id.split("-") if part.isdigit())
    return f"9999{digits}"


def _practitioner_role(agency: Agency, clinician: Clinician) -> Resource:
    role: Resource = {
        "resourceType": "PractitionerRole",
        "id": clinician.role_id,
        "meta": {"tag": codes.TEST_DATA},
        "active": not clinician.has_left,
        "practitioner": clinician.reference,
        "organization": agency.reference,
        "code": [{"text": clinician.job}],
        "location": [agency.location],
        "telecom": [{"system": "email", "value": f"{clinician.id}@example.org", "use": "work"}],
    }
    if agency.services:
        key, _ = agency.services[int(clinician.id[-1]) % len(agency.services)]
        role["healthcareService"] = [codes.reference("HealthcareService", f"{agency.id}-{key}")]
    return role


_LEAFLET = b64encode(b"The services near you, and how to turn up. Invented for the sandbox.").decode()


def _leaflet(place: Area) -> Resource:
    """The directory's leaflet, a text file."""
    return {
        "resourceType": "Binary",
        "id": f"area-{place.index + 1}-leaflet",
        "contentType": "text/plain",
        "data": _LEAFLET,
    }


def _subscription(place: Area) -> Resource:
    """The trust's wish to hear of plans; off, so that no sandbox rings anybody."""
    return {
        "resourceType": "Subscription",
        "id": f"area-{place.index + 1}-plans",
        "status": "off",
        "reason": "Tell the trust's record system when a plan begins or ends",
        "criteria": "CarePlan?status=active",
        "channel": {
            "type": "rest-hook",
            "endpoint": f"https://{place.trust.id}.example.org/fhir-notifications",
            "payload": "application/fhir+json",
        },
    }


def _definitional_group(place: Area) -> Resource:
    """Whom the area's counselling is for: a description without members."""
    return {
        "resourceType": "Group",
        "id": f"area-{place.index + 1}-counselling",
        "active": True,
        "type": "person",
        "actual": False,
        "name": f"Young people who are getting help in {place.name}",
        "managingEntity": place.trust.reference,
        "characteristic": [
            {
                "code": codes.GROUPING_DECISION,
                "valueCodeableConcept": codes.GROUPINGS["getting-help"],
                "exclude": False,
            }
        ],
    }

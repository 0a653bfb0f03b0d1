"""Young people and those who care for them.

Source: UK Core Patient 2.6.1 and RelatedPerson 2.5.0 (identifier slices and extensions,
domain facts section 6.2); PDS for `meta.security` R, which withholds address, telecom and
general practitioner, because they tell where somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from service.sandbox import codes, names

if TYPE_CHECKING:
    from service.sandbox.agencies import Agency, Area
    from service.sandbox.codes import Resource
    from service.sandbox.draws import Draws

DAYS_PER_YEAR = 365.25

# Below this age a carer answers most forms; goal-based outcomes are used from about 10 upward,
# and with help from a little earlier (domain facts section 1).
ANSWERS_ALONE_FROM = 9
# From about here a young person is usually asked for their own consent (Gillick, decision by decision).
CONSENTS_FROM = 13
OWN_PHONE_FROM = 12

_AGES = ((0.06, (5, 6)), (0.17, (7, 9)), (0.25, (10, 12)), (0.32, (13, 15)), (0.20, (16, 18)))
_TOLD_AGES = (12, 15)
_GENDERS = ((0.53, "female"), (0.42, "male"), (0.03, "other"), (0.02, "unknown"))
_ETHNICITIES = (
    (0.58, "A"), (0.01, "B"), (0.05, "C"), (0.02, "D"), (0.01, "E"), (0.02, "F"), (0.02, "G"), (0.04, "H"),
    (0.05, "J"), (0.02, "K"), (0.02, "L"), (0.02, "M"), (0.05, "N"), (0.01, "P"), (0.01, "R"), (0.02, "S"),
    (0.03, "Z"), (0.02, "99"),
)  # fmt: skip
_VERIFICATION = (
    (0.95, ("01", "Number present and verified")),
    (0.04, ("02", "Number present but not traced")),
    (0.01, ("05", "Trace needs to be resolved - (NHS number or patient detail conflict)")),
)
_RELATIONSHIPS = (
    (0.60, ("MTH", "mother", "female")),
    (0.22, ("FTH", "father", "male")),
    (0.06, ("GRMTH", "grandmother", "female")),
    (0.07, ("PRNFOST", "foster parent", "unknown")),
    (0.05, ("GUARD", "guardian", "unknown")),
)
_NO_NUMBER_SHARE = 0.03
_RESTRICTED_SHARE = 0.015
_SECOND_CARER_SHARE = 0.3

_ETHNIC_EXTENSIONS = {
    code: [{"url": codes.ETHNIC_CATEGORY, "valueCodeableConcept": codes.concept(codes.ETHNIC_CODES, code)}]
    for _, code in _ETHNICITIES
}


@dataclass(frozen=True, slots=True)
class Carer:
    """A parent or other carer."""

    id: str
    relationship: tuple[str, str, str]
    given: str
    family: str
    reference: Resource


@dataclass(frozen=True, slots=True)
class YoungPerson:
    """Whom everything is about. `key` begins the id of every resource of theirs.

    `birth` is the ordinal of the birthday; `age` whole years at referral.
    """

    key: str
    seed: int
    index: int
    birth: int
    age: int
    gender: str
    given: str
    family: str
    restricted: bool
    carers: tuple[Carer, ...]
    school: Agency
    practice: Agency
    reference: Resource

    @property
    def answers_alone(self) -> bool:
        """Whether the young person fills in forms without a carer."""
        return self.age >= ANSWERS_ALONE_FROM


def young_person(
    draws: Draws, seed: int, index: int, area: Area, referred: int, *, told: bool
) -> YoungPerson:
    """The index-th young person, born so long before the referral as their age wants.

    Those whose story is told in advance are old enough to speak for themselves.
    """
    key = f"yp-{seed}-{index:06d}"
    low, high = draws.weighted(_AGES)
    if told:
        low, high = _TOLD_AGES
    age = draws.between(low, high)
    family = names.family(draws)
    birth = date.fromordinal(referred - int(age * DAYS_PER_YEAR) - draws.between(10, 350))
    return YoungPerson(
        key=key,
        seed=seed,
        index=index,
        birth=birth.toordinal(),
        age=age,
        gender=draws.weighted(_GENDERS),
        given=names.given(draws),
        family=family,
        restricted=draws.happens(_RESTRICTED_SHARE),
        carers=_carers(draws, key, family),
        school=draws.pick(area.schools),
        practice=draws.pick(area.practices),
        reference=codes.reference("Patient", key),
    )


def _carers(draws: Draws, key: str, family: str) -> tuple[Carer, ...]:
    count = 2 if draws.happens(_SECOND_CARER_SHARE) else 1
    return tuple(
        Carer(
            id=f"{key}-carer-{number}",
            relationship=draws.weighted(_RELATIONSHIPS),
            given=names.given(draws),
            family=family if draws.happens(0.7) else names.family(draws),
            reference=codes.reference("RelatedPerson", f"{key}-carer-{number}"),
        )
        for number in range(1, count + 1)
    )


def resources(draws: Draws, person: YoungPerson, area: Area, agency: Agency) -> list[Resource]:
    """The Patient, kept by the agency that first took them on, and their RelatedPersons."""
    return [
        _patient(draws, person, area, agency),
        *(_related_person(draws, person, carer) for carer in person.carers),
    ]


def _patient(draws: Draws, person: YoungPerson, area: Area, agency: Agency) -> Resource:
    meta: Resource = {"profile": [codes.profile("thrive-patient")], "tag": codes.TEST_DATA}
    patient: Resource = {
        "resourceType": "Patient",
        "id": person.key,
        "meta": meta,
        "extension": list(_ETHNIC_EXTENSIONS[draws.weighted(_ETHNICITIES)]),
        "identifier": [{"system": f"{codes.OURS}/Id/sandbox-person", "value": person.key}],
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "gender": person.gender,
        "birthDate": date.fromordinal(person.birth).isoformat(),
        "managingOrganization": agency.reference,
    }
    if draws.happens(_NO_NUMBER_SHARE):
        patient["extension"].append(_NUMBER_NOT_KNOWN)
    else:
        patient["identifier"].insert(0, _nhs_number(draws, person))
    if person.restricted:
        meta["security"] = codes.RESTRICTED
        return patient
    if person.age >= OWN_PHONE_FROM:
        patient["telecom"] = [{"system": "phone", "value": names.phone(draws), "use": "mobile"}]
    patient["generalPractitioner"] = [person.practice.reference]
    patient["address"] = [
        {
            "use": "home",
            "line": [f"{draws.between(1, 199)} {draws.pick(names.STREETS)}"],
            "city": area.name,
            "postalCode": names.PSEUDO_POSTCODE,
        }
    ]
    return patient


_NUMBER_NOT_KNOWN: Resource = {
    "url": codes.UNAVAILABLE_REASON,
    "valueCodeableConcept": codes.concept(
        codes.UNAVAILABLE_CODES, "nhs-number-not-known", "NHS number not known"
    ),
}


def _nhs_number(draws: Draws, person: YoungPerson) -> Resource:
    code, display = draws.weighted(_VERIFICATION)
    return {
        "extension": [
            {
                "url": codes.VERIFICATION_STATUS,
                "valueCodeableConcept": codes.concept(codes.VERIFICATION_CODES, code, display),
            }
        ],
        "system": codes.NHS_NUMBER,
        "value": names.nhs_number(person.seed, person.index - 1),
    }


def _related_person(draws: Draws, person: YoungPerson, carer: Carer) -> Resource:
    code, display, gender = carer.relationship
    related: Resource = {
        "resourceType": "RelatedPerson",
        "id": carer.id,
        "meta": {"tag": codes.TEST_DATA},
        "active": True,
        "patient": person.reference,
        "relationship": [codes.concept(f"{codes.HL7}/v3-RoleCode", code, display)],
        "name": [{"use": "official", "family": carer.family, "given": [carer.given]}],
        "gender": gender,
    }
    if not person.restricted:
        related["telecom"] = [{"system": "phone", "value": names.phone(draws), "use": "mobile"}]
    return related

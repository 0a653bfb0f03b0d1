"""The area's directory of services: what each is for, for which ages, and how one comes to it.

Source: R4 HealthcareService; profile thrive-service; domain facts section 5 (Getting Advice and
Signposting, the Youth Wellbeing Directory)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import codes

if TYPE_CHECKING:
    from service.sandbox.agencies import Agency, Area
    from service.sandbox.codes import Resource

_ACCESS_CODES = codes.ours("CodeSystem", "service-access")
_ACCESS = {
    code: codes.concept(_ACCESS_CODES, code, display)
    for code, display in (
        ("drop-in", "Drop in"),
        ("self-referral", "Ask yourself"),
        ("referral", "By referral"),
    )
}


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the directory says of a service; ages in years, both included, None where it is not for them."""

    access: tuple[str, ...]
    groupings: tuple[str, ...]
    ages: tuple[int, int] | None


_OFFERS = {
    "getting-help": _Offer(("referral", "self-referral"), ("getting-help",), (5, 17)),
    "more-help": _Offer(("referral",), ("getting-more-help", "getting-risk-support"), (5, 17)),
    "early-help": _Offer(
        ("referral", "self-referral"), ("getting-advice-signposting", "getting-help"), (0, 18)
    ),
    "drop-in": _Offer(("drop-in",), ("thriving", "getting-advice-signposting"), (11, 18)),
    "counselling": _Offer(("self-referral",), ("getting-advice-signposting", "getting-help"), (11, 18)),
    "making-group": _Offer(("drop-in", "self-referral"), ("thriving", "getting-advice-signposting"), (8, 16)),
    "parents-circle": _Offer(("self-referral",), ("getting-advice-signposting",), None),
}


def service(agency: Agency, place: Area, key: str, name: str) -> Resource:
    """A service of the agency, as the directory of the area has it."""
    id_ = f"{agency.id}-{key}"
    offer = _OFFERS[key]
    ages = [] if offer.ages is None else [_ages(*offer.ages)]
    return {
        "resourceType": "HealthcareService",
        "id": id_,
        "meta": {"profile": [codes.profile("thrive-service")], "tag": codes.TEST_DATA},
        **({"extension": ages} if ages else {}),
        "active": True,
        "providedBy": agency.reference,
        "type": [{"text": name}],
        "location": [agency.location],
        "name": f"{name}, {place.name}",
        "comment": "No referral needed." if agency.sector == "charity" else "By referral.",
        "telecom": [{"system": "email", "value": f"{key}@{agency.id}.example.org", "use": "work"}],
        "coverageArea": [agency.location],
        "program": [codes.GROUPINGS[code] for code in offer.groupings],
        "characteristic": [_ACCESS[code] for code in offer.access],
        "appointmentRequired": agency.sector != "charity",
        "availableTime": [
            {
                "daysOfWeek": ["mon", "tue", "wed", "thu", "fri"],
                "availableStartTime": "09:00:00",
                "availableEndTime": "17:30:00",
            }
        ],
    }


def _ages(low: int, high: int) -> Resource:
    return {
        "url": codes.profile("service-ages"),
        "valueRange": {"low": _years(low), "high": _years(high)},
    }


def _years(number: int) -> Resource:
    return {"value": number, "unit": "years", "system": codes.UCUM, "code": "a"}

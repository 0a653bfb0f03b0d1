"""Which conditions leave few resources however many there are: told from the condition alone.

What belongs to one young person, one goal, one session stays small while the store grows.
What is one for a whole service (an organisation, a questionnaire) does not: a hub.

Source: ADR 0013
"""

from __future__ import annotations

import re
from functools import lru_cache

from service.fhir.registry import Registry
from service.fhir.search.expressions import Prefix

# Types that very many resources refer to.
HUBS = frozenset(
    {
        "Organization",
        "Location",
        "Practitioner",
        "PractitionerRole",
        "HealthcareService",
        "Questionnaire",
        "Measure",
    }
)
# Types whose whole record refers to them; what refers to any other type is fewer.
_PERSONS = frozenset({"Patient", "RelatedPerson", "Group"})
# Parameters that lead to a young person although others may stand there too.
_OF_PERSONS = frozenset({"subject", "patient"})

# How narrow, the narrowest first.
IDENTIFIED, OF_AN_EVENT, OF_A_PERSON = range(3)

# How long a range of dates is. A day leaves few in most stores, a month fewer than what is looked
# at to find some of it in the order of resource keys. `ap` reaches a tenth of the distance to now to
# both sides: where it does not reach far it asks for what is recent.
DAY, MONTH, LONGER, RECENT = range(4)
_HOUR = 3_600_000_000  # microseconds
_LONGEST_DAY = 25 * _HOUR
_LONGEST_MONTH = (31 * 24 + 1) * _HOUR
_LONGEST_RECENT = 75 * 24 * _HOUR  # of what was a year ago


def of_dates(prefix: Prefix, low: int, high: int) -> int:
    """How long the time is in which what is searched for must begin: microseconds [low, high)."""
    if prefix == "ap" and high - low <= _LONGEST_RECENT:
        return RECENT
    if prefix != "eq" or high - low > _LONGEST_MONTH:
        return LONGER
    return DAY if high - low <= _LONGEST_DAY else MONTH


_PATH = re.compile(r"\(?([\w.]+)(?: as \w+\))?")


@lru_cache(maxsize=4_096)  # as many as there are search parameters, and some of a deployer's own
def is_single(registry: Registry, type_: str, code: str) -> bool:
    """Whether a resource of the type has one element at most that the parameter reads."""
    path = _PATH.fullmatch(registry.search_parameters(type_)[code].expression)
    if path is None:
        return False
    types: tuple[str, ...] = (type_,)
    for step in path[1].split(".")[1:]:
        element = registry.definition(types[0]).elements.get(step)
        if element is None or element.maximum != 1:
            return False
        types = element.types
    return True


def is_hub(type_: str) -> bool:
    """Whether very many resources may refer to one resource of the type; "" is any URL."""
    return type_ == "" or type_ in HUBS


def of_token(parameter: str) -> int | None:
    """How narrow a token with a code is; None where that is not known."""
    identifies = parameter.partition(":")[0] == "identifier" or parameter.endswith(":identifier")
    return IDENTIFIED if identifies else None


def of_reference(registry: Registry, type_: str, parameter: str, target: str | None) -> int | None:
    """How narrow a reference by the parameter of the type is; None where that is not known."""
    if target is None:
        if parameter in _OF_PERSONS:
            return OF_A_PERSON
        known = registry.search_parameters(type_).get(parameter)
        targets = frozenset(known.targets if known is not None else ())
        return OF_A_PERSON if targets and not targets & HUBS else None
    if is_hub(target):
        return None
    return OF_A_PERSON if target in _PERSONS else OF_AN_EVENT

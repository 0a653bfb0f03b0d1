"""The young people of a store of any size: the sandbox's cohort under ids that can be cloned by SQL.

Every id is a UUID whose first eight digits are PREFIX, and every identifier's value begins with
them: who replaces the prefix wherever it stands has other young people with records of their own.
What happened on one day of one record is a session; sessions are stored in the order of their
days, as a service would have stored them.

Source: docs/sandbox.md; docs/performance.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from service.sandbox.cohort import cohort

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

# No UUID of version 7 of our time begins so, and no text of the cohort contains it.
PREFIX = "c0000000"
CLONES = 16**7  # prefixes that there are
# Young people whose records make about 100,000 resources.
PATIENTS = 1_600
SEED = 1
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
READER = "search-reader"
"""The agency (Organization id) that reads along in every record; all clones share it, for it has no prefix."""

_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BEFORE_ALL = "2000-01-01"  # agencies are there before anybody is referred to them


@dataclass(frozen=True, slots=True)
class Session:
    """What was written on one day in one record. `day` is YYYY-MM-DD."""

    day: str
    resources: tuple[Json, ...]


def read_along(sessions: list[Session]) -> list[Session]:
    """Return the sessions, with READER in a care team of each young person from their first day on.

    Whoever searches for READER sees all young people because of that team, rather than as an author.
    """
    return [Session(one.day, (*one.resources, *_teams(one))) for one in sessions]


def _teams(session: Session) -> Iterator[Json]:
    for one in session.resources:
        if one["resourceType"] == "Patient":
            participant = {
                "role": [{"text": "Reads along"}],
                "member": {"reference": f"Organization/{READER}"},
            }
            yield {
                "resourceType": "CareTeam",
                "id": uuid(f"{one['id']}-{READER}"),
                "status": "active",
                "subject": {"reference": f"Patient/{one['id']}"},
                "period": {"start": session.day},
                "participant": [participant],
            }


def prefix(clone: int) -> str:
    """Return the first eight digits of the clone's ids; clone 0 is the cohort itself. Raises ValueError."""
    if not 0 <= clone < CLONES:
        raise ValueError(f"no such clone: {clone}")
    return f"c{clone:07x}"


def uuid(id_: str, clone: int = 0) -> str:
    """Return the id that the sandbox's `id_` has in the clone."""
    digits = blake2b(id_.encode(), digest_size=12).hexdigest()
    return f"{prefix(clone)}-{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"


def identifier(value: str, clone: int = 0) -> str:
    """Return the value that the sandbox's identifier has in the clone."""
    return f"{prefix(clone)}-{value}"


def renamed(resource: Json) -> Json:
    """Return a copy with our ids, references and identifiers, and without an NHS number.

    NHS numbers are left out because a clone would need another one with a check digit.
    """
    copy = _copied(resource)
    copy["id"] = uuid(resource["id"])
    return copy


def _copied(value: Json) -> Json:
    return {name: _value(name, one) for name, one in value.items()}


def _value(name: str, value: Any) -> Any:
    if name == "reference" and isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
        return f"{found[1]}/{uuid(found[2])}"
    if name == "identifier":
        return _identifiers(value)
    if isinstance(value, dict):
        return _copied(value)
    if isinstance(value, list):
        return [_value(name, one) for one in value]
    return value


def _identifiers(value: Any) -> Any:
    if isinstance(value, list):
        return [_identifiers(one) for one in value if one.get("system") != NHS_NUMBER]
    return {**_copied(value), "value": identifier(value["value"])}


def day(resource: Json) -> str | None:
    """Return the earliest day that stands at the resource's top level, None where there is none."""
    found = [text for name, value in resource.items() if name != "birthDate" for text in _texts(value)]
    return min((text[:10] for text in found if _DATE.match(text)), default=None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = value.get("start")
    if isinstance(value, str):
        yield value


def sessions(patients: int = PATIENTS, seed: int = SEED) -> list[Session]:
    """Return the cohort's sessions in the order of their days."""
    made = []
    for batch in cohort(patients, seed):
        by_day: dict[str, list[Json]] = {}
        own = [one for one in map(day, batch) if one]
        is_record = batch[0]["resourceType"] == "Patient"
        first = min(own, default=_BEFORE_ALL) if is_record else _BEFORE_ALL
        for resource in batch:
            at = (day(resource) or first) if is_record else first
            by_day.setdefault(at, []).append(renamed(resource))
        made += [Session(at, tuple(resources)) for at, resources in by_day.items()]
    return sorted(made, key=lambda session: session.day)

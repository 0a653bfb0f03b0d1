"""What the clients meet: three agencies, a young person whom two of them help, and one whom only the first knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from benchmarks import resources
from benchmarks.resources import Circle
from tests.clients.vendor import PATIENCE, Vendor

SCORES = 25  # more than one page
EVERYTHING = "system/*.cruds"


@dataclass
class Person:
    """A young person and what stands in their record, as literal references."""

    patient: str
    goal: str
    encounter: str
    scores: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.patient.partition("/")[2]


@dataclass
class World:
    """`trust` wrote all of it; `school` is in the team of `shared`; `charity` knows nobody."""

    base_url: str
    database_url: str
    folder: Path
    administrator: Vendor
    trust: Vendor
    school: Vendor
    charity: Vendor
    shared: Person
    hidden: Person

    def ask(self, vendor: Vendor, method: str, path: str, **given: Any) -> httpx.Response:
        """One request of the vendor's."""
        return asked(self.base_url, vendor, method, path, **given)


def asked(base_url: str, vendor: Vendor, method: str, path: str, **given: Any) -> httpx.Response:
    """One request of the vendor's."""
    headers = {**vendor.headers(base_url), **given.pop("headers", {})}
    return httpx.request(method, f"{base_url}/{path}", headers=headers, timeout=PATIENCE, **given)


def created(base_url: str, vendor: Vendor, resource: dict[str, Any]) -> str:
    """The literal reference of the resource that the vendor's agency stored."""
    body = resources.encode(resource).replace(resources.SERIAL_BYTES, _serial().encode())
    head = {"Content-Type": "application/fhir+json"}
    answer = asked(base_url, vendor, "POST", resource["resourceType"], content=body, headers=head)
    assert answer.status_code == 201, answer.text
    return f"{resource['resourceType']}/{answer.json()['id']}"


_SERIALS = iter(range(1, 10**6))


def _serial() -> str:
    return f"client-{next(_SERIALS):05d}"


def person(base_url: str, author: Vendor, with_them: str | None, scores: int) -> Person:
    """A young person of the author's; `with_them` is the id of an agency that helps as well."""
    random = Random(0)
    organization = f"Organization/{author.agency}"
    practitioner = created(base_url, author, resources.practitioner())
    patient = created(base_url, author, resources.patient(random, organization))
    around = Circle(patient, practitioner, organization, "", "")
    if with_them is not None:
        created(base_url, author, resources.care_team(around, with_them))
    encounter = created(base_url, author, resources.encounter(around))
    goal = created(base_url, author, resources.goal(random, around, slot=1))
    around = Circle(patient, practitioner, organization, encounter, goal)
    made = [created(base_url, author, resources.score(random, around)) for _ in range(scores)]
    return Person(patient, goal, encounter, made)


def world(base_url: str, database_url: str, folder: Path) -> World:
    """Everything, made by the means that an operator and vendors have."""

    def vendor(name: str, agency: str, *flags: str, kind: str = "P-384") -> Vendor:
        new = Vendor(name, agency, EVERYTHING, folder, kind)
        new.register(database_url, *flags, BASE_URL=base_url)
        return new

    administrator = vendor("administrator", "operator", "--administrator")
    agencies = [
        created(base_url, administrator, resources.organization()).partition("/")[2] for _ in range(3)
    ]
    trust = vendor("trust", agencies[0])
    school = vendor("school", agencies[1], kind="RSA")
    charity = vendor("charity", agencies[2])
    return World(
        base_url,
        database_url,
        folder,
        administrator,
        trust,
        school,
        charity,
        shared=person(base_url, trust, school.agency, SCORES),
        hidden=person(base_url, trust, None, 3),
    )

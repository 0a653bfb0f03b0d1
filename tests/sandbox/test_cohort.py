from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.fhir.codec import decode, encode
from service.sandbox.cohort import MOST_PATIENTS, cohort
from service.sandbox.dates import ANCHOR
from service.sandbox.names import nhs_number
from tests.sandbox.conftest import PATIENTS, SEED, Cohort, references

ROOT = Path(__file__).parents[2]
SERVED = {
    "Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization", "CareTeam", "HealthcareService",
    "Location", "Encounter", "EpisodeOfCare", "ServiceRequest", "Task", "Consent",
    "QuestionnaireResponse", "Group", "Flag", "Communication", "Provenance", "List", "Measure", "MeasureReport",
    "Subscription", "Binary", "Goal", "Observation", "CarePlan",
}  # fmt: skip
HASH = """
import hashlib
from service.fhir.codec import encode
from service.sandbox.cohort import cohort
print(hashlib.sha256(b"".join(encode(resource) for batch in cohort(60, 7) for resource in batch)).hexdigest())
"""


def test_every_type_that_the_service_serves_occurs(made: Cohort):
    assert {resource["resourceType"] for resource in made.resources} == SERVED


def test_every_type_occurs_among_the_first_few():
    assert {resource["resourceType"] for batch in cohort(16, 1) for resource in batch} == SERVED


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed():
    def hashed(hash_seed: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", HASH],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        )
        return run.stdout.strip()

    here = hashlib.sha256(
        b"".join(encode(resource) for batch in cohort(60, 7) for resource in batch)
    ).hexdigest()
    assert hashed("0") == hashed("4242") == here


def test_another_seed_gives_other_people():
    def names(seed: int) -> list[dict[str, str]]:
        return [batch[0]["name"] for batch in cohort(20, seed) if batch[0]["resourceType"] == "Patient"]

    assert names(1) != names(2)


def test_agencies_are_the_same_for_every_seed():
    assert next(iter(cohort(1, 1))) == next(iter(cohort(1, 2)))


def test_a_larger_cohort_begins_with_the_smaller_one(made: Cohort):
    smaller = [encode(batch) for batch in cohort(40, SEED)]
    assert [encode(batch) for batch in made.batches[: len(smaller)]] == smaller


def test_there_are_as_many_young_people_as_asked_for(made: Cohort):
    assert len(made.people) == PATIENTS
    assert len(list(cohort(0, 1))) == 1


@pytest.mark.parametrize("seed", [-1, 10**9 + 1])
def test_a_seed_that_would_not_fit_the_ids_is_refused(seed: int):
    with pytest.raises(ValueError, match="seed"):
        next(cohort(1, seed))


@pytest.mark.parametrize("patients", [-1, 900_001])
def test_more_young_people_than_test_numbers_are_refused(patients: int):
    with pytest.raises(ValueError, match="young people"):
        next(cohort(patients, 1))


def test_the_last_young_person_there_can_be_has_a_number_too():
    assert re.fullmatch(r"999\d{7}", nhs_number(1, MOST_PATIENTS - 1))


def test_ids_fit_fhir_and_are_given_once(made: Cohort):
    given = Counter((resource["resourceType"], resource["id"]) for resource in made.resources)
    assert max(given.values()) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", id_) for _, id_ in given)


def test_ids_fit_fhir_for_the_largest_seed_too():
    longest = max(len(resource["id"]) for batch in cohort(60, 10**9) for resource in batch)
    assert longest <= 64


def test_references_point_backwards(made: Cohort):
    seen: set[str] = set()
    ahead = []
    for resource in made.resources:
        ahead.extend((resource["id"], found) for found in references(resource) if found not in seen)
        seen.add(f"{resource['resourceType']}/{resource['id']}")
    assert ahead == []


def test_a_young_persons_record_has_forty_to_seventy_resources_on_average(made: Cohort):
    assert 40 <= sum(len(person) for person in made.people) / PATIENTS <= 70


def test_nothing_carries_what_the_server_gives(made: Cohort):
    assert not any(
        {"versionId", "lastUpdated"} & resource.get("meta", {}).keys() for resource in made.resources
    )


PLANNED = re.compile(rb'"(?:dueDate|valueDate)":"[0-9-]+"')


def what_happened(resource: dict[str, Any]) -> bytes:
    """The resource without what is planned: due days, reviews, the end of an episode that goes on."""
    if resource["resourceType"] == "EpisodeOfCare" and resource["status"] == "active":
        resource = resource | {"period": {"start": resource["period"]["start"]}}
    return PLANNED.sub(b"", encode(resource))


def test_nothing_but_plans_lies_after_the_anchor(made: Cohort):
    for resource in made.resources:
        found = re.findall(rb'"(\d{4}-\d\d-\d\d)[T"]', what_happened(resource))
        assert all(day.decode() <= ANCHOR.isoformat() for day in found), resource["id"]


def test_the_anchor_moves_everything():
    later = date(2027, 7, 1)
    newest = max(
        episode["period"]["start"]
        for batch in cohort(60, 1, anchor=later)
        for episode in batch
        if episode["resourceType"] == "EpisodeOfCare"
    )
    assert "2027-01" < newest <= later.isoformat()


def test_no_element_is_empty(made: Cohort):
    def check(value: object, where: str) -> None:
        match value:
            case dict():
                assert value, where
                for inner in value.values():
                    check(inner, where)
            case list():
                assert value, where
                for inner in value:
                    check(inner, where)
            case str():
                assert value.strip() == value != "", where
            case None:
                pytest.fail(f"null in {where}")

    for resource in made.resources:
        check(resource, resource["id"])


def test_everything_survives_the_codec(made: Cohort):
    for resource in made.resources:
        assert decode(encode(resource)) == resource

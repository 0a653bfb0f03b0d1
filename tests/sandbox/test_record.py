from __future__ import annotations

from service.fhir.codec import encode
from service.sandbox import agencies
from service.sandbox.dates import Calendar
from service.sandbox.record import record
from tests.sandbox.conftest import SEED, Cohort


def test_a_record_depends_on_seed_and_index_alone(made: Cohort, days: Calendar):
    later = record(SEED, 60, agencies.area(0), days)
    assert encode(later) == encode(made.people[59])
    assert encode(record(SEED + 1, 60, agencies.area(0), days)) != encode(later)


def test_a_record_begins_with_the_patient(made: Cohort):
    assert all(person[0]["resourceType"] == "Patient" for person in made.people)


def test_making_a_record_leaves_what_is_shared_alone(days: Calendar):
    first = encode(record(SEED, 6, agencies.area(0), days))
    for index in range(1, 40):
        record(SEED, index, agencies.area(0), days)
    assert encode(record(SEED, 6, agencies.area(0), days)) == first

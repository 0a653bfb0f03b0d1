import re

import pytest

from benchmarks import population
from benchmarks.population import NHS_NUMBER, PREFIX
from service.fhir import codec
from service.sandbox.cohort import cohort
from tests.benchmarks.conftest import PATIENTS

UUID = re.compile(rf"{PREFIX}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}")
REFERENCE = re.compile(rb'"reference":"([A-Za-z]+/[^"]+)"')


@pytest.fixture(scope="module")
def sessions():
    return population.sessions(PATIENTS)


def resources(sessions):
    return [one for session in sessions for one in session.resources]


def test_every_id_and_reference_begins_with_the_prefix_and_leads_to_something(sessions):
    ids = {f"{one['resourceType']}/{one['id']}" for one in resources(sessions)}
    assert all(UUID.fullmatch(one.partition("/")[2]) for one in ids)
    found = {
        reference.decode()
        for one in resources(sessions)
        for reference in REFERENCE.findall(codec.encode(one))
    }
    assert len(found) > 100
    assert found <= ids


def test_nothing_but_the_ids_is_other_than_in_the_cohort(sessions):
    given = [one for batch in cohort(PATIENTS, population.SEED) for one in batch]
    assert len(given) == len(resources(sessions))
    made = {(one["resourceType"], one["id"]): one for one in resources(sessions)}
    for one in given:
        copy = made[one["resourceType"], population.uuid(one["id"])]
        assert copy.keys() == one.keys()
        for name in ("code", "valueQuantity", "period", "name", "target", "status"):
            if name in one and b'"reference"' not in codec.encode({name: one[name]}):
                assert copy[name] == one[name]


def test_who_reads_along_is_in_a_team_of_every_young_person_and_in_nothing_else(sessions):
    along = population.read_along(sessions)
    assert [one.day for one in along] == [one.day for one in sessions]
    added = [
        one
        for session in along
        for one in session.resources
        if population.READER.encode() in codec.encode(one)
    ]
    people = {f"Patient/{one['id']}" for one in resources(sessions) if one["resourceType"] == "Patient"}
    assert {one["subject"]["reference"] for one in added} == people
    assert len(added) == len(people) == len(resources(along)) - len(resources(sessions))
    assert all(UUID.fullmatch(one["id"]) and one["status"] == "active" for one in added)
    assert PREFIX not in population.READER


def test_identifiers_of_clones_differ_and_no_clone_has_an_nhs_number(sessions):
    identifiers = [
        identifier
        for one in resources(sessions)
        for identifier in (
            one["identifier"] if isinstance(one.get("identifier"), list) else [one.get("identifier")]
        )
        if identifier
    ]
    assert identifiers
    assert all(one["value"].startswith(f"{PREFIX}-") for one in identifiers)
    assert NHS_NUMBER not in {one["system"] for one in identifiers}
    assert population.identifier("x", 1) != population.identifier("x", 2)


def test_sessions_follow_each_other_in_time_and_are_of_one_day(sessions):
    days = [session.day for session in sessions]
    assert days == sorted(days)
    for session in sessions:
        dated = {population.day(one) for one in session.resources} - {None}
        assert dated <= {session.day}


@pytest.mark.parametrize(
    ("resource", "day"),
    [
        ({"effectiveDateTime": "2026-03-04T10:00:00Z"}, "2026-03-04"),
        ({"period": {"start": "2026-03-05", "end": "2026-04-01"}, "created": "2026-03-06"}, "2026-03-05"),
        ({"birthDate": "2012-01-01"}, None),
        ({"note": [{"time": "2026-03-04"}]}, None),
    ],
)
def test_the_day_is_the_earliest_at_the_top_level(resource, day):
    assert population.day(resource) == day


@pytest.mark.parametrize("clone", [-1, population.CLONES])
def test_there_are_only_so_many_prefixes(clone):
    with pytest.raises(ValueError, match="no such clone"):
        population.prefix(clone)
    assert population.prefix(0) == PREFIX

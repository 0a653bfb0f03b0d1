from dataclasses import replace

import pytest

from service.fhir.problems import Problem
from service.sandbox import loading
from service.sandbox.cohort import cohort
from service.sandbox.loading import is_empty, load
from tests.rest.conftest import context, validator

__all__ = ["context", "validator"]


def batches(*sizes):
    """Batches of small resources, none of which is in two of them."""
    return [
        [{"resourceType": "Patient", "id": f"p-{number}-{index}"} for index in range(size)]
        for number, size in enumerate(sizes)
    ]


async def test_a_cohort_is_stored_whole_and_as_it_is(context):
    assert await is_empty(context)
    people = list(cohort(1, 5))
    told = []
    expected = [resource for batch in people for resource in batch]
    assert await load(context, people, told.append) == len(expected)
    assert not await is_empty(context)
    assert sum(told) == len(people)
    keys = [(resource["resourceType"], resource["id"]) for resource in expected]
    found = await context.store.read_many("default", keys)
    assert set(found) == set(keys)
    assert {stored.version for stored in found.values()} == {1}


async def test_every_reference_of_it_leads_somewhere_and_no_rule_is_broken(context):
    people = list(cohort(40, 5))
    expected = sum(len(batch) for batch in people)
    assert await load(replace(context, references=True), people, lambda _: None) == expected


async def test_small_batches_share_a_unit_and_none_is_split(context, monkeypatch):
    monkeypatch.setattr(loading, "UNIT", 10)
    told = []
    assert await load(context, batches(4, 4, 4, 12, 3), told.append) == 27
    assert told == [3, 1, 1]


async def test_a_unit_that_is_refused_leaves_nothing_of_itself(context, monkeypatch):
    monkeypatch.setattr(loading, "UNIT", 4)
    wrong = {"resourceType": "Patient", "id": "wrong", "gender": "purple"}
    good, bad = batches(4, 3)
    with pytest.raises(Problem):
        await load(context, [good, [*bad, wrong]], lambda _: None)
    found = await context.store.read_many("default", [("Patient", each["id"]) for each in [*good, *bad]])
    assert {id_ for _, id_ in found} == {each["id"] for each in good}

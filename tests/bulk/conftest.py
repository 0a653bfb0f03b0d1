"""A context around the real store and a folder for files."""

from __future__ import annotations

from random import Random

import pytest

from service.bulk import export_steps
from service.interactions.context import Context, Limits
from tests.bulk.exports import group, listed
from tests.conftest import BASE_URL
from tests.storage.builders import patient, score
from tests.storage.circle import CAMHS, wrote
from tests.storage.lives import Lives


@pytest.fixture
def around(store, registry, extractor, terminology, folder, ids, clock):
    return Context(
        registry=registry,
        validator=None,
        store=store,
        clock=clock,
        ids=ids,
        base_url=BASE_URL,
        limits=Limits(),
        link_key=bytes(32),
        extractor=extractor,
        guide=terminology.guide,
        terminology=terminology,
        files=folder,
    )


@pytest.fixture
def lives(around):
    return Lives(around.store, Random(11))


@pytest.fixture
def small(monkeypatch):
    """Slices of few resources, so that an export of some has many."""
    for name, rows in (("ROWS", 7), ("SEARCHED_ROWS", 7), ("SOON", 3), ("PEOPLE", 2), ("BLOCKS", 2)):
        monkeypatch.setattr(export_steps, name, rows)


@pytest.fixture
async def cohort(around):
    """Seven young people with two scores each, who may be in each other's lists."""
    people = [f"p{number}" for number in range(7)]
    await wrote(around.store, CAMHS, *map(patient, people))
    await wrote(around.store, CAMHS, *(score(f"{who}-{n}", who) for n in range(2) for who in people))
    await wrote(around.store, CAMHS, listed("both", "p1", "p5"), listed("other", "p6", "p1"))
    await wrote(
        around.store, CAMHS, group("some", "p1", "p3", "p5"), {"resourceType": "Organization", "id": "o"}
    )
    await wrote(around.store, CAMHS, score("nobody", "never-was") | {"subject": {"reference": "Group/some"}})
    return around

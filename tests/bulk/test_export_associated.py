"""Provenance of what is exported: all of it, or the newest of each resource."""

from __future__ import annotations

from random import Random

import pytest

from tests.bulk.exports import carried, exported, job, request
from tests.storage.builders import LOCALITY, deletion, score, unit, update
from tests.storage.circle import CAMHS, wrote


def provenance(id_: str, recorded: str, *targets: str) -> dict:
    return {
        "resourceType": "Provenance",
        "id": id_,
        "target": [{"reference": each} for each in targets],
        "recorded": recorded,
        "agent": [{"who": {"reference": "Organization/camhs"}}],
    }


@pytest.fixture
async def told(cohort):
    await wrote(
        cohort.store,
        CAMHS,
        provenance("old", "2026-01-01T00:00:00Z", "Observation/p1-0"),
        provenance("new", "2026-01-02T00:00:00+01:00", "Observation/p1-0", "Patient/p2"),
        provenance("both", "2026-01-01T12:00:00Z", "Observation/p1-0", "Observation/p2-0"),
        provenance("else", "2026-01-01T00:00:00Z", "Organization/o"),
        provenance("none", "2026-01-01T00:00:00Z", "Observation/never-was"),
        provenance("patient", "2026-01-01T00:00:00Z", "Patient/p1"),
    )
    return cohort


@pytest.mark.parametrize(
    ("types", "more", "relevant", "latest"),
    [
        (("Observation",), {}, ["old", "new", "both"], ["new", "both"]),
        (("Observation", "Provenance"), {}, ["old", "new", "both"], ["new", "both"]),
        (("Patient",), {}, ["new", "patient"], ["new", "patient"]),
        (("Organization",), {}, ["else"], ["else"]),
        (
            ("Observation", "Patient"),
            {"level": "Patient", "patients": ("p2",)},
            ["new", "both"],
            ["new", "both"],
        ),
        (
            ("Observation", "Patient"),
            {"level": "Group", "group": "some"},
            ["old", "new", "both", "patient"],
            ["new", "patient"],
        ),
        (("Observation",), {"filters": (("Observation", "_id=p2-0"),)}, ["both"], ["both"]),
    ],
)
async def test_provenance_of_what_is_exported_comes_with_it(
    told, folder, small, types, more, relevant, latest
):
    for code, expected in (("RelevantProvenanceResources", relevant), ("LatestProvenanceResources", latest)):
        one = await job(told, request(*types, associated=(code,), **more))
        calm = await carried(told, folder, one)
        assert calm.ids("Provenance") == [f"Provenance/{id_}" for id_ in expected]
        assert len(calm.ids()) > len(expected)


async def test_provenance_is_of_what_was_there_at_the_moment(told, folder, small):
    store = told.store
    asked = request("Observation", associated=("LatestProvenanceResources",))
    one = await job(told, asked)
    calm = await carried(told, folder, one)
    for type_, id_, content in (
        ("Observation", "p1-0", score("p1-0", "p1", "8")),
        ("Observation", "p2-0", None),
        ("Provenance", "new", provenance("new", "2020-01-01T00:00:00Z", "Organization/o")),
        ("Provenance", "both", None),
    ):
        before = await store.read(LOCALITY, type_, id_)
        change = deletion(before) if content is None else update(before, content)
        await store.commit(LOCALITY, unit(change))
    await wrote(store, CAMHS, provenance("newest", "2026-03-01T00:00:00Z", "Observation/p1-0"))
    again = await carried(told, folder, one, Random(4))
    assert calm.ids("Provenance") == ["Provenance/new", "Provenance/both"]
    assert again.texts == calm.texts
    since = await exported(
        told, folder, "Observation", associated=("RelevantProvenanceResources",), since=one.at
    )
    assert since.ids() == ["Observation/p1-0", "Provenance/old", "Provenance/newest"]

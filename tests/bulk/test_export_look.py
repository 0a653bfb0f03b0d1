"""How an export looks: what is left of resources, and who is meant by a Group."""

from __future__ import annotations

import json

import pytest

from service.access.callers import Caller
from service.fhir.problems import Gone
from tests.bulk.exports import COHORT, TYPES, carried, exported, job, request, token
from tests.storage.builders import LOCALITY, deletion, patient, score, stored, unit
from tests.storage.circle import SCHOOL


async def test_elements_are_left_out(around, folder):
    await stored(around.store, score("a", "p"))
    await stored(around.store, patient("p"))
    found = await exported(around, folder, *TYPES, elements=(("Observation", "status"),))
    [score_line, patient_line] = map(json.loads, found.lines())
    assert score_line.keys() == {"resourceType", "id", "meta", "status", "code"}
    assert score_line["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "identifier" in patient_line


async def test_a_group_is_exported_by_who_may_see_it_whatever_the_token_reads(cohort, folder):
    caller = token(cohort, "system/Patient.rs")
    found = await exported(cohort, folder, "Patient", level="Group", group="some", caller=caller)
    assert found.ids() == ["Patient/p1", "Patient/p3", "Patient/p5"]
    stranger = Caller("epr", SCHOOL, LOCALITY)
    with pytest.raises(Gone):
        await exported(cohort, folder, "Patient", level="Group", group="some", caller=stranger)


async def test_a_group_that_is_gone_ends_it(cohort, folder):
    await cohort.store.commit(LOCALITY, unit(deletion(await cohort.store.read(LOCALITY, "Group", "some"))))
    one = await job(cohort, request(*COHORT, level="Group", group="some"))
    with pytest.raises(Gone) as gone:
        await carried(cohort, folder, one)
    assert gone.value.issues[0].slug == "export-group-gone"

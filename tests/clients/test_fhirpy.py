"""fhirpy works with a token that its user got, and takes our refusals for what they are.

Source: shared facts on real clients; https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final

import pytest

from tests.clients.conftest import ran, talked
from tests.clients.world import EVERYTHING

pytestmark = pytest.mark.slow

BEHIND: Final = 1.1
"""Units: seconds that reads may take into the audit, and a little. Source: docs/operations/who-has-seen.md"""


@pytest.fixture(scope="module")
def said(world, programs, tmp_path_factory):
    """What fhirpy found, all of it in one run: it is asked about in several tests."""
    return talked(
        partial(ran, programs, tmp_path_factory.mktemp("fhirpy")),
        "fhirpy_session",
        base_url=world.base_url,
        token=world.school.token(world.base_url),
        narrow=world.school.token(world.base_url, "system/Patient.rs"),
        shared=world.shared.patient,
        hidden=world.hidden.patient,
        goal=world.shared.goal,
    )


def test_it_reads_and_finds_what_the_agency_may_see(said, world):
    assert said["patient"] == said["subject"] == world.shared.id
    assert said["scores"] == sorted(world.shared.scores)
    assert said["total"] == len(world.shared.scores)
    assert said["included"] == ["Goal", "Patient"]
    assert said["chained"] == 1
    assert said["metadata"] == "CapabilityStatement"


def test_operations_answer(said):
    assert said["progress"] == "Parameters"
    assert {"Patient", "Goal", "Observation", "Encounter", "CareTeam"} <= set(said["everything"])


def test_what_is_hidden_is_as_if_it_never_was(said, world):
    assert said["hidden"][0] == said["nobody"][0] == "ResourceNotFound"
    assert said["hidden"] == said["nobody"]
    assert said["hidden scores"] == 0
    assert world.hidden.id not in said["patients"]
    assert world.shared.id in said["patients"]


def test_it_writes_what_becomes_its_agencys(said):
    assert said["written"] == {
        "valid": True,
        "versions": ["1", "2", "2"],  # the last update changed nothing
        "found": True,
        "created": False,
        "gone": ["ResourceNotFound", "resource-deleted"],
    }


def test_it_may_not_change_what_another_agency_wrote(said):
    assert said["of another agency"][0] == "ForbiddenError"


def test_scopes_narrow(said, world):
    assert said["narrow"] == world.shared.id
    assert said["beyond"] == ["ForbiddenError", "insufficient-scope"]


def test_nobody_comes_in_without_a_token_that_is_ours(said):
    assert said["without a token"] == ["AuthorizationError", "token-missing"]
    assert said["with a forged token"][0] == "AuthorizationError"


def test_many_reads_at_once(world, talk):
    references = [*world.shared.scores, world.shared.patient, world.shared.goal]
    found = talk(
        "fhirpy_at_once",
        base_url=world.base_url,
        token=world.school.token(world.base_url, EVERYTHING),
        references=references,
        patient=world.shared.id,
    )
    assert found["read"] == references
    assert sorted(f"Observation/{one}" for one in found["pages"]) == sorted(world.shared.scores)


def test_who_read_what_can_be_asked_afterwards(world, said):
    """The author asks who saw the young person's record: the school did, by way of the team."""
    time.sleep(BEHIND)
    answer = world.ask(world.trust, "GET", f"{world.shared.patient}/$who-has-seen")
    assert answer.status_code == 200, answer.text
    assert world.school.agency in answer.text
    assert world.charity.agency not in answer.text
    told = world.ask(
        world.administrator, "GET", f"AuditEvent?patient={world.shared.id}&_count=1&_total=accurate"
    )
    assert told.status_code == 200, told.text
    assert told.json()["total"] > len(world.shared.scores)

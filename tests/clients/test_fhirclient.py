"""fhirclient signs in as a backend with an assertion, by what the CapabilityStatement says, and works.

Source: shared facts on real clients; http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris
"""

from __future__ import annotations

from functools import partial

import httpx
import pytest

from tests.clients.conftest import ran, talked
from tests.clients.vendor import PATIENCE

pytestmark = pytest.mark.slow

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@pytest.fixture(scope="module")
def token_endpoint(world):
    """What the CapabilityStatement says: fhirclient looks nowhere else."""
    statement = httpx.get(f"{world.base_url}/metadata", timeout=PATIENCE).json()
    [uris] = [one for one in statement["rest"][0]["security"]["extension"] if one["url"] == OAUTH_URIS]
    return {one["url"]: one["valueUri"] for one in uris["extension"]}["token"]


@pytest.fixture(scope="module")
def said(world, programs, token_endpoint, tmp_path_factory):
    """What fhirclient found, all of it in one run: it is asked about in several tests."""
    return talked(
        partial(ran, programs, tmp_path_factory.mktemp("fhirclient")),
        "fhirclient_session",
        base_url=world.base_url,
        client_id=world.school.id,
        assertions=[world.school.assertion(token_endpoint) for _ in range(3)],
        token=world.school.token(world.base_url),
        shared=world.shared.patient,
        hidden=world.hidden.patient,
    )


def test_both_discoveries_name_the_same_token_endpoint(world, token_endpoint):
    for base in (world.base_url, world.base_url.removesuffix("/fhir")):
        found = httpx.get(f"{base}/.well-known/smart-configuration", timeout=PATIENCE).json()
        assert found["token_endpoint"] == token_endpoint == world.school.told["token_endpoint"]


def test_it_is_ready_once_it_has_signed_in(said):
    assert said["ready"] == [False, True]


def test_it_reads_and_pages(said, world):
    assert said["patient"] == said["bearer"] == world.shared.id
    assert said["goals"] == [world.shared.goal]
    assert said["scores"] == sorted(world.shared.scores)


def test_it_creates_updates_and_deletes(said):
    assert said["versions"] == ["1", "2"]
    assert said["gone"] == 410


def test_what_is_hidden_is_not_found(said):
    assert said["hidden"][0] == "FHIRNotFoundException"


def test_it_gets_what_of_its_scopes_it_may_have(said, world):
    """It always asks for `launch/patient` too, and by default for users' scopes, which a backend has none of."""
    assert said["narrow"] == world.shared.id
    assert said["beyond"] == ["FHIRPermissionDeniedException", "insufficient-scope"]
    assert said["default scope"] == 400


def test_an_assertion_is_good_once(said):
    assert said["replayed"] == ["HTTPError", "invalid_client"]


def test_nobody_comes_in_without_a_token(said):
    assert said["stranger"] == ["FHIRUnauthorizedException", "token-missing"]

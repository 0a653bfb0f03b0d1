"""smart-fetch signs in with its own key and crawls, unmodified; it gets what its agency may see and nothing else.

Source: shared facts on real clients: discovery, token request, crawl.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.vendor import Vendor, new_key
from tests.clients.world import SCORES

pytestmark = pytest.mark.slow

# Those of its types that we have.
TYPES = ("Patient", "Encounter", "EpisodeOfCare", "Observation", "ServiceRequest")


def lines(folder: Path, name: str) -> list[dict]:
    path = folder / f"{name}.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def crawl(run, world, tmp_path):
    """Crawls for the vendor with the key file; gives how it ended and the folder that it filled."""

    def crawling(vendor: Vendor, key: Path, *more: object):
        folder = tmp_path / "crawled"
        done = run(
            *("smart-fetch", "crawl", folder, "--fhir-url", world.base_url, "--no-compression"),
            *("--smart-client-id", vendor.id, "--smart-key", key),
            *("--id-list", f"{world.shared.id},{world.hidden.id}", *more),
        )
        return done, folder

    return crawling


def test_a_school_crawls_the_young_person_whom_it_helps(world, crawl):
    done, folder = crawl(world.school, world.school.pem_file())
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["id"] for one in lines(folder, "Patient")] == [world.shared.id]
    assert {f"Observation/{one['id']}" for one in lines(folder, "Observation")} == set(world.shared.scores)
    assert [f"Encounter/{one['id']}" for one in lines(folder, "Encounter")] == [world.shared.encounter]
    assert not (folder / "error").exists()


def test_whom_it_did_not_find_it_does_not_ask_about(world, crawl):
    """Without an answer for a Patient there is no record to fetch: it says so and stops."""
    done, folder = crawl(world.charity, world.charity.jwks_file())
    assert done.returncode != 0
    assert "No cohort patients found" in done.stdout + done.stderr
    assert lines(folder, "Patient") == lines(folder, "Observation") == []


@pytest.mark.parametrize("key", ["jwks_file", "pem_file"])
def test_the_author_crawls_both_with_a_key_set_or_a_key(key, world, crawl):
    """From a PEM it names the key by its thumbprint, whatever name it was registered under (RFC 7638)."""
    done, folder = crawl(world.trust, getattr(world.trust, key)())
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["id"] for one in lines(folder, "Patient")} == {world.shared.id, world.hidden.id}
    assert len(lines(folder, "Observation")) == SCORES + len(world.hidden.scores)
    for type_ in TYPES:
        assert f"Skipping {type_} " not in done.stdout


def test_since_is_by_last_updated(world, crawl):
    """It looks into the CapabilityStatement whether Patient has `_lastUpdated`."""
    since = ("--since", "2999-01-01T00:00:00+00:00")
    done, folder = crawl(world.trust, world.trust.jwks_file(), *since, "--type", "Observation")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "defaulting to 'created'" not in done.stdout
    assert lines(folder, "Observation") == []


def test_a_single_resource(world, run):
    def single(vendor: Vendor, reference: str):
        given = ("--smart-client-id", vendor.id, "--smart-key", vendor.jwks_file(), "--compact")
        return run("smart-fetch", "single", reference, "--fhir-url", world.base_url, *given)

    read = single(world.school, world.shared.patient)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["id"] == world.shared.id
    for reference in (world.hidden.patient, "Patient/nobody"):
        refused = single(world.school, reference)
        assert refused.returncode != 0
        assert "[404]" in refused.stderr


def test_a_key_that_is_not_registered_signs_nobody_in(world, crawl):
    done, folder = crawl(world.school, world.school.jwks_file(new_key("RSA")))
    assert done.returncode != 0
    assert "Could not authenticate" in done.stderr
    assert not (folder / "Patient.ndjson").exists()


@pytest.mark.parametrize("curve", ["P-256", "P-521"])
def test_other_curves_sign_in_too(curve, world, run):
    """From a PEM it signs by the algorithm of the key's curve."""
    vendor = Vendor(f"school-{curve}", world.school.agency, "system/*.rs", world.folder, curve)
    vendor.register(world.database_url, BASE_URL=world.base_url)
    given = ("--smart-client-id", vendor.id, "--smart-key", vendor.pem_file(), "--compact")
    done = run("smart-fetch", "single", world.shared.patient, "--fhir-url", world.base_url, *given)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == world.shared.id


def test_what_its_scopes_leave_out_is_told_and_the_rest_comes(world, crawl):
    narrow = Vendor("narrow", world.school.agency, "system/Patient.rs", world.folder)
    narrow.register(world.database_url, BASE_URL=world.base_url)
    done, folder = crawl(narrow, narrow.jwks_file(), "--type", "Patient,Observation")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["id"] for one in lines(folder, "Patient")] == [world.shared.id]
    assert lines(folder, "Observation") == []
    [outcome] = lines(folder / "error", "OperationOutcome")
    [issue] = outcome["issue"]
    assert issue["details"]["coding"][0]["code"] == "insufficient-scope"


def test_a_token_that_was_revoked_makes_it_sign_in_anew(world, talk):
    found = talk(
        "smart_fetch_again",
        base_url=world.base_url,
        client_id=world.school.id,
        key=str(world.school.jwks_file()),
        patient=world.shared.patient,
    )
    assert found["status"] == [200, 200]
    assert found["tokens"] == 2

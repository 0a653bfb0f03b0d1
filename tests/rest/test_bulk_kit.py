"""The checks of the Inferno Bulk Data test kit (server, STU 1.0.1 and 2.0.0) in its own order and words, against a
real server with tokens. What it asks of TLS is the proxy's, what it asks of sign-in is in `tests/access`.

Source: https://github.com/inferno-framework/bulk-data-test-kit (Apache-2.0), requirements of version 0.13.0
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from service.fhir import codec
from service.fhir.registry import Registry
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.storage.open import migrate
from tests.clients.world import World, asked, created, person, world
from tests.conftest import DATABASES
from tests.postgres import fresh_database
from tests.rest.serving import serving

pytestmark = pytest.mark.slow

PATIENCE = 60  # seconds
LEVELS = ("system", "Patient", "Group")
DEFINITIONS = {"system": "export", "Patient": "patient-export", "Group": "group-export"}
BULK_DATA = "http://hl7.org/fhir/uv/bulkdata"


@dataclass
class Bulk:
    """The server under test, as the kit is told of it: its base, a token, and a Group with two known members."""

    world: World
    group: str
    members: frozenset[str]
    ended: dict[str, httpx.Response] = field(default_factory=dict)

    def url(self, level: str) -> str:
        """Where an export at the level is asked for."""
        path = {"system": "$export", "Patient": "Patient/$export", "Group": f"Group/{self.group}/$export"}[
            level
        ]
        return f"{self.world.base_url}/{path}"

    def get(self, url: str, *, token: bool = True, **headers: str) -> httpx.Response:
        signed = self.world.trust.headers(self.world.base_url) if token else {}
        return httpx.get(url, headers={**signed, **headers}, timeout=PATIENCE)

    def delete(self, url: str) -> httpx.Response:
        signed = self.world.trust.headers(self.world.base_url)
        return httpx.delete(url, headers={**signed, "accept": "application/json"}, timeout=PATIENCE)

    def kick_off(self, level: str, *, token: bool = True, **parameters: str) -> httpx.Response:
        url = str(httpx.URL(self.url(level), params=parameters)) if parameters else self.url(level)
        return self.get(url, token=token, accept="application/fhir+json", prefer="respond-async")

    def complete(self, level: str) -> httpx.Response:
        """The answer of a job that has ended, made once."""
        if level not in self.ended:
            location = self.kick_off(level).headers["content-location"]
            deadline = time.monotonic() + PATIENCE
            while (answer := self.get(location, accept="application/json")).status_code == 202:
                assert time.monotonic() < deadline, answer.headers["x-progress"]
                time.sleep(0.1)
            self.ended[level] = answer
        return self.ended[level]

    def output(self, level: str) -> list[dict[str, Any]]:
        return self.complete(level).json()["output"]


@pytest.fixture(scope="module", params=DATABASES)
def bulk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bulk]:
    folder = tmp_path_factory.mktemp("bulk")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'thrive.db'}"
    else:
        url = fresh_database(request.getfixturevalue("postgres_server"))
    migrate(url)
    settings = {
        "CLIENT_RATE": "0",
        "STRANGER_RATE": "0",
        "FILES_URL": str(folder / "files"),
        "JOB_WORKERS": "1",
    }
    with serving(folder, url, **settings) as server:
        made = world(f"{server.url}/fhir", url, folder)
        another = person(made.base_url, made.trust, None, 2)
        members = (made.shared.patient, another.patient)
        group = created(
            made.base_url,
            made.trust,
            {
                "resourceType": "Group",
                "type": "person",
                "actual": True,
                "member": [{"entity": {"reference": each}} for each in members],
            },
        )
        yield Bulk(made, group.partition("/")[2], frozenset(each.partition("/")[2] for each in members))


@pytest.fixture(scope="module")
def validator(registry: Registry, terminology: Terminology) -> Validator:
    return Validator(registry, terminology.guide, terminology)


def test_server_declares_conformance_to_the_bulk_data_ig(bulk: Bulk):
    """CapabilityStatement.instantiates."""
    statement = bulk.get(f"{bulk.world.base_url}/metadata", token=False).json()
    assert any(
        re.fullmatch(rf"{BULK_DATA}/CapabilityStatement/bulk-data(\|\S+)?", each)
        for each in statement["instantiates"]
    )


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_declares_support_for_export_operation_in_capability_statement(
    level: str, bulk: Bulk
):
    statement = bulk.get(f"{bulk.world.base_url}/metadata", token=False).json()
    [rest] = statement["rest"]
    where = rest if level == "system" else next(each for each in rest["resource"] if each["type"] == level)
    operations = {each["name"]: each["definition"] for each in where["operation"]}
    assert operations["export"] == f"{BULK_DATA}/OperationDefinition/{DEFINITIONS[level]}"


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_rejects_export_request_without_authorization(level: str, bulk: Bulk):
    assert bulk.kick_off(level, token=False).status_code in {400, 401}


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_returns_202_accepted_and_content_location_for_export_operation(
    level: str, bulk: Bulk
):
    answer = bulk.kick_off(level)
    assert answer.status_code == 202
    assert answer.headers["content-location"].startswith(f"{bulk.world.base_url}/")
    assert bulk.delete(answer.headers["content-location"]).status_code == 202


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_returns_202_accepted_or_200_ok_for_status_check(level: str, bulk: Bulk):
    """transactionTime, request, requiresAccessToken, output, and error are required."""
    answer = bulk.complete(level)
    assert answer.status_code == 200
    assert "application/json" in answer.headers["content-type"]
    shown = answer.json()
    assert {"transactionTime", "request", "requiresAccessToken", "output", "error"} <= shown.keys()
    assert shown["request"] == bulk.url(level)
    assert shown["requiresAccessToken"] is True


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_returns_output_with_type_and_url_for_status_complete(level: str, bulk: Bulk):
    output = bulk.output(level)
    assert output
    for file in output:
        assert file["type"]
        assert re.match(r"https?://", file["url"])
    assert len({file["url"] for file in output}) == len(output)


@pytest.mark.parametrize("level", LEVELS)
def test_ndjson_download_requires_access_token_if_requires_access_token_is_true(level: str, bulk: Bulk):
    for file in bulk.output(level):
        answer = bulk.get(file["url"], token=False, accept="application/fhir+ndjson")
        assert answer.status_code in {400, 401}


@pytest.mark.parametrize("level", LEVELS)
def test_resources_returned_are_valid_and_of_the_type_that_is_told(
    level: str, bulk: Bulk, validator: Validator
):
    """Of each file all lines, however many; the kit checks some hundred. `count` is the number of lines."""
    for file in bulk.output(level):
        answer = bulk.get(file["url"], accept="application/fhir+ndjson")
        assert answer.headers["content-type"].startswith("application/fhir+ndjson")
        lines = answer.content.removesuffix(b"\n").split(b"\n")
        assert len(lines) == file["count"]
        for line in lines:
            resource = codec.decode(line)
            assert resource["resourceType"] == file["type"]
            assert not [issue for issue in validator.check(resource) if issue.is_fault]


def found(bulk: Bulk, level: str) -> set[str]:
    return {
        f"{resource['resourceType']}/{resource['id']}"
        for file in bulk.output(level)
        for resource in map(json.loads, bulk.get(file["url"]).text.split("\n")[:-1])
    }


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_export_has_multiple_patient_resources(level: str, bulk: Bulk):
    assert len([each for each in found(bulk, level) if each.startswith("Patient/")]) >= 2


def test_patient_ids_match_those_expected_in_group(bulk: Bulk):
    patients = {each for each in found(bulk, "Group") if each.startswith("Patient/")}
    assert patients == {f"Patient/{id_}" for id_ in bulk.members}
    assert bulk.world.hidden.patient in found(bulk, "Patient")
    assert set(bulk.world.shared.scores) <= found(bulk, "Group")
    assert not set(bulk.world.hidden.scores) & found(bulk, "Group")


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_returns_202_accepted_for_delete_request(level: str, bulk: Bulk):
    location = bulk.kick_off(level).headers["content-location"]
    assert bulk.delete(location).status_code == 202


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_returns_a_404_and_operation_outcome_for_polling_requests_to_cancelled_exports(
    level: str, bulk: Bulk, validator: Validator
):
    location = bulk.kick_off(level).headers["content-location"]
    bulk.delete(location)
    answer = bulk.get(location, accept="application/json")
    assert answer.status_code == 404
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert not [issue for issue in validator.check(outcome) if issue.is_fault]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("format_", ["application/fhir+ndjson", "application/ndjson", "ndjson"])
def test_bulk_data_server_supports_output_format_query_parameter(level: str, format_: str, bulk: Bulk):
    answer = bulk.kick_off(level, _outputFormat=format_)
    assert answer.status_code == 202
    assert bulk.delete(answer.headers["content-location"]).status_code == 202


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_supports_since_query_parameter(level: str, bulk: Bulk):
    answer = bulk.kick_off(level, _since="2013-02-07T13:28:17.239+02:00")
    assert answer.status_code == 202
    assert bulk.delete(answer.headers["content-location"]).status_code == 202


def test_bulk_data_server_responds_to_an_unsupported_parameter_with_an_operation_outcome(bulk: Bulk):
    """STU 2: strictly an error, leniently processed, and told in an error file."""
    answer = bulk.kick_off("system", _nonsense="1")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("level", LEVELS)
def test_bulk_data_server_supports_post_with_parameters(level: str, bulk: Bulk):
    """STU 2: a server MAY support POST requests that supply parameters using the FHIR Parameters resource."""
    body = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Patient"}]}
    path = bulk.url(level).removeprefix(f"{bulk.world.base_url}/")
    headers = {"prefer": "respond-async", "content-type": "application/fhir+json"}
    answer = asked(bulk.world.base_url, bulk.world.trust, "POST", path, json=body, headers=headers)
    assert answer.status_code == 202
    assert bulk.delete(answer.headers["content-location"]).status_code == 202


def test_the_service_limits_the_data_to_what_the_client_is_authorised_for(bulk: Bulk):
    """STU 2: only those FHIR resources for which the client is authorized, of a Group, too, that it may not see."""
    charity = bulk.world.charity
    headers = {"prefer": "respond-async"}
    hidden = asked(bulk.world.base_url, charity, "GET", f"Group/{bulk.group}/$export", headers=headers)
    assert hidden.status_code == 404
    location = asked(bulk.world.base_url, charity, "GET", "Patient/$export", headers=headers).headers[
        "content-location"
    ]
    path = location.removeprefix(f"{bulk.world.base_url}/")
    deadline = time.monotonic() + PATIENCE
    while (answer := asked(bulk.world.base_url, charity, "GET", path)).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.json()["output"] == []
    # Nor does it see the jobs of others.
    other = bulk.kick_off("system").headers["content-location"].removeprefix(f"{bulk.world.base_url}/")
    assert asked(bulk.world.base_url, charity, "GET", other).status_code == 404

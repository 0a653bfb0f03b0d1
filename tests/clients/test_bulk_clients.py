"""Real clients of bulk data export what their agency may see: the system, all young people, a Group.

`smart-fetch` runs as it is; the SMART `bulk-data-client` by its steps (`smart_bulk.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.smart_bulk import SmartBulk
from tests.clients.vendor import Vendor
from tests.clients.world import SCORES, World, created
from tests.rest.serving import eventually

pytestmark = pytest.mark.slow

# Of our types those that smart-fetch knows, and the world has.
TYPES = "Patient,Encounter,EpisodeOfCare,Observation,ServiceRequest"


def lines(folder: Path, type_: str) -> list[dict]:
    """The resources of a type in all of its files."""
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{type_}.*.ndjson"))
        for line in path.read_text().splitlines()
    ]


@pytest.fixture(scope="module")
def group(world: World) -> str:
    """A Group of the one young person whom the school helps too, and of one whom it does not know."""
    members = [{"entity": {"reference": each}} for each in (world.shared.patient, world.hidden.patient)]
    made = {"resourceType": "Group", "type": "person", "actual": True, "member": members}
    return created(world.base_url, world.trust, made).partition("/")[2]


@pytest.fixture
def fetch(run, world: World, tmp_path: Path):
    """Exports in bulk with smart-fetch, as the vendor; gives how it ended and the folder that it filled."""

    def fetching(vendor: Vendor, *more: object, folder: str = "fetched"):
        done = run(
            *("smart-fetch", "bulk", tmp_path / folder, "--fhir-url", world.base_url, "--no-compression"),
            *("--smart-client-id", vendor.id, "--smart-key", vendor.jwks_file(), *more),
        )
        return done, tmp_path / folder

    return fetching


def test_smart_fetch_exports_the_system(world: World, fetch):
    done, folder = fetch(world.trust, "--type", TYPES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["id"] for one in lines(folder, "Patient")} == {world.shared.id, world.hidden.id}
    scores = {f"Observation/{one['id']}" for one in lines(folder, "Observation")}
    assert scores == {*world.shared.scores, *world.hidden.scores}
    assert len(scores) == SCORES + 3
    assert {f"Encounter/{one['id']}" for one in lines(folder, "Encounter")} == {
        world.shared.encounter,
        world.hidden.encounter,
    }
    events = [json.loads(line)["eventId"] for line in (folder / "log.ndjson").read_text().splitlines()]
    assert {"kickoff", "status_complete", "download_complete", "export_complete"} <= set(events)
    assert not [each for each in events if "error" in each]


def test_smart_fetch_gets_what_the_agency_may_see(world: World, fetch):
    done, folder = fetch(world.school, "--type", TYPES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["id"] for one in lines(folder, "Patient")] == [world.shared.id]
    assert {f"Observation/{one['id']}" for one in lines(folder, "Observation")} == set(world.shared.scores)


def test_smart_fetch_exports_a_group(world: World, fetch, group: str):
    """Without a scope of Group: it asks for none."""
    done, folder = fetch(world.trust, "--type", "Patient,Observation", "--group", group)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["id"] for one in lines(folder, "Patient")} == {world.shared.id, world.hidden.id}


def test_smart_fetch_since(world: World, fetch):
    """The time of a change, by what it read in the CapabilityStatement."""
    since = ("--since", "2999-01-01T00:00:00+00:00")
    done, folder = fetch(world.trust, "--type", "Observation", *since, folder="later")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(folder, "Observation") == []
    assert "_since=2999" in (folder / "log.ndjson").read_text()


def test_smart_fetch_filters_as_it_does_by_default(world: World, fetch):
    """With commas that are encoded twice: survey is among the categories."""
    done, folder = fetch(world.trust, "--type", "Observation")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "_typeFilter=Observation" in (folder / "log.ndjson").read_text()
    assert len(lines(folder, "Observation")) == SCORES + 3


def test_smart_fetch_leaves_no_job_behind(world: World, fetch):
    done, folder = fetch(world.trust, "--type", "Patient")
    assert done.returncode == 0, done.stdout + done.stderr
    [location] = {json.loads(line)["exportId"] for line in (folder / "log.ndjson").read_text().splitlines()}
    gone = world.ask(world.trust, "GET", location.removeprefix(f"{world.base_url}/"))
    assert gone.status_code == 404


def parameters(**values: str) -> dict:
    given = [{"name": name, "valueString": value} for name, value in values.items() if name != "patient"]
    patients = (
        [{"name": "patient", "valueReference": {"reference": values["patient"]}}]
        if "patient" in values
        else []
    )
    return {"resourceType": "Parameters", "parameter": [*given, *patients]}


def everything(world: World) -> set[str]:
    return {world.shared.patient, world.hidden.patient, *world.shared.scores, *world.hidden.scores}


@pytest.mark.parametrize("path", ["$export", "Patient/$export"])
def test_the_bulk_data_client_exports_by_get(path: str, world: World):
    client = SmartBulk(world.base_url, world.trust)
    client.export(path, {"_type": "Patient,Observation"})
    assert client.ids() == everything(world)
    assert client.ids("error") == set()


def test_the_bulk_data_client_exports_a_group(world: World, group: str):
    client = SmartBulk(world.base_url, world.trust)
    client.export(f"Group/{group}/$export", {})
    assert everything(world) <= client.ids()
    assert world.shared.goal in client.ids()


def test_the_bulk_data_client_exports_patients_by_post(world: World):
    client = SmartBulk(world.base_url, world.trust)
    body = parameters(
        _type="Patient,Observation", _outputFormat="application/fhir+ndjson", patient=world.hidden.patient
    )
    client.export("Patient/$export", {}, body)
    assert client.ids() == {world.hidden.patient, *world.hidden.scores}


def test_the_bulk_data_client_filters_and_prunes(world: World):
    client = SmartBulk(world.base_url, world.trust)
    asked = {
        "_type": "Patient,Observation",
        "_typeFilter": "Observation?status=final,Patient?_id=" + world.shared.id,
        "_elements": "Patient.id,Observation.status",
        "_since": "2020-01-01T00:00:00Z",
    }
    client.export("$export", asked)
    assert world.shared.patient in client.ids()
    assert world.hidden.patient not in client.ids()
    assert set(world.shared.scores) <= client.ids()
    for lines_ in client.files.values():
        for line in lines_:
            assert {each["code"] for each in line["meta"]["tag"]} >= {"SUBSETTED"}


def test_the_bulk_data_client_is_told_what_was_passed_over(world: World):
    """Leniently; strictly nothing is exported."""
    asked = {"_type": "Patient,MedicationRequest", "custom": "x"}
    with pytest.raises(AssertionError, match="export-type"):
        SmartBulk(world.base_url, world.trust).export("Patient/$export", asked)
    client = SmartBulk(world.base_url, world.trust, lenient=True)
    client.export("Patient/$export", asked)
    assert client.ids() == {world.shared.patient, world.hidden.patient}
    said = [line for name, lines_ in client.files.items() if name.startswith("error/") for line in lines_]
    slugs = {issue["details"]["coding"][0]["code"] for line in said for issue in line["issue"]}
    assert slugs == {"export-type", "operation-parameter-unknown"}
    assert {line["resourceType"] for line in said} == {"OperationOutcome"}


def test_what_was_exported_is_told_to_who_asks(world: World):
    """A download names the young people in the file."""
    client = SmartBulk(world.base_url, world.school)
    client.export("$export", {"_type": "Patient,Observation"})
    path = f"Patient/{world.shared.id}/$who-has-seen?agency={world.school.agency}"

    def seen() -> list[dict]:
        return [
            {
                part["name"]: next(value for name, value in part.items() if name != "name")
                for part in each["part"]
            }
            for each in world.ask(world.trust, "GET", path).json().get("parameter", ())
        ]

    # It is some seconds behind.
    eventually(lambda: any(each["action"] == "R" for each in seen()), "the downloads are not in the audit")
    assert {each["ground"] for each in seen()} == {"team"}

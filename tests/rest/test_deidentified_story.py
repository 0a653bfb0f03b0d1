"""An analyst who may have what is de-identified only: by reads there is nothing for them, by exports pseudonyms."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk.exporting import Export
from service.fhir import codec
from service.fhir.validation.validator import Validator
from service.interactions.searching import setting_of
from service.outcomes.deidentification_rules import FEWEST, TYPES
from service.sandbox.cohort import cohort
from service.sandbox.loading import load
from service.storage.files_folder import FolderFiles
from tests.rest.asking import client_of, refused
from tests.rest.bulk import ASYNC, Known, begun, ended, working

pytestmark = pytest.mark.slow

LABEL = "_security=http://terminology.hl7.org/CodeSystem/v3-ObservationValue|PSEUDED"
BOUND = f"system/*.rs?{LABEL}"
SEED = 7
PEOPLE = 16
GROUP = f"Group/review-{SEED}-00001"
CHILD = {"resourceType": "Patient", "gender": "female", "name": [{"family": "Invented"}]}
# Restricted in this cohort.
RESTRICTED = "yp-7-000002"


@pytest.fixture
async def context(context, tmp_path):
    """The context, with files in a folder."""
    return replace(context, files=FolderFiles(tmp_path / "files"))


@pytest.fixture
async def people(context):
    """The sandbox's cohort in the store."""
    await load(context, cohort(PEOPLE, SEED), lambda _: None)


@pytest.fixture
async def child(analyst):
    """A young person, among as many as an export must be about."""
    async with analyst("system/*.cruds") as client:
        for _ in range(FEWEST - 1):
            assert (await client.post("/fhir/Patient", json=CHILD)).status_code == 201
        made = await client.post("/fhir/Patient", json=CHILD)
        assert made.status_code == 201
        goal = {
            "resourceType": "Goal",
            "lifecycleStatus": "active",
            "description": {"text": "Ride to school"},
        }
        subject = {"reference": f"Patient/{made.json()['id']}"}
        assert (await client.post("/fhir/Goal", json=goal | {"subject": subject})).status_code == 201
        return made.json()["id"]


@pytest.fixture
def analyst(context, make_app):
    """A client of an agency with these scopes; it sees the whole locality, as far as they go, if it is told so."""

    @asynccontextmanager
    async def made(scopes=BOUND, *, agency="sandbox", every=True):
        read = read_scopes(setting_of(context), scopes)
        caller = Caller("analyst", agency, "default", administrator=every, scopes=read)
        async with client_of(make_app(Known(caller), context=context)) as client:
            yield client

    return made


async def files_of(client, context, path="$export"):
    """The manifest of an export, and the lines of its files by kind and type."""
    address = await begun(client, path)
    async with working(context, Export()):
        answer = await ended(client, address)
    assert answer.status_code == 200, answer.text
    found = {}
    for kind in ("output", "deleted", "error"):
        for each in answer.json()[kind]:
            file = await client.get(each["url"])
            lines = file.text.splitlines()
            assert len(lines) == each["count"]
            made = [codec.restore(line.encode()) for line in lines]
            found.setdefault((kind, each.get("type", "")), []).extend(made)
    return found


def text_of(node):
    return codec.encode(node).decode()


def outputs(found):
    return {type_: lines for (kind, type_), lines in found.items() if kind == "output"}


async def test_reads_and_searches_show_nothing(analyst, context, people):
    async with analyst("system/*.cruds") as whole:
        assert (await whole.get("/fhir/Patient?_summary=count")).json()["total"] == PEOPLE
    async with analyst() as client:
        for type_ in ("Patient", "Observation", "Organization"):
            assert (await client.get(f"/fhir/{type_}?_summary=count")).json()["total"] == 0
        refused(await client.get("/fhir/Patient/yp-7-000001"), 404)
        refused(await client.get("/fhir/Patient/yp-7-000001/_history/1"), 404)
        assert "entry" not in (await client.get("/fhir/Patient/yp-7-000001/Observation")).json()
        refused(await client.get("/fhir/Patient/yp-7-000001/$everything"), 404)


@pytest.mark.parametrize("way", ["POST", "PUT"])
async def test_nobody_stores_what_bears_the_label(way, analyst, child):
    security = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "PSEUDED"}]
    body = {"resourceType": "Patient", "gender": "female", "meta": {"security": security}}
    async with analyst("system/*.cruds") as client:
        if way == "PUT":
            answer = await client.put(f"/fhir/Patient/{child}", json=body | {"id": child})
        else:
            answer = await client.post("/fhir/Patient", json=body)
        refused(answer, 422, "label-pseudonymised")
        patch = [{"op": "add", "path": "/meta/security", "value": security}]
        answer = await client.patch(
            f"/fhir/Patient/{child}",
            content=json.dumps(patch),
            headers={"content-type": "application/json-patch+json"},
        )
        refused(answer, 422, "label-pseudonymised")


async def test_an_export_is_of_pseudonyms(analyst, context, registry, people):
    async with analyst() as client:
        found = await files_of(client, context)
        again = await files_of(client, context)
    made = outputs(found)
    assert made.keys() == TYPES
    assert again == found
    validator = Validator(registry)
    names = {f"{type_}/{line['id']}" for type_, lines in made.items() for line in lines}
    for lines in made.values():
        first = [line["id"] for line in lines[:500]]
        assert first == sorted(first)
        for line in lines:
            assert line["meta"]["security"][0]["code"] == "PSEUDED"
            assert [issue for issue in validator.check(line) if issue.is_fault] == []
            assert set(re.findall(r'"reference":"([^"]+)"', text_of(line))) <= names
    batches = cohort(PEOPLE, SEED)
    originals = [each for batch in batches for each in batch if each["resourceType"] in TYPES]
    text = text_of(list(made.values()))
    for each in originals:
        assert f'"{each["id"]}"' not in text
        assert f'/{each["id"]}"' not in text
        for name in each.get("name", ()) if isinstance(each.get("name"), list) else ():
            assert name["family"] not in text
        if each["resourceType"] == "Goal":
            assert each["description"]["text"] not in text
    assert len(made["Patient"]) == PEOPLE - 1  # one is restricted
    whole = [each for each in originals if each["resourceType"] == "Observation"]
    their = [each for each in whole if each["subject"]["reference"] == f"Patient/{RESTRICTED}"]
    assert len(made["Observation"]) == len(whole) - len(their)
    assert their


async def test_the_report_says_what_was_done_and_no_value(analyst, context, people):
    async with analyst() as client:
        found = await files_of(client, context)
    [(_, lines)] = [(key, lines) for key, lines in found.items() if key[0] == "error"]
    texts = [issue["diagnostics"] for line in lines for issue in line["issue"]]
    assert f"Patient.name removed: {PEOPLE - 1}." in texts
    assert "Patient, some left out: restricted, labelled, or not about one young person." in texts
    assert any(text.startswith("Goal.description removed: ") for text in texts)
    assert any(text.startswith("Observation.effectiveDateTime shifted: ") for text in texts)
    assert not any("yp-" in text for text in texts)


async def test_two_agencies_get_pseudonyms_of_their_own(analyst, context, people):
    ids = []
    for agency in ("sandbox", "other"):
        async with analyst(agency=agency) as client:
            found = outputs(await files_of(client, context, "$export?_type=Patient,Observation"))
        ids.append({line["id"] for lines in found.values() for line in lines})
        assert found.keys() == {"Patient", "Observation"}
    assert ids[0].isdisjoint(ids[1])
    assert len(ids[0]) == len(ids[1])


async def test_what_the_agency_may_not_see_is_not_in_it(analyst, context, child):
    """Whoever made a record sees it: the school its own, and not what somebody else made."""
    async with analyst("system/*.cruds", agency="school", every=False) as client:
        for _ in range(FEWEST):
            assert (await client.post("/fhir/Patient", json=CHILD)).status_code == 201
    async with analyst(agency="school", every=False) as client:
        found = outputs(await files_of(client, context))
    assert {type_: len(lines) for type_, lines in found.items()} == {"Patient": FEWEST}
    async with analyst(agency="stranger", every=False) as client:
        assert outputs(await files_of(client, context)) == {}


async def test_scopes_narrow_what_is_in_it(analyst, context, people):
    async with analyst(f"system/Observation.rs?category=survey&{LABEL}") as client:
        found = outputs(await files_of(client, context))
    assert found.keys() == {"Observation"}
    codes = {each["coding"][0]["code"] for line in found["Observation"] for each in line["category"]}
    assert codes == {"survey"}
    # Who is counted is not among what may be told: so all values are rare.
    async with analyst(f"system/Patient.rs?gender=female&{LABEL}") as client:
        found = outputs(await files_of(client, context))
    assert {line.get("gender") for line in found["Patient"]} <= {"female", None}


async def test_files_by_young_person_and_of_a_group(analyst, context, people):
    async with analyst() as client:
        found = await files_of(client, context, "Patient/$export?organizeOutputBy=Patient&_type=Patient,Goal")
        of_group = outputs(await files_of(client, context, f"{GROUP}/$export?_type=Patient,Goal"))
        whole = outputs(await files_of(client, context, "$export?_type=Patient,Goal"))
    lines = found["output", ""]
    headers = [
        line["parameter"][0]["valueReference"] for line in lines if line["resourceType"] == "Parameters"
    ]
    assert {each["reference"] for each in headers} == {f"Patient/{line['id']}" for line in whole["Patient"]}
    assert sorted(line["id"] for line in lines if line["resourceType"] == "Goal") == [
        line["id"] for line in whole["Goal"]
    ]
    assert sorted(map(text_of, of_group["Goal"])) == sorted(map(text_of, whole["Goal"]))


async def test_a_group_of_few_is_refused(analyst, context):
    async with analyst("system/*.cruds") as client:
        ids = [(await client.post("/fhir/Patient", json=CHILD)).json()["id"] for _ in range(4)]
        members = [{"entity": {"reference": f"Patient/{id_}"}} for id_ in ids]
        group = {"resourceType": "Group", "type": "person", "actual": True, "member": members}
        made = await client.post("/fhir/Group", json=group)
        assert made.status_code == 201
    async with analyst() as client:
        address = await begun(client, f"Group/{made.json()['id']}/$export?_type=Patient")
        async with working(context, Export()):
            refused_ = await ended(client, address)
    refused(refused_, 400, "export-deidentified-few")


async def test_a_group_is_exported_by_administrators_alone(analyst, context, people):
    """Of two Groups that differ by one member, the pseudonym that is in one alone would be theirs."""
    async with analyst(every=False) as client:
        refused(await client.get(f"/fhir/{GROUP}/$export", headers=ASYNC), 403, "export-deidentified-group")


async def test_what_would_tell_who_is_who_is_refused(analyst, child):
    told = ("_since=2026-01-01", "_until=2026-01-01", "_typeFilter=Patient%3Fgender%3Dmale")
    async with analyst() as client:
        for query in (*told, f"patient=Patient/{child}", "patient=Patient/nobody"):
            for handling in ("strict", "lenient"):
                headers = ASYNC | {"prefer": f"respond-async, handling={handling}"}
                answer = await client.get(f"/fhir/Patient/$export?{query}", headers=headers)
                refused(answer, 400, "export-deidentified-parameter")


async def test_types_that_there_are_not(analyst, context, child):
    async with analyst() as client:
        refused(
            await client.get("/fhir/$export?_type=Binary,Goal", headers=ASYNC),
            400,
            "export-deidentified-type",
        )
        refused(await client.get("/fhir/$export?_type=Binary", headers=ASYNC), 400)
        headers = ASYNC | {"prefer": "respond-async, handling=lenient"}
        answer = await client.get("/fhir/$export?_type=Binary,Goal", headers=headers)
        assert answer.status_code == 202
        async with working(context, Export()):
            manifest = (await ended(client, answer.headers["content-location"])).json()
    assert [each["type"] for each in manifest["output"]] == ["Goal"]
    assert len(manifest["error"]) == 2  # what was passed over, and the report


async def test_a_job_that_has_names_is_not_for_the_bound(analyst, context, child):
    async with analyst("system/Patient.rs") as plain:
        address = await begun(plain, "$export")
        async with working(context, Export()):
            manifest = (await ended(plain, address)).json()
        url = manifest["output"][0]["url"]
        assert "family" in (await plain.get(url)).text
    async with analyst() as client:
        refused(await client.get(address), 404, "job-missing")
        refused(await client.get(url), 404, "job-missing")


async def test_one_bound_scope_binds_the_others(analyst, context, child):
    async with analyst(f"system/Patient.rs system/Goal.rs?{LABEL}") as client:
        found = outputs(await files_of(client, context))
    assert found.keys() == {"Patient", "Goal"}
    assert "name" not in found["Patient"][0]

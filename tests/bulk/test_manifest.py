"""Manifests: what is in them by how the job was asked for, and pages that never change once they are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk import manifest
from service.bulk.export_request import ExportRequest
from service.bulk.manifest import MANIFEST_TYPE, Told, told
from service.storage.jobs import File, Job

BASE = "https://server.example/fhir"
ASKED = ExportRequest("system", "", f"{BASE}/$export?_type=Goal", "GET", ("Goal", "Patient"))
JOB = Job(
    "default", "a" * 32, "export", "epr", "camhs", "done", ASKED.encode(), b"{}", 1_790_000_000_000, 1, 2, 3
)
FILES = (
    File(0, 0, "error", "OperationOutcome", "p", 2, 300),
    File(1, 0, "output", "Goal", "p", 10, 1000),
    File(2, 0, "output", "Patient", "p", 5, 500),
    File(2, 1, "deleted", "Bundle", "p", 1, 100),
    File(3, 0, "report", "OperationOutcome", "p", 1, 200),
)
AT = f"{BASE}/jobs/{'a' * 32}"


def shown(request: ExportRequest = ASKED, *, whole: bool = True, page: int = 1) -> dict:
    job = replace(JOB, request=request.encode())
    made = manifest.manifest(job, told(job), FILES, BASE, page=page, whole=whole)
    assert made is not None
    return made


def test_a_manifest_as_bulk_data_2_has_it():
    assert shown() == {
        "transactionTime": "2026-09-21T14:13:20.000Z",
        "request": f"{BASE}/$export?_type=Goal",
        "requiresAccessToken": True,
        "output": [
            {"type": "Goal", "url": f"{AT}/1-0.Goal.ndjson", "count": 10},
            {"type": "Patient", "url": f"{AT}/2-0.Patient.ndjson", "count": 5},
        ],
        "deleted": [{"type": "Bundle", "url": f"{AT}/2-1.Bundle.ndjson", "count": 1}],
        "error": [
            {"type": "OperationOutcome", "url": f"{AT}/0-0.OperationOutcome.ndjson", "count": 2},
            {"type": "OperationOutcome", "url": f"{AT}/3-0.OperationOutcome.ndjson", "count": 1},
        ],
    }


def test_without_files_the_arrays_are_there_and_empty():
    made = manifest.manifest(JOB, told(JOB), (), BASE)
    assert made is not None
    assert made["output"] == made["error"] == made["deleted"] == []


def test_a_job_asked_for_by_post_is_told_of_in_both_words():
    made = shown(replace(ASKED, method="POST"))
    assert made["outcome"] == made["error"] != []
    assert made["output"][0]["fileSize"] == 1000
    assert made["request"]


def test_one_that_only_the_ballot_has_is_told_of_in_its_words_alone():
    made = shown(replace(ASKED, method="POST", ballot=True))
    assert made["manifestType"] == MANIFEST_TYPE
    assert made["outputFormat"] == "application/fhir+ndjson"
    assert not {"request", "error"} & made.keys()
    assert made["outcome"][0] == {"url": f"{AT}/0-0.OperationOutcome.ndjson", "count": 2, "fileSize": 300}
    assert made["output"][0]["type"] == "Goal"


def test_files_organised_by_a_type_are_of_none():
    made = shown(replace(ASKED, organized_by="Patient"))
    assert made["outputOrganizedBy"] == "Patient"
    assert "type" not in made["output"][0]
    assert made["error"][0]["type"] == "OperationOutcome"


def test_before_the_end_there_is_a_manifest_only_of_what_may_come_in_parts():
    assert manifest.manifest(JOB, told(JOB), FILES, BASE, whole=False) is None
    made = shown(replace(ASKED, partial=True), whole=False)
    assert [each["type"] for each in made["output"]] == ["Goal"]
    assert "link" not in made
    # What is told at the end may not be on a page that was shown before.
    assert len(made["error"]) == 1


def test_pages_lead_to_the_next():
    partial = replace(ASKED, partial=True)
    first, second = shown(partial), shown(partial, page=2)
    assert first["link"] == [{"relation": "next", "url": f"{AT}?_page=2"}]
    assert [each["type"] for each in second["output"]] == ["Patient"]
    assert len(second["deleted"]) == 1
    assert "link" not in second
    same = first.keys() - {"output", "deleted", "link", "error"}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


@pytest.mark.parametrize("page", [0, 3, 99])
def test_there_is_no_page_beyond(page):
    job = replace(JOB, request=replace(ASKED, partial=True).encode())
    assert manifest.manifest(job, told(job), FILES, BASE, page=page) is None


def test_a_job_without_partial_manifests_has_one_page():
    assert manifest.manifest(JOB, told(JOB), FILES, BASE, page=2) is None


files = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["output", "deleted", "error"])), max_size=120
).map(
    lambda found: tuple(
        File(task, ordinal, kind, "Goal", "p", 1, 1) for ordinal, (task, kind) in enumerate(sorted(found))
    )
)


@given(files, st.integers(0, 60), st.integers(0, 60))
def test_a_page_once_shown_stays_and_none_is_lost(found, first, second):
    """However far a job was when it was looked at, and at its end."""
    earlier, later = sorted((first, second))
    at_first = manifest.pages([each for each in found if each.task < earlier], whole=False)
    then = manifest.pages([each for each in found if each.task < later], whole=False)
    at_last = manifest.pages(found, whole=True)
    assert then[: len(at_first)] == at_first
    assert at_last[: len(then)] == then
    listed = [each for each in found if each.kind != "error"]
    assert [each for page in at_last for each in page] == listed
    assert at_last


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.kind)
def test_a_name_leads_to_its_file(file):
    assert manifest.numbers(manifest.name(file)) == (file.task, file.ordinal)


def test_an_organised_file_is_called_by_its_kind():
    assert manifest.name(replace(FILES[1], type="")) == "1-0.output.ndjson"


@pytest.mark.parametrize(
    "text", ["", "1-0", "1-0.Goal", "x-0.Goal.ndjson", "1-0./.ndjson", "٣-0.Goal.ndjson"]
)
def test_other_names_lead_to_none(text):
    assert manifest.numbers(text) is None


@pytest.mark.parametrize(
    ("state", "done", "total", "said"),
    [
        ("queued", 0, None, "waiting to begin"),
        ("running", 0, None, "in progress, 0 resources so far"),
        ("running", 500, None, "in progress, 500 resources so far"),
        ("running", 500, 2000, "25% complete, 500 of 2000 resources"),
        ("running", 2000, 2000, "99% complete, 2000 of 2000 resources"),
    ],
)
def test_progress_begins_with_the_hundredths(state, done, total, said):
    assert manifest.progress(replace(JOB, state=state, done=done, total=total)) == said
    assert len(said) < 100


def test_a_kind_that_tells_nothing_has_a_manifest_all_the_same():
    job = replace(JOB, kind="other")
    assert told(job) == Told("")
    made = manifest.manifest(job, told(job), FILES, BASE)
    assert made is not None
    assert made["output"]

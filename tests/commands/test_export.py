"""`thrive-fhir export`, as somebody runs it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from service.access.rule import sharing_rule
from service.outcomes.grants import Ground
from service.storage.ledger import Asked
from service.storage.open import open_store
from tests.conftest import BASE_URL
from tests.rest.serving import command
from tests.storage.builders import deletion, patient, score, stored, unit


@pytest.fixture
def filled(tmp_path, registry, extractor, clock):
    """A database with three patients and two scores, of which one was deleted."""
    database_url = f"sqlite:///{tmp_path / 'here' / 'thrive.db'}"
    assert command("migrate", database_url=database_url, check=False).returncode == 0

    async def fill() -> None:
        rule = sharing_rule(registry, BASE_URL)
        store = await open_store(database_url, registry, extractor, clock, rule=rule)
        for id_ in ("a", "b", "c"):
            await stored(store, patient(id_))
        await stored(store, score("one", "a"))
        gone = await stored(store, score("two", "b"))
        await store.commit("default", unit(deletion(gone)))
        await store.close()

    asyncio.run(fill())
    return database_url


def ran(database_url: str, *arguments: str):
    return command("export", *arguments, database_url=database_url, check=False)


def read(folder: Path) -> dict[str, list[dict]]:
    """The resources of each file."""
    return {
        path.name: [json.loads(line) for line in path.read_bytes().splitlines()]
        for path in sorted(folder.glob("*.ndjson"))
    }


def test_everything_is_in_the_folder_with_a_manifest(filled, tmp_path):
    folder = tmp_path / "out"
    done = ran(filled, str(folder), "--type", "Patient", "--type", "Observation")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["Observation: 1", "Patient: 3"]
    files = read(folder)
    assert {name: [one["id"] for one in found] for name, found in files.items()} == {
        "Observation.1.ndjson": ["one"],
        "Patient.1.ndjson": ["a", "b", "c"],
    }
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["output"] == [
        {"type": "Observation", "url": "Observation.1.ndjson", "count": 1},
        {"type": "Patient", "url": "Patient.1.ndjson", "count": 3},
    ]
    assert not (folder / ".unfinished").exists()
    assert manifest["transactionTime"] in done.stdout
    again = ran(filled, str(tmp_path / "next"), "--since", manifest["transactionTime"])
    assert again.returncode == 0
    assert read(tmp_path / "next") == {}


def told(database_url: str, registry, extractor, clock) -> list[tuple]:
    """What the audit has of exports, oldest first: the agency, what was asked for, and who is in the files."""

    async def entries():
        store = await open_store(database_url, registry, extractor, clock)
        page, _ = await store.audit.found("default", Asked(count=100, kinds=("export",)))
        await store.close()
        return [(one.event.agency, one.event.query, dict(one.event.children)) for one in reversed(page)]

    return asyncio.run(entries())


def test_the_audit_says_what_was_exported_and_who_is_in_it(filled, tmp_path, registry, extractor, clock):
    since = "2020-01-01T00:00:00+01:00"
    assert ran(filled, str(tmp_path / "a"), "--type", "Patient", "--since", since).returncode == 0
    assert ran(filled, str(tmp_path / "b"), "--patient", "a", "--patient", "b").returncode == 0
    refused = ran(filled, str(tmp_path / "c"), "--type", "Nonsense")
    assert refused.returncode == 1
    assert ran(filled, str(tmp_path / "d"), "--type", "Goal").returncode == 0
    first = "$export?_type=Patient&_since=2020-01-01T00:00:00%2B01:00"
    second = "Patient/$export?patient=Patient/a&patient=Patient/b"
    service = int(Ground.SERVICE)
    assert told(filled, registry, extractor, clock) == [
        ("", first, {}),
        ("", first, dict.fromkeys("abc", service)),
        ("", second, {}),
        ("", second, dict.fromkeys("ab", service)),
        ("", "$export?_type=Goal", {}),
    ]


def test_options_are_those_of_the_operation(filled, tmp_path):
    since = "2020-01-01T00:00:00Z"
    done = ran(filled, str(tmp_path / "a"), "--type", "Observation", "--since", since, "--elements", "status")
    assert done.returncode == 0, done.stderr
    files = read(tmp_path / "a")
    assert "subject" not in files["Observation.1.ndjson"][0]
    [bundle] = files["deleted.1.ndjson"]
    assert bundle["entry"] == [{"request": {"method": "DELETE", "url": "Observation/two"}}]
    done = ran(filled, str(tmp_path / "b"), "--patient", "a", "--by-patient")
    assert done.returncode == 0, done.stderr
    [lines] = read(tmp_path / "b").values()
    assert [one["resourceType"] for one in lines] == ["Parameters", "Patient", "Observation"]
    done = ran(filled, str(tmp_path / "c"), "--type", "Patient", "--type-filter", "Patient?_id=b")
    assert [one["id"] for one in read(tmp_path / "c")["Patient.1.ndjson"]] == ["b"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--type", "Nonsense", "--type", "Patient"], "_type names types that are exported here"),
        (["--since", "yesterday"], "_since is an instant"),
        (["--group", "nobody"], "The Group"),
    ],
)
def test_what_cannot_be_done_leaves_nothing_behind(filled, tmp_path, arguments, said):
    folder = tmp_path / "out"
    done = ran(filled, str(folder), *arguments)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert not folder.exists() or not list(folder.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(filled, tmp_path):
    done = ran(filled, str(tmp_path / "here"))
    assert done.returncode == 1
    assert "is not empty" in done.stderr

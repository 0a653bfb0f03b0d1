"""What commands start with: packages and the deployer's own search parameters are in force."""

from __future__ import annotations

import pytest

from service.commands.starting import address, kernel
from service.fhir.packages import Package
from service.fhir.search.definitions import Unusable
from service.settings import Settings
from service.storage.packages import add
from tests.rest.serving import command
from tests.storage.reindexed import files, own

NOTE = own("note-text", "string", "Observation.note.text")
BROKEN = own("broken", "string", "Observation.remark")
SAID = {"name": "elsewhere.guide", "version": "1.0.0", "fhirVersions": ["4.0.1"]}


def settings(tmp_path, **more: str) -> Settings:
    return Settings(packages=str(tmp_path / "packages"), search_parameters=str(tmp_path / "own"), **more)


def test_where_there_are_no_folders_ours_are_in_force(tmp_path):
    parts = kernel(settings(tmp_path))
    assert "goal-slot" in parts.registry.search_parameters("Goal")
    assert parts.base_url == "http://127.0.0.1:8080/fhir"
    assert parts.left_out == ()


def test_a_deployers_file_is_in_force_and_in_the_guide(tmp_path):
    files(tmp_path / "own", NOTE)
    parts = kernel(settings(tmp_path))
    assert "note-text" in parts.registry.search_parameters("Observation")
    assert parts.guide.find("SearchParameter", NOTE["url"]) == NOTE
    resource = {"resourceType": "Observation", "note": [{"text": "Calm"}]}
    assert ("note-text", "calm", "Calm") in parts.extractor.values(resource).strings


def test_a_file_that_is_no_valid_resource_is_told(tmp_path):
    files(tmp_path / "own", NOTE | {"status": "in force", "colour": "red"})
    with pytest.raises(Unusable) as refused:
        kernel(settings(tmp_path))
    assert all(sentence.startswith("note-text.json: ") for sentence in refused.value.sentences)
    assert len(refused.value.sentences) == 2


def test_a_packages_parameter_that_cannot_be_used_is_warned_of(tmp_path, capsys):
    add(tmp_path / "packages", Package(SAID, (NOTE, BROKEN)))
    parts = kernel(settings(tmp_path))
    assert "note-text" in parts.registry.search_parameters("Observation")
    assert len(parts.left_out) == 1
    assert f"is not in force. {BROKEN['url']}: Its `expression`" in capsys.readouterr().err


def test_nothing_starts_with_a_file_that_cannot_be_used(tmp_path):
    folder = str(files(tmp_path / "own", BROKEN))
    for part in ("migrate", "serve", "check", "reindex"):
        done = command(
            part, database_url=f"sqlite:///{tmp_path / 't.db'}", check=False, SEARCH_PARAMETERS=folder
        )
        assert done.returncode == 1
        assert done.stderr.startswith(
            "Error: broken.json: Its `expression`, read for Observation, cannot be used"
        )
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "t.db").exists()


def test_a_file_that_is_no_json_is_named(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.json").write_text("{")
    done = command(
        "migrate",
        database_url=f"sqlite:///{tmp_path / 't.db'}",
        check=False,
        SEARCH_PARAMETERS=str(tmp_path / "own"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: mine.json: ")


def test_an_address_of_everywhere_is_not_put_into_links(capsys):
    assert address("0.0.0.0", 8080) == "http://127.0.0.1:8080/fhir"
    assert "set THRIVE_BASE_URL" in capsys.readouterr().err

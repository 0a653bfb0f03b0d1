"""The command line, as somebody types it.

Source: docs/commands.md
"""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from service import cli
from service.fhir.packages import Package
from service.sandbox.cohort import cohort
from service.storage.open import migrate
from service.storage.packages import add
from tests.rest.serving import ROOT, command, serving

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
SAID = {"name": "elsewhere.guide", "version": "1.0.0", "fhirVersions": ["4.0.1"]}
NAMED = {
    "resourceType": "StructureDefinition",
    "id": "named",
    "url": "https://elsewhere.example/StructureDefinition/named",
    "name": "Named",
    "status": "active",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "derivation": "constraint",
    "differential": {"element": [{"id": "Patient.name", "path": "Patient.name", "min": 1}]},
}
UNMIGRATED = "Error: The database is not migrated to this version. Run `thrive-fhir migrate` first.\n"


@pytest.fixture
def empty(tmp_path):
    return f"sqlite:///{tmp_path / 'deeper' / 'thrive.db'}"


def test_every_command_and_option_is_documented_and_no_other():
    page = PAGE.read_text()
    headings = set(re.findall(r"^## `thrive-fhir (\w+)`$", page, re.MULTILINE))
    assert headings == set(cli.main.commands)
    for name, each in cli.main.commands.items():
        section = page.split(f"## `thrive-fhir {name}`")[1].split("\n## ")[0]
        options = {
            option
            for command_ in getattr(each, "commands", {"": each}).values()
            for parameter in command_.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        assert set(re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE)) == options


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_help_says_what_each_is_for(name):
    result = CliRunner().invoke(cli.main, [name, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_commands_that_do_not_work_yet_are_not_there():
    assert CliRunner().invoke(cli.main, ["report"]).exit_code == 2


def test_migrate_makes_the_database_and_may_be_repeated(empty):
    for _ in range(2):
        assert "at this version" in command("migrate", database_url=empty).stdout


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("check",), ("sandbox", "--patients", "1")])
def test_a_database_that_is_not_migrated_is_told_plainly(empty, arguments):
    done = command(*arguments, database_url=empty, check=False)
    assert (done.returncode, done.stderr) == (1, UNMIGRATED)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])
def test_a_sandbox_listens_on_this_machine_alone(empty, host):
    done = command("serve", "--sandbox", "--host", host, database_url=empty, check=False)
    assert done.returncode == 1
    assert "this machine only" in done.stderr
    assert not Path(empty.removeprefix("sqlite:///")).exists()


ALONE = ("127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST")
REACHABLE = ("0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip", "")


def test_what_is_this_machine_alone():
    assert all(cli.is_loopback(host) for host in ALONE)
    assert not any(cli.is_loopback(host) for host in REACHABLE)


def test_what_can_be_read_on_the_way():
    assert cli.is_in_the_clear("http://fhir.example/fhir")
    for address in ("https://fhir.example/fhir", "http://127.0.0.1:8080/fhir", "http://[::1]:80/fhir"):
        assert not cli.is_in_the_clear(address)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8080, "http://127.0.0.1:8080/fhir"),
        ("localhost", 1, "http://localhost:1/fhir"),
        ("::1", 8080, "http://[::1]:8080/fhir"),
        ("0.0.0.0", 8080, "http://127.0.0.1:8080/fhir"),
        ("::", 8080, "http://127.0.0.1:8080/fhir"),
    ],
)
def test_the_base_where_no_setting_says_another(host, port, url):
    assert cli.address(host, port) == url


def test_wrong_settings_are_refused_all_at_once(empty):
    done = command("serve", database_url=empty, check=False, WORKERS="none", LOG="loud")
    assert done.returncode == 1
    assert "THRIVE_WORKERS must" in done.stderr
    assert "THRIVE_LOG must" in done.stderr


def test_a_slip_of_the_keyboard_is_pointed_out(empty):
    assert "THRIVE_LOGG is no setting" in command("migrate", database_url=empty, LOGG="info").stderr


def test_a_database_that_is_away_is_told_plainly():
    done = command("migrate", database_url="postgresql://nobody@127.0.0.1:1/none", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_used_is_told_plainly(tmp_path):
    junk = tmp_path / "junk.db"
    junk.write_text("this is no database")
    for path, told in (
        (tmp_path, "unable to open"),
        (junk, "not a database"),
        ("/proc/none/t.db", "/proc/none"),
    ):
        for part in ("migrate", "check"):
            if part == "check" and "proc" in str(path):
                continue
            done = command(part, database_url=f"sqlite:///{path}", check=False)
            assert done.returncode == 1
            assert told in done.stderr
            assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_plainly(empty):
    migrate(empty)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("serve", "--port", port, database_url=empty, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Cannot listen on 127.0.0.1 port {port}: ")


def test_sandbox_into_a_file_gives_the_same_bytes_for_the_same_seed(tmp_path, empty):
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson"
    for file in (first, second):
        done = command("sandbox", "--patients", "3", "--seed", "7", "--output", str(file), database_url=empty)
    assert first.read_bytes() == second.read_bytes()
    ids = [(line["resourceType"], line["id"]) for line in map(json.loads, first.read_text().splitlines())]
    assert ids == [(each["resourceType"], each["id"]) for batch in cohort(3, 7) for each in batch]
    assert done.stdout == f"{len(ids)} resources of 3 young people.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.ndjson", "second.ndjson"]


def test_sandbox_without_young_people_is_the_agencies_alone(tmp_path, empty):
    file = tmp_path / "none.ndjson"
    command("sandbox", "--patients", "0", "--output", str(file), database_url=empty)
    types = {json.loads(line)["resourceType"] for line in file.read_text().splitlines()}
    assert "Organization" in types
    assert "Patient" not in types


def test_a_pipe_takes_what_is_written_and_stays_a_pipe(tmp_path):
    file, pipe = tmp_path / "two.ndjson", tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reading:
        taken = reading.submit(pipe.read_bytes)
        assert cli.write(pipe, 2, 7) == cli.write(file, 2, 7)
        assert taken.result() == file.read_bytes()
    assert pipe.is_fifo()


def test_a_file_that_cannot_be_written_is_told_plainly(empty):
    done = command("sandbox", "--output", "/proc/none.ndjson", database_url=empty, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: /proc/.none.ndjson.partial: No such file or directory.\n",
    )


def test_a_terminal_gets_a_bar(tmp_path):
    parent, terminal = pty.openpty()
    arguments = ["sandbox", "--patients", "2", "--output", str(tmp_path / "two.ndjson")]
    with os.fdopen(parent, "rb", buffering=0) as screen:
        subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            cwd=ROOT,
            stderr=terminal,
            stdout=terminal,
            check=True,
        )
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # what a terminal says when the last of its users is gone
            while piece := screen.read(4096):
                shown += piece
    assert "100%" in shown.decode()
    assert "resources of 2 young people." in shown.decode()


def test_the_version():
    assert CliRunner().invoke(cli.main, ["--version"]).output.startswith("thrive-fhir ")


def test_sandbox_into_the_database_passes_the_check(database_url):
    migrate(database_url)
    done = command("sandbox", "--patients", "3", "--seed", "7", database_url=database_url)
    count = sum(len(batch) for batch in cohort(3, 7))
    assert done.stdout == f"{count} resources of 3 young people.\n"
    assert "Inventing young people: 100 %" in done.stderr
    checked = command("check", database_url=database_url)
    assert checked.stdout.startswith(f"{count} resources, {count} versions, ")


@pytest.mark.slow
def test_serve_as_a_sandbox_migrates_warns_and_fills(tmp_path, empty):
    with serving(tmp_path, empty, "--sandbox", WORKERS="2") as server:
        assert len(server.workers()) == 2
        assert "Warning: this is a sandbox." in server.said()
        bundle = httpx.get(f"{server.url}/fhir/Patient?_count=200").json()
        assert len(bundle["entry"]) == cli.PATIENTS
        assert bundle["entry"][0]["fullUrl"].startswith(f"{server.url}/fhir/Patient/")
        assert server.stop() == 0
    with serving(tmp_path, empty, "--sandbox") as server:
        assert "Inventing" not in server.said()


def test_migrate_publishes_the_guide_and_only_what_is_new(database_url, guide):
    done = command("migrate", database_url=database_url)
    assert f"; {len(list(guide))} artefacts are new or changed." in done.stdout
    assert "; 0 artefacts are new or changed." in command("migrate", database_url=database_url).stdout
    checked = command("check", database_url=database_url)
    assert checked.stdout.startswith(f"{len(list(guide))} resources, ")


def test_migrate_publishes_in_the_localities_of_issuers_too(tmp_path, empty, guide):
    path = tmp_path / "issuers.json"
    issuer = {"issuer": "https://login.example", "audience": "us", "scopes": "user/*.rs"}
    path.write_text(
        json.dumps({"issuers": [issuer | {"agencies": {"x": {"agency": "school", "locality": "north"}}}]})
    )
    done = command("migrate", database_url=empty, ISSUERS=str(path))
    assert f"; {2 * len(list(guide))} artefacts are new or changed." in done.stdout
    path.write_text("{}")
    for arguments in (("migrate",), ("serve", "--port", "0")):
        done = command(*arguments, database_url=empty, check=False, ISSUERS=str(path))
        assert done.returncode == 1
        assert "The file of issuers is" in done.stderr


def test_an_added_package_that_cannot_be_used_keeps_everything_from_starting(tmp_path, empty):
    folder = tmp_path / "elsewhere.guide"
    broken = {**NAMED, "baseDefinition": "https://elsewhere.example/StructureDefinition/nowhere"}
    add(tmp_path, Package(SAID, (broken,)))
    assert folder.is_dir()
    for arguments in (("migrate",), ("serve", "--port", "0"), ("validate", "-")):
        done = command(*arguments, database_url=empty, check=False, PACKAGES=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith(f"Error: {NAMED['url']} ")


@pytest.mark.slow
def test_a_server_holds_resources_to_the_profiles_of_added_packages(tmp_path, empty):
    add(tmp_path / "packages", Package(SAID, (NAMED,)))
    with serving(tmp_path, empty, "--sandbox", PACKAGES=str(tmp_path / "packages")) as server:
        claiming = {"resourceType": "Patient", "meta": {"profile": [NAMED["url"]]}}
        refused = httpx.post(f"{server.url}/fhir/Patient", json=claiming)
        assert refused.status_code == 422
        assert refused.json()["issue"][0]["expression"] == ["Patient.name"]
        assert httpx.post(f"{server.url}/fhir/Patient", json={**claiming, "name": [{"text": "x"}]}).is_success
        found = httpx.get(f"{server.url}/fhir/StructureDefinition?url={NAMED['url']}").json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["named"]
        ours = httpx.get(f"{server.url}/fhir/StructureDefinition/gbo-score")
        assert ours.json()["url"] == "https://thrive-fhir.example/StructureDefinition/gbo-score"
        (rest,) = httpx.get(f"{server.url}/fhir/metadata").json()["rest"]
        (patients,) = [each for each in rest["resource"] if each["type"] == "Patient"]
        assert NAMED["url"] in patients["supportedProfile"]


def test_serve_is_closed_by_default(tmp_path, empty):
    migrate(empty)
    with serving(tmp_path, empty, "--workers", "1") as server:
        assert httpx.get(f"{server.url}/fhir/metadata").status_code == 200
        assert httpx.get(f"{server.url}/fhir/Patient").status_code == 401
        assert "Warning" not in server.said()

"""`thrive-fhir client` as somebody types it.

Source: docs/commands.md, docs/access.md
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qsl

import pytest
from click.testing import CliRunner

from service import cli
from service.access.keys import public_keys
from service.commands.client import sectors_of
from service.storage.ledger import Asked
from service.storage.open import migrate, open_store
from tests.access.vendors import Vendor
from tests.storage.builders import creation, unit

BASE = "https://fhir.example/fhir"
AGENCY = {
    "resourceType": "Organization",
    "id": "camhs",
    "type": [
        {"coding": [{"system": "https://thrive-fhir.example/CodeSystem/sector", "code": "nhs"}]},
        {"coding": [{"system": "https://elsewhere.example", "code": "x"}, {"code": "y"}]},
        {"coding": [{"system": "https://thrive-fhir.example/CodeSystem/sector", "code": "school"}]},
    ],
}


@pytest.fixture
def url(tmp_path, monkeypatch, registry, extractor) -> str:
    """A migrated database in which the agency is stored."""
    found = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(found)

    async def begin():
        store = await open_store(found, registry, extractor, lambda: 1)
        await store.commit("default", unit(creation(AGENCY)))
        await store.close()

    asyncio.run(begin())
    monkeypatch.setenv("THRIVE_DATABASE_URL", found)
    monkeypatch.setenv("THRIVE_BASE_URL", BASE)
    monkeypatch.setenv("THRIVE_PACKAGES", str(tmp_path / "packages"))
    return found


@pytest.fixture
def key(tmp_path):
    """The file of a vendor's public key."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(Vendor().public()))
    return path


def run(*arguments):
    return CliRunner().invoke(cli.main, ["client", *map(str, arguments)])


def add(*arguments, agency="camhs"):
    given = ("--name", "An EPR", "--agency", agency, "--scope", "system/*.rs system/Goal.cud")
    return run("add", *given, *arguments)


def listed() -> list[dict]:
    result = run("list", "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_client_is_added_and_its_vendor_told(url, key):
    result = add("--key", key, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    told = json.loads(result.stdout)
    assert told["token_endpoint"] == "https://fhir.example/auth/token"
    assert told["fhir_base"] == BASE
    assert told["scope"] == "system/*.rs system/Goal.cud"
    assert told["sectors"] == ["nhs", "school"]
    assert (told["agency"], told["locality"], told["purpose"]) == ("camhs", "default", "TREAT")
    [kept] = listed()
    assert kept["client_id"] == told["client_id"]
    [first] = public_keys({"keys": kept["keys"]})
    assert first.name == "first"


def test_what_people_read_has_all_that_is_needed(url, key):
    result = add("--key", key, "--id", "epr")
    assert result.exit_code == 0, result.output
    for part in (
        "epr",
        BASE,
        "https://fhir.example/auth/token",
        "system/Goal.cud",
        "jwt-bearer",
        "jti",
        "ES384",
    ):
        assert part in result.stdout


def test_everything_that_can_be_said(url):
    result = add(
        *("--jwks-url", "https://vendor.example/keys", "--id", "portal", "--scope", "system/Task.u"),
        *("--sector", "charity", "--sector", "health", "--purpose", "CAREMGT"),
        *("--administrator", "--governance", "--chooses-ids"),
    )
    assert result.exit_code == 0, result.output
    [kept] = listed()
    created = kept.pop("created")
    assert created.endswith("+00:00")
    assert kept == {
        "client_id": "portal",
        "name": "An EPR",
        "agency": "camhs",
        "locality": "default",
        "scope": "system/*.rs system/Goal.cud system/Task.u",
        "jwks_url": "https://vendor.example/keys",
        "sectors": ["charity", "health"],
        "purpose": "CAREMGT",
        "administrator": True,
        "governance": True,
        "chooses_ids": True,
    }
    shown = run("list").stdout
    assert "portal An EPR: Organization/camhs in default" in shown
    assert "(administrator, governance, chooses ids)" in shown


def test_an_agency_that_is_not_stored_yet_is_pointed_out(url, key):
    result = add("--key", key, agency="new")
    assert result.exit_code == 0
    assert "no Organization" in result.stderr
    assert "no sector" in result.stderr


def test_the_first_client_of_a_locality_finds_the_artefacts_there(url, key, registry, extractor):
    result = add("--key", key, "--locality", "north", "--id", "n1")
    assert result.exit_code == 0, result.output

    async def profile():
        store = await open_store(url, registry, extractor, lambda: 1, localities=("default", "north"))
        found = await store.read("north", "StructureDefinition", "gbo-score")
        await store.close()
        return found

    assert asyncio.run(profile()) is not None
    assert listed()[0]["locality"] == "north"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either keys or the address"),
        (("--jwks-url", "http://vendor.example/keys"), "https"),
        (("--jwks-url", "https://v.example/k", "--scope", "user/Goal.rs"), "system/Goal.rs"),
        (("--jwks-url", "https://v.example/k", "--id", "a b"), "id of a client"),
        (("--jwks-url", "https://v.example/k", "--locality", "a b"), "locality of a client"),
    ],
)
def test_what_cannot_be_registered_says_why(url, arguments, says):
    result = add(*arguments)
    assert result.exit_code == 1
    assert says in result.stderr
    assert listed() == []


def test_a_private_key_is_not_taken(url, tmp_path):
    path = tmp_path / "private.pem"
    path.write_bytes(Vendor().key.as_pem(private=True))
    result = add("--key", path)
    assert result.exit_code == 1
    assert "private key" in result.stderr
    path.write_bytes(b" " * (1024 * 1024 + 1))
    assert "too large" in add("--key", path).stderr


def test_an_id_is_given_once(url, key):
    assert add("--key", key, "--id", "epr").exit_code == 0
    assert run("revoke", "epr").exit_code == 0
    result = add("--key", key, "--id", "epr")
    assert result.exit_code == 1
    assert "already" in result.stderr


def test_a_client_is_revoked_once(url, key):
    add("--key", key, "--id", "epr")
    assert run("revoke", "epr").exit_code == 0
    assert "revoked" in listed()[0]
    assert "revoked 2" in run("list").stdout
    for client in ("epr", "nobody"):
        assert run("revoke", client).exit_code == 1


def test_a_client_gets_other_keys(url, key, tmp_path):
    add("--key", key, "--id", "epr")
    assert run("keys", "epr", "--jwks-url", "https://vendor.example/keys").exit_code == 0
    assert "keys" not in listed()[0]
    assert run("keys", "epr", "--key", key).exit_code == 0
    assert "jwks_url" not in listed()[0]
    assert "either keys" in run("keys", "epr").stderr
    assert run("keys", "nobody", "--key", key).exit_code == 1


def told(url, registry, extractor, locality="default"):
    """What the audit was told of clients, oldest first: what was done, and what is said of the client."""

    async def found():
        store = await open_store(url, registry, extractor, lambda: 1)
        entries, _ = await store.audit.found(locality, Asked(100, kinds=("security",), rising=True))
        await store.close()
        return [(entry.event.what, dict(parse_qsl(entry.event.query))) for entry in entries]

    return asyncio.run(found())


def test_what_is_done_to_clients_is_told_to_the_audit(url, key, registry, extractor):
    add("--key", key, "--id", "epr", "--administrator")
    assert run("keys", "epr", "--jwks-url", "https://vendor.example/keys").exit_code == 0
    assert run("revoke", "epr").exit_code == 0
    assert run("list").exit_code == 0
    client = {
        "client": "epr",
        "agency": "camhs",
        "scope": "system/*.rs system/Goal.cud",
        "administrator": "true",
        "sectors": "nhs school",
        "purpose": "TREAT",
    }
    assert told(url, registry, extractor) == [
        ("client-add", client),
        ("client-keys", client),
        ("client-revoke", client),
    ]


def test_a_client_is_changed_and_the_audit_told_what_it_may_from_then_on(url, key, registry, extractor):
    add("--key", key, "--id", "epr", "--administrator", "--chooses-ids")
    [before] = listed()
    done = run(
        *("change", "epr", "--scope", "system/Goal.rs  system/Task.u", "--no-administrator", "--governance"),
        *("--sector", "charity", "--purpose", "CAREMGT", "--name", "The EPR"),
    )
    assert done.exit_code == 0, done.output
    [after] = listed()
    assert after == {name: value for name, value in before.items() if name != "administrator"} | {
        "scope": "system/Goal.rs system/Task.u",
        "governance": True,
        "sectors": ["charity"],
        "purpose": "CAREMGT",
        "name": "The EPR",
    } | {"administrator": False}
    assert run("change", "epr", "--no-governance").exit_code == 0
    assert listed() == [after | {"governance": False}]
    said = {
        "client": "epr",
        "agency": "camhs",
        "scope": "system/Goal.rs system/Task.u",
        "chooses_ids": "true",
    }
    said |= {"sectors": "charity", "purpose": "CAREMGT"}
    assert told(url, registry, extractor)[1:] == [
        ("client-change", {**said, "governance": "true"}),
        ("client-change", said),
    ]


def test_keys_that_are_changed_are_told_of_as_keys(url, key, registry, extractor):
    add("--key", key, "--id", "epr")
    assert run("change", "epr", "--jwks-url", "https://vendor.example/keys").exit_code == 0
    assert listed()[0]["jwks_url"] == "https://vendor.example/keys"
    assert "keys" not in listed()[0]
    assert run("change", "epr", "--key", key, "--name", "The EPR").exit_code == 0
    assert "jwks_url" not in listed()[0]
    whats = [what for what, _ in told(url, registry, extractor)]
    assert whats == ["client-add", "client-keys", "client-change", "client-keys"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Say what"),
        (("--scope", "user/Goal.rs"), "system/Goal.rs"),
        (("--scope", " "), "Without scopes"),
        (("--purpose", "a b"), "codes"),
        (("--jwks-url", "http://vendor.example/keys"), "https"),
        (("--name", ""), "name of a client"),
    ],
)
def test_what_a_client_cannot_be_changed_to(url, key, registry, extractor, arguments, says):
    add("--key", key, "--id", "epr")
    before = listed()
    result = run("change", "epr", *arguments)
    assert result.exit_code == 1
    assert says in result.stderr
    assert listed() == before
    assert len(told(url, registry, extractor)) == 1


def test_who_is_revoked_or_unknown_is_not_changed(url, key, registry, extractor):
    add("--key", key, "--id", "epr")
    run("revoke", "epr")
    before = told(url, registry, extractor)
    for client in ("epr", "nobody"):
        result = run("change", client, "--administrator")
        assert (result.exit_code, "no client" in result.stderr) == (1, True)
    assert listed()[0]["administrator"] is False
    assert told(url, registry, extractor) == before


def test_what_was_not_done_is_not_told_to_the_audit(url, key, registry, extractor):
    add("--key", key, "--id", "epr")
    run("revoke", "epr")
    before = told(url, registry, extractor)
    assert add("--key", key, "--id", "epr").exit_code == 1
    for arguments in (("revoke", "epr"), ("revoke", "nobody"), ("keys", "epr", "--key", key)):
        assert run(*arguments).exit_code == 1
    assert told(url, registry, extractor) == before


def test_it_is_told_in_the_locality_of_the_client(url, key, registry, extractor):
    add("--key", key, "--id", "epr", "--locality", "north")
    assert [what for what, _ in told(url, registry, extractor, "north")] == ["client-add"]
    assert told(url, registry, extractor) == []


def test_who_is_revoked_is_shut_out_whatever_keeps_the_audit(url, key, tmp_path, monkeypatch):
    add("--key", key, "--id", "epr")
    broken = tmp_path / "parameters"
    broken.mkdir()
    (broken / "one.json").write_text("{")
    monkeypatch.setenv("THRIVE_SEARCH_PARAMETERS", str(broken))
    result = run("revoke", "epr")
    assert result.exit_code == 1
    assert "It is done" in result.stderr
    assert "revoked" in listed()[0]


def test_nobody_is_registered_at_first(url):
    assert run("list").stdout == "No client was registered.\n"
    assert listed() == []


def test_sectors_are_of_our_system():
    assert sectors_of(AGENCY) == ("nhs", "school")
    assert sectors_of({"resourceType": "Organization"}) == ()

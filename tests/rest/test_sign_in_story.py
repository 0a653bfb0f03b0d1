"""Signing in on a real server of several processes: what one of them has seen, all of them know, restarts included.

Source: docs/access.md, ADR 0021
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from joserfc import jwt

from service.storage.open import migrate
from tests.access.vendors import Vendor, form, make_key
from tests.conftest import DATABASES
from tests.postgres import fresh_database
from tests.rest.serving import command, serving

ISSUER_KEY = make_key("RS256")
TRIES = 24  # connections of their own: the kernel deals them out to the workers
pytestmark = pytest.mark.slow


class Elsewhere:
    """A server of somebody else's, which shows JSON documents by path."""

    def __init__(self) -> None:
        documents: dict[str, Any] = {}

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                found = documents.get(self.path)
                self.send_response(404 if found is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(found or {}).encode())

            def log_message(self, *_):
                """Says nothing."""

        self.documents = documents
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    made.documents["/realm/.well-known/openid-configuration"] = {
        "issuer": f"{made.url}/realm",
        "jwks_uri": f"{made.url}/realm/keys",
    }
    made.documents["/realm/keys"] = {"keys": [{**ISSUER_KEY.as_dict(private=False), "kid": "login"}]}
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module", params=DATABASES)
def url(request, tmp_path_factory) -> str:
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path_factory.mktemp('signing-in') / 'thrive.db'}"
    else:
        found = fresh_database(request.getfixturevalue("postgres_server"))
    migrate(found)
    return found


@pytest.fixture(scope="module")
def vendor(url, tmp_path_factory) -> Vendor:
    made = Vendor()
    path = tmp_path_factory.mktemp("vendor") / "keys.json"
    path.write_text(made.keys())
    given = ("--name", "An EPR", "--agency", "camhs", "--scope", "system/*.cruds", "--id", "epr")
    command("client", "add", *given, "--key", str(path), database_url=url)
    return made


@pytest.fixture(scope="module")
def server(url, vendor, elsewhere, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    issuers = folder / "issuers.json"
    issuers.write_text(
        json.dumps(
            {
                "issuers": [
                    {
                        "issuer": f"{elsewhere.url}/realm",
                        "audience": "us",
                        "scopes": "user/*.rs",
                        "algorithms": ["RS256"],
                        "agency": "org",
                        "agencies": {"S1": {"agency": "school"}},
                    }
                ]
            }
        )
    )
    with serving(folder, url, "--workers", "3", ISSUERS=str(issuers), STRANGER_RATE="0") as running:
        yield running


def now() -> int:
    return time.time_ns() // 1_000_000


def signed(vendor, server, **claims) -> str:
    return vendor.assertion(now(), aud=f"{server.url}/auth/token", **claims)


def sign_in(vendor, server) -> str:
    answer = httpx.post(f"{server.url}/auth/token", data=form(signed(vendor, server)))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def statuses(server, token: str) -> set[int]:
    """What a read comes to on connections of their own."""
    headers = {"authorization": f"Bearer {token}"}
    return {httpx.get(f"{server.url}/fhir/Patient", headers=headers).status_code for _ in range(TRIES)}


def test_an_assertion_counts_once_in_all_processes(server, vendor):
    once = form(signed(vendor, server))
    answers = [httpx.post(f"{server.url}/auth/token", data=once) for _ in range(TRIES)]
    assert [each.status_code for each in answers] == [200] + [400] * (TRIES - 1)


def test_an_assertion_counts_once_after_a_restart_too(url, vendor, tmp_path):
    with serving(tmp_path, url, "--workers", "1") as first:
        once = form(signed(vendor, first))
        assert httpx.post(f"{first.url}/auth/token", data=once).status_code == 200
    port = first.url.rpartition(":")[2]
    with serving(tmp_path, url, "--workers", "1", "--port", port) as second:
        assert second.url == first.url
        denied = httpx.post(f"{second.url}/auth/token", data=once).json()
        assert "used before" in denied["error_description"]


def test_a_token_lets_in_everywhere_and_once_called_back_nowhere(server, vendor):
    token = sign_in(vendor, server)
    assert statuses(server, token) == {200}
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.post(f"{server.url}/auth/revoke", data={"token": token}, headers=headers).status_code == 200
    time.sleep(1.1)
    assert statuses(server, token) == {401}


def test_the_token_of_another_issuer_lets_in(server, elsewhere):
    second = int(time.time())
    claims = {
        "iss": f"{elsewhere.url}/realm",
        "aud": "us",
        "iat": second,
        "exp": second + 100,
        "client_id": "portal",
        "org": "S1",
        "scope": "user/Patient.rs",
        "fhirUser": "Practitioner/kim",
    }
    header = {"alg": "RS256", "kid": "login"}
    token = jwt.encode(header, claims, ISSUER_KEY, algorithms=["RS256"])
    assert statuses(server, token) == {200}
    forged = jwt.encode(header, claims, make_key("RS256"), algorithms=["RS256"])
    assert statuses(server, forged) == {401}
    assert statuses(server, jwt.encode(header, claims | {"org": "S2"}, ISSUER_KEY, algorithms=["RS256"])) == {
        401
    }


def test_keys_at_an_address_are_fetched(server, url, elsewhere):
    other = Vendor(client="portal", algorithm="RS384", key=ISSUER_KEY)
    elsewhere.documents["/vendor"] = json.loads(other.keys())
    given = ("--name", "A portal", "--agency", "school", "--scope", "system/*.rs", "--id", "portal")
    command("client", "add", *given, "--jwks-url", f"{elsewhere.url}/vendor", database_url=url)
    token = sign_in(other, server)
    assert statuses(server, token) == {200}


def test_a_revoked_client_is_out_everywhere(server, vendor, url):
    token = sign_in(vendor, server)
    assert statuses(server, token) == {200}
    command("client", "revoke", "epr", database_url=url)
    time.sleep(1.1)
    assert statuses(server, token) == {401}
    denied = httpx.post(f"{server.url}/auth/token", data=form(signed(vendor, server)))
    assert denied.json()["error"] == "invalid_client"

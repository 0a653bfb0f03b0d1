import asyncio
import json

import pytest
from joserfc.jwk import ECKey

from benchmarks import access
from benchmarks.__main__ import main
from benchmarks.access import ASSERTION_TYPE, MARGIN_SECONDS, Access, Client
from benchmarks.figures import result_from_json
from benchmarks.target import TOKEN_MARK, target
from benchmarks.wire import Garbled
from tests.benchmarks.token_server import token_endpoint


@pytest.fixture(scope="module")
def key():
    return ECKey.generate_key("P-384", {"kid": "load-key"})


@pytest.fixture
def endpoint(key):
    with token_endpoint(key) as server:
        yield server


@pytest.fixture
def client(endpoint, key):
    return Client("load-client", endpoint.url, key)


def test_a_client_signs_in_as_the_specification_says(client, endpoint):
    client.sign_in()
    assert client.token == b"token-1"
    [claims] = endpoint.claims
    assert claims["iss"] == claims["sub"] == "load-client"
    assert claims["aud"] == endpoint.url
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert claims["grant_type"] == "client_credentials"
    assert ASSERTION_TYPE.endswith(":jwt-bearer")


def test_no_assertion_is_sent_twice(client, endpoint):
    for _ in range(3):
        client.sign_in()
        client._expires = 0
    assert len({claims["jti"] for claims in endpoint.claims}) == 3


def test_a_token_that_lasts_is_kept(client, endpoint):
    for _ in range(3):
        client.sign_in()
    assert len(endpoint.claims) == 1


def test_a_refusal_is_told(endpoint):
    stranger = Client("load-client", endpoint.url, ECKey.generate_key("P-384", {"kid": "other"}))
    with pytest.raises(Garbled, match="sign-in: 401"):
        stranger.sign_in()


async def test_tokens_are_renewed_while_the_load_runs(endpoint, client, monkeypatch):
    monkeypatch.setattr(access, "LOOK_SECONDS", 0.01)
    endpoint.seconds = MARGIN_SECONDS - 1  # so that every look finds it too old
    both = Access(client, client, "agency")
    async with both.kept_fresh():
        first = client.token
        for _ in range(200):
            await asyncio.sleep(0.01)
            if client.token != first:
                break
    assert client.token != first
    count = len(endpoint.claims)
    await asyncio.sleep(0.05)
    assert len(endpoint.claims) == count


def test_what_is_shared_is_read_by_the_reader_and_all_else_is_the_writers(key):
    writer = Client("w", "http://127.0.0.1/token", key, b"the-writers")
    reader = Client("r", "http://127.0.0.1/token", key, b"the-readers")
    goal = target("http://127.0.0.1:1/fhir", access=Access(writer, reader, "agency"))
    body = b'{"note":"%b"}' % TOKEN_MARK
    requests = {
        b"the-readers": [goal.get(b"/Goal/1"), goal.get(b"/Patient?name=a")],
        b"the-writers": [goal.post(b"/Goal", body), goal.put(b"/Goal/1", body), goal.delete(b"/Goal/1")],
    }
    requests[b"the-writers"].append(goal.get(b"/Patient/1"))
    for token, prepared in requests.items():
        for request in prepared:
            sent = goal.signed(request)
            assert b"\r\nAuthorization: Bearer " + token + b"\r\n" in sent
            assert sent.endswith(request.partition(b"\r\n\r\n")[2])


def test_a_target_without_access_sends_what_was_prepared():
    goal = target("http://127.0.0.1:1/fhir")
    request = goal.get(b"/Patient/1")
    assert goal.signed(request) is request
    assert b"Authorization" not in request


@pytest.mark.parametrize("given", [["--serve", "bare"], ["--base-url", "http://127.0.0.1:1/fhir"]])
def test_access_wants_a_server_of_our_own(given, capsys):
    with pytest.raises(SystemExit) as end:
        main(["crud", *given, "--access"])
    assert end.value.code == 2
    assert "--access" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["crud", "transaction"])
def test_the_load_runs_without_an_error_under_access_control(scenario, tmp_path, capsys):
    path = tmp_path / "results.json"
    given = [scenario, "--serve", "sqlite", "--access", "--workers", "1", "--connections", "2"]
    assert main([*given, "--seconds", "0.5", "--warm-up", "0.1", "--json", str(path)]) == 0
    [one] = [result_from_json(found) for found in json.loads(path.read_text())["results"]]
    assert one.access
    assert one.requests > 0
    assert not {"401", "403", "404"} & one.statuses.keys()
    assert "with access" in capsys.readouterr().out

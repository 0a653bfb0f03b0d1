"""Nothing by which somebody could sign in is written down: not in the log, not in the store, not in an answer.

Two workers, as in production, with everything that a client can get wrong about its secrets.

Source: docs/logging.md, docs/security.md, https://www.rfc-editor.org/rfc/rfc6750#section-5.2
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from service.storage.open import migrate
from tests.rest.serving import Server, command, serving

AGENCY = "secret-keeping-agency"
SCOPE = "system/*.cruds"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FHIR = {"content-type": "application/fhir+json"}


class Vendor:
    """A client as its vendor runs it: a key of its own, and every secret that it ever held."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.key = ECKey.generate_key("P-384", {"kid": "of-2026", "alg": "ES384", "use": "sig"})
        public = folder / "public.json"
        public.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))
        added = command(
            "client", "add", "--name", "An EPR", "--agency", AGENCY, "--scope", SCOPE,
            "--key", str(public), "--chooses-ids", "--json",
            database_url=database_url,
        )  # fmt: skip
        self.id = json.loads(added.stdout)["client_id"]
        self.secrets: list[str] = [self.key.as_dict(private=True)["d"]]
        self.count = 0

    def assertion(self, audience: str, key: ECKey | None = None) -> str:
        self.count += 1
        now = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": audience,
            "jti": f"one-time-name-{self.count}",
            "iat": now,
            "exp": now + 240,
        }
        signed = jwt.encode(
            {"alg": "ES384", "kid": "of-2026", "typ": "JWT"}, claims, key or self.key, algorithms=["ES384"]
        )
        self.secrets.append(signed)
        return signed

    def form(self, assertion: str) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }


def everything(vendor: Vendor, http: httpx.Client) -> list[httpx.Response]:
    """Signing in and calling, right and wrong, with secrets in every place where somebody may put them."""
    token_url = http.get("/fhir/.well-known/smart-configuration").json()["token_endpoint"]
    right = vendor.assertion(token_url)
    signed_in = http.post(token_url, data=vendor.form(right))
    assert signed_in.status_code == 200, signed_in.text
    token = signed_in.json()["access_token"]
    vendor.secrets.append(token)
    bearer = {"authorization": f"Bearer {token}"}
    wrong = vendor.assertion(token_url, ECKey.generate_key("P-384", {"kid": "of-2026"}))
    organization = json.dumps({"resourceType": "Organization", "name": "A service"})
    cut = {"authorization": f"Bearer {token[:-4]}AAAA"}
    answers = [
        http.post(token_url, data=vendor.form(right)),  # a second time
        http.post(token_url, data=vendor.form(wrong)),
        http.post(token_url, data=vendor.form(vendor.assertion("https://elsewhere.example/token"))),
        http.post(token_url, params={"client_assertion": vendor.assertion(token_url)}),
        http.post(token_url, content=vendor.assertion(token_url)),
        http.post(f"{token_url}/{vendor.assertion(token_url)}"),
        http.get("/fhir/Organization", headers=bearer),
        http.post("/fhir/Organization", content=organization, headers=bearer | FHIR),
        http.get("/fhir/Organization", headers=cut),
        http.get("/fhir/Organization", params={"access_token": token}),
        http.get("/fhir/Organization", params={"access_token": token}, headers=bearer),
        http.get(
            "/fhir/Organization",
            params={"access_token": token},
            headers={**bearer, "prefer": "handling=lenient"},
        ),
        http.post("/fhir/Organization/_search", data={"access_token": token}, headers=bearer),
        http.get(f"/fhir/Organization/{token}", headers=bearer),
        http.get("/fhir/$nothing", params={"client_assertion": right}, headers=bearer),
        http.get("/fhir/Organization", headers={"authorization": f"Basic {token}"}),
        http.get("/fhir/Organization", headers={**bearer, "x-request-id": token}),
        http.post(token_url.replace("/token", "/introspect"), data={"token": token}, headers=bearer),
        http.post(token_url.replace("/token", "/revoke"), data={"token": token}, headers=bearer),
        http.get("/auth/jwks"),
        http.get("/openapi.json"),
    ]
    time.sleep(1.5)  # a revoked token counts a second longer in other workers
    answers.append(http.get("/fhir/Organization", headers=bearer))
    assert answers[-1].status_code == 401
    return answers


def parts(secret: str) -> list[str]:
    """The secret as it is, and what of it would do: a token's signature, in each way that text is written."""
    core = secret.rpartition(".")[2]
    return [core, base64.b64encode(core.encode()).decode().rstrip("=")[4:-4], core.encode().hex()]


@pytest.fixture
def ran(tmp_path: Path, database_url: str):
    migrate(database_url)
    vendor = Vendor(tmp_path, database_url)
    with serving(tmp_path, database_url, "--workers", "2", LOG="debug") as server:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            answers = everything(vendor, http)
        assert server.stop() == 0
    return vendor, server, answers


def test_no_token_assertion_or_key_is_written_down(ran, tmp_path: Path, database_url: str):
    vendor, server, answers = ran
    assert len(vendor.secrets) > 6
    written = _written(server, tmp_path, database_url)
    for secret in vendor.secrets:
        for part in parts(secret):
            assert part.encode() not in written["log"], "in the log"
            assert part.encode() not in written["store"], "in the store"
    told = b"\n".join(answer.content for answer in answers)
    for secret in vendor.secrets:
        assert secret.rpartition(".")[2].encode() not in told, "in an answer"


def _written(server: Server, folder: Path, database_url: str) -> dict[str, bytes]:
    """All that the server wrote: its output, and its database."""
    if database_url.startswith("sqlite"):
        store = b"".join(path.read_bytes() for path in folder.rglob("*.db*"))
    else:
        store = asyncio.run(_rows(database_url))
    assert AGENCY.encode() in store
    return {"log": server.said().encode(), "store": store}


async def _rows(database_url: str) -> bytes:
    """Every row of every table as PostgreSQL writes it, bytes in hexadecimal."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = [
            row[0]
            for (table,) in tables
            for row in await connection.fetch(f'SELECT t::text FROM "{table}" t')
        ]
    finally:
        await connection.close()
    return "\n".join(found).encode()

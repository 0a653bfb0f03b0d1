"""A vendor: whoever has a key, gets it registered, and signs in with it. Knows of the service what a vendor is told."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.rest.serving import command

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATIENCE = 60  # seconds for one answer of a busy machine
KEPT = 120  # seconds that a token is used; it lasts for 300
ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "RSA": "RS384"}


def new_key(kind: str) -> ECKey | RSAKey:
    """A key pair: RSA, or of a curve."""
    parameters = {"kid": f"key-{secrets.token_hex(4)}", "use": "sig", "alg": ALGORITHMS[kind]}
    if kind == "RSA":
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key(kind, parameters)


@dataclass
class Vendor:
    """A registered client. `told` is what `thrive-fhir client add` said."""

    name: str
    agency: str
    scope: str
    folder: Path
    kind: str = "P-384"
    key: Any = None
    told: dict[str, Any] = field(default_factory=dict)
    _kept: tuple[str, float] = ("", 0.0)

    def register(self, database_url: str, *flags: str, **settings: str) -> None:
        """Makes a key, and has its public half registered."""
        self.key = new_key(self.kind)
        public = self.folder / f"{self.name}.public"
        if self.kind == "RSA":  # as PEM, which has no `kid`
            public.write_bytes(self.key.as_pem(private=False))
        else:
            public.write_text(json.dumps(self.key.as_dict(private=False)))
        given = ["--name", self.name, "--agency", self.agency, "--scope", self.scope, "--key", str(public)]
        done = command("client", "add", *given, *flags, "--json", database_url=database_url, **settings)
        self.told = json.loads(done.stdout)

    @property
    def id(self) -> str:
        return self.told["client_id"]

    def assertion(self, audience: str) -> str:
        """A signed assertion, good once and for four minutes."""
        now = int(time.time())
        claims = {"iss": self.id, "sub": self.id, "aud": audience, "iat": now, "exp": now + 240}
        header = {"alg": ALGORITHMS[self.kind], "kid": self.key.kid, "typ": "JWT"}
        return jwt.encode(
            header,
            {**claims, "jti": secrets.token_urlsafe(16)},
            self.key,
            algorithms=list(ALGORITHMS.values()),
        )

    def jwks_file(self, key: ECKey | RSAKey | None = None) -> Path:
        """The private key as the key set that smart-fetch takes."""
        key = key or self.key
        path = self.folder / f"{self.name}-{key.kid}.jwks"
        path.write_text(json.dumps({"keys": [{**key.as_dict(private=True), "key_ops": ["sign"]}]}))
        return path

    def pem_file(self) -> Path:
        """The private key as PEM."""
        path = self.folder / f"{self.name}.pem"
        path.write_bytes(self.key.as_pem(private=True))
        return path

    def headers(self, base_url: str) -> dict[str, str]:
        """What a request of the vendor carries."""
        token, since = self._kept
        if time.monotonic() - since > KEPT or not token:
            self._kept = token, _ = self.token(base_url), time.monotonic()
        return {"Authorization": f"Bearer {token}"}

    def token(self, base_url: str, scope: str | None = None) -> str:
        """A new token, from the endpoint that discovery names."""
        discovered = httpx.get(f"{base_url}/.well-known/smart-configuration", timeout=PATIENCE).json()
        endpoint = discovered["token_endpoint"]
        form = {
            "grant_type": "client_credentials",
            "scope": scope or self.scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(endpoint),
        }
        answer = httpx.post(endpoint, data=form, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

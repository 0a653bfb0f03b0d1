"""A vendor with a key pair, who signs client assertions: rightly, and in every wrong way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from service.storage.registrations import Registration
from tests.conftest import BASE_URL

TOKEN_URL = f"{BASE_URL.removesuffix('/fhir')}/auth/token"
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_names = itertools.count(1)


def make_key(algorithm: str = "ES384") -> Key:
    """A key pair for the algorithm; for RSA the shortest that is taken."""
    if algorithm in CURVES:
        return ECKey.generate_key(CURVES[algorithm], private=True)
    return RSAKey.generate_key(2048, private=True)


@dataclass
class Vendor:
    """Who made a client: its id, its key, and the name that it calls the key by."""

    client: str = "epr"
    algorithm: str = "ES384"
    kid: str | None = "first"
    key: Key = field(default_factory=make_key)

    def public(self) -> dict[str, Any]:
        """The JWK that the vendor gives out."""
        named = {} if self.kid is None else {"kid": self.kid}
        return {**self.key.as_dict(private=False), **named}

    def keys(self) -> str:
        """The JWK Set that the vendor gives out."""
        return json.dumps({"keys": [self.public()]})

    def registration(self, **given: Any) -> Registration:
        """How the client is registered."""
        told = {"scopes": "system/*.cruds", "keys": self.keys()} | given
        return Registration(self.client, "default", "camhs", "An EPR", **told)

    def claims(self, now: int, **given: Any) -> dict[str, Any]:
        """What a right assertion claims at this time (milliseconds); None in `given` leaves a claim out."""
        right = {
            "iss": self.client,
            "sub": self.client,
            "aud": TOKEN_URL,
            "exp": now // 1000 + 240,
            "iat": now // 1000,
            "jti": f"assertion-{next(_names)}",
        }
        return {name: value for name, value in (right | given).items() if value is not None}

    def header(self, **given: Any) -> dict[str, Any]:
        """The header of a right assertion; None in `given` leaves a member out."""
        right = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid}
        return {name: value for name, value in (right | given).items() if value is not None}

    def assertion(self, now: int, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed assertion, right but for what is given."""
        made = self.header(**(header or {}))
        return jwt.encode(
            made, self.claims(now, **claims), self.key, algorithms=[made["alg"]], default_type=None
        )


def compact(header: dict[str, Any], claims: dict[str, Any] | bytes, sign=lambda _signed: b"") -> str:
    """A token put together by hand, with whatever signature."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(payload)}"
    return f"{signed}.{_encoded(sign(signed.encode()))}"


def by_hmac(secret: bytes):
    """What signs by HS256 with these bytes as the secret."""
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def form(assertion: str | None, **given: Any) -> dict[str, str]:
    """The form of a token request, right but for what is given; None leaves a parameter out."""
    right = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": "system/*.rs",
    }
    return {name: value for name, value in (right | given).items() if value is not None}

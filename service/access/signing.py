"""The key that our access tokens are signed by: made from a secret of the store, so every worker has the same.

Source: https://www.rfc-editor.org/rfc/rfc7515, NIST FIPS 186-5 appendix A.2.1, ADR 0021
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey

from service.access.keys import PublicKey
from service.fhir import codec

ALGORITHM: Final = "ES256"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the kind of token, as RFC 9068 section 2.1 names it
SECRET: Final = "access-tokens"  # noqa: S105 - the name of the secret in the store

# The order of the curve P-256. Source: NIST SP 800-186 section 3.2.1.3
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Units: bytes: 64 bits more than the order has, so that what is left of it favours no number that matters.
_DRAWN: Final = 40


class Signer:
    """Signs access tokens, and gives out the public key by which others check them."""

    def __init__(self, secret: bytes) -> None:
        """Takes 32 random bytes; the same bytes give the same key."""
        drawn = HKDFExpand(SHA256(), _DRAWN, b"thrive-fhir access tokens ES256").derive(secret)
        number = int.from_bytes(drawn, "big") % (_ORDER - 1) + 1
        private = ec.derive_private_key(number, ec.SECP256R1())
        self._key = ECKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._name = self._key.thumbprint()
        public = ECKey.import_key(self._key.as_dict(private=False))
        self.public = PublicKey(public, self._name, frozenset({ALGORITHM}))

    def sign(self, claims: dict[str, Any]) -> str:
        """The access token with these claims."""
        header = {"typ": TOKEN_TYPE, "alg": ALGORITHM, "kid": self._name}
        return jws.serialize_compact(header, codec.encode(claims), self._key, algorithms=[ALGORITHM])

    def document(self) -> dict[str, Any]:
        """The JWK Set with the public key."""
        key: dict[str, Any] = {**self.public.key.as_dict(private=False)}
        return {"keys": [key | {"kid": self._name, "alg": ALGORITHM, "use": "sig"}]}

"""The key of our tokens: the same for every worker, another for every database, and checked by anybody.

Source: RFC 7515, RFC 7638
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import KeySet

from service.access.keys import presented, public_keys, signed_by
from service.access.signing import _ORDER, ALGORITHM, Signer

SECRET = bytes(range(32))


def test_the_same_secret_gives_the_same_key_and_another_another():
    assert Signer(SECRET).document() == Signer(SECRET).document()
    made = {Signer(secrets.token_bytes(32)).document()["keys"][0]["x"] for _ in range(20)}
    assert len(made) == 20


def test_what_it_signs_is_checked_by_what_it_gives_out():
    signer = Signer(SECRET)
    token = signer.sign({"sub": "epr", "exp": 1})
    claims = jwt.decode(token, KeySet.import_key_set(signer.document()), algorithms=[ALGORITHM]).claims
    assert claims == {"sub": "epr", "exp": 1}
    read = presented(token.encode())
    assert read.header == {"typ": "at+jwt", "alg": "ES256", "kid": signer.document()["keys"][0]["kid"]}
    assert signed_by(read, (signer.public,))
    assert signed_by(read, public_keys(signer.document()))
    assert not signed_by(read, (Signer(bytes(32)).public,))


def test_what_it_gives_out_has_no_private_part():
    [key] = Signer(SECRET).document()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert not Signer(SECRET).public.key.is_private


def test_the_order_of_the_curve_is_its_order():
    assert ec.derive_private_key(_ORDER - 1, ec.SECP256R1())
    try:
        ec.derive_private_key(_ORDER, ec.SECP256R1())
    except ValueError:
        return
    raise AssertionError("a number that is no private key was taken")

"""Keys of others: which are taken, which never, and what a signature must fit to count.

Source: RFC 7515, RFC 7517, RFC 8725
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey

from service.access.keys import (
    ALGORITHMS,
    MOST_KEYS,
    KeyRefused,
    candidates,
    moment,
    presented,
    public_keys,
    read_keys,
    signed_by,
    text_of,
)
from tests.access.vendors import Vendor, by_hmac, compact, make_key

NOW = 1_700_000_000_000
RSA = make_key("RS384")


def vendor(algorithm: str) -> Vendor:
    return Vendor(algorithm=algorithm, key=make_key(algorithm) if algorithm.startswith("ES") else RSA)


def counts(token: str, *vendors: Vendor) -> bool:
    read = presented(token.encode())
    return read is not None and signed_by(read, public_keys({"keys": [each.public() for each in vendors]}))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signed_counts_by_each_algorithm(algorithm):
    own = vendor(algorithm)
    assert counts(own.assertion(NOW), own)
    assert counts(own.assertion(NOW), vendor("ES256"), own)
    assert not counts(own.assertion(NOW), Vendor(algorithm=algorithm, key=make_key(algorithm)))


def test_what_was_changed_after_it_was_signed_does_not_count():
    own = vendor("ES384")
    header, claims, signature = own.assertion(NOW).split(".")
    others = own.assertion(NOW, sub="another").split(".")
    assert not counts(".".join((header, others[1], signature)), own)
    assert not counts(".".join((header, claims, others[2])), own)
    assert not counts(f"{header}.{claims}.", own)


def test_nobody_signs_by_none():
    own = vendor("ES384")
    for name in ("none", "None", "NONE", ""):
        assert not counts(compact(own.header(alg=name), own.claims(NOW)), own)
    assert not counts(compact({"typ": "JWT"}, own.claims(NOW)), own)


def test_a_public_key_is_nobodys_shared_secret():
    """HS256 with the public key as the secret: the oldest trick."""
    for own in (vendor("ES384"), vendor("RS384")):
        for secret in (own.key.as_pem(private=False), json.dumps(own.public()).encode()):
            for name in ("HS256", "HS384", "HS512"):
                forged = compact(own.header(alg=name), own.claims(NOW), by_hmac(secret))
                assert not counts(forged, own)


def test_an_algorithm_that_is_none_of_ours_or_no_text_does_not_count():
    own = vendor("ES384")
    for name in ("ES256K", "EdDSA", "PS256", 1, ["ES384"], {"x": 1}, None, True):
        assert not counts(compact(own.header() | {"alg": name}, own.claims(NOW), lambda _: b"x" * 96), own)


def test_an_extension_that_must_be_understood_is_not():
    own = vendor("ES384")
    token = own.assertion(NOW, {"crit": ["typ"]})
    assert presented(token.encode()) is None
    assert presented(compact(own.header(b64=False, crit=["b64"]), own.claims(NOW)).encode()) is None


def test_a_key_that_the_token_does_not_name_does_not_count():
    own, other = vendor("ES384"), vendor("ES384")
    other.kid = "second"
    assert not counts(own.assertion(NOW, {"kid": "second"}), own, other)
    assert counts(own.assertion(NOW, {"kid": None}), other, own)
    own.kid = None
    assert counts(own.assertion(NOW, {"kid": "whatever"}), own)


def test_a_key_may_be_named_by_its_thumbprint():
    own, other = vendor("ES384"), vendor("ES384")
    assert counts(own.assertion(NOW, {"kid": own.key.thumbprint()}), other, own)
    assert not counts(own.assertion(NOW, {"kid": other.key.thumbprint()}), other, own)


def test_a_key_says_by_which_algorithm_it_signs():
    own = vendor("RS384")
    only = public_keys({"keys": [own.public() | {"alg": "RS384"}]})
    assert signed_by(presented(own.assertion(NOW).encode()), only)
    other = Vendor(algorithm="RS256", key=own.key)
    assert not signed_by(presented(other.assertion(NOW).encode()), only)
    assert candidates(presented(other.assertion(NOW).encode()), only) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"a.b",
        b"a.b.c",
        b"a.b.c.d",
        b"....",
        "é.é.é".encode(),
        compact({"alg": "ES384"}, b"[]").encode(),
        compact({"alg": "ES384"}, b"1").encode(),
        compact({"alg": "ES384"}, b'{"exp": NaN}').encode(),
        compact({"alg": "ES384"}, b"{" * 100_000).encode(),
        compact([], {}).encode(),
        compact("x", {}).encode(),
    ],
)
def test_what_is_no_token_is_not_read(raw):
    assert presented(raw) is None


@given(st.binary(max_size=200))
def test_reading_never_fails(raw):
    presented(raw)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_reading_never_fails_on_what_looks_like_a_token(header, claims, signature):
    token = compact({"alg": "ES384", "kid": header}, claims.encode(), lambda _: signature.encode())
    read = presented(token.encode())
    if read is not None:
        assert not signed_by(read, public_keys({"keys": [vendor("ES384").public()]}))


def test_times_are_finite_numbers():
    claims = {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": "1",
        "e": None,
        "f": float("inf"),
        "g": 10**400,
        "h": float("nan"),
    }
    assert [moment(claims, name) for name in "abcdefghi"] == [1.0, 1.5, *[None] * 7]
    assert [text_of({"a": "x", "b": 1}, name) for name in "abc"] == ["x", "", ""]


def test_a_file_of_keys_is_read_as_jwk_as_set_and_as_pem():
    for algorithm in ("ES256", "ES384", "ES512", "RS384"):
        own = vendor(algorithm)
        for raw in (
            json.dumps(own.public()).encode(),
            own.keys().encode(),
            own.key.as_pem(private=False),
        ):
            [found] = public_keys(json.loads(read_keys(raw)))
            assert signed_by(presented(own.assertion(NOW).encode()), (found,))
            assert found.name == (None if b"BEGIN" in raw else "first")


def test_the_key_of_a_certificate_is_taken():
    own = vendor("ES384")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A vendor")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.key.public_key)
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(own.key.private_key, hashes.SHA384())
    )
    [found] = public_keys(json.loads(read_keys(certificate.public_bytes(Encoding.PEM))))
    assert signed_by(presented(own.assertion(NOW).encode()), (found,))


def test_what_else_a_key_says_is_not_kept():
    own = vendor("RS384")
    told = own.public() | {"key_ops": ["sign"], "use": "sig", "x5c": ["AA"], "alg": "RS384", "note": "ours"}
    [kept] = json.loads(read_keys(json.dumps(told).encode()))["keys"]
    assert kept.keys() == {"kty", "n", "e", "kid", "alg"}


PRIVATE = "private key"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (RSA.as_pem(private=True), PRIVATE),
        (json.dumps(RSA.as_dict(private=True)).encode(), PRIVATE),
        (json.dumps({"keys": [Vendor().public(), make_key().as_dict(private=True)]}).encode(), PRIVATE),
        (json.dumps(OctKey.generate_key(256).as_dict()).encode(), PRIVATE),
        (json.dumps({"kty": "RSA", "n": "u" * 171, "e": "AQAB"}).encode(), "2048"),
        (json.dumps({"kty": "RSA", "n": "u" * 2800, "e": "AQAB"}).encode(), "8192"),
        (json.dumps({"kty": "RSA", "n": "u" * 400}).encode(), "numbers"),
        (json.dumps({"kty": "RSA", "n": 7, "e": "AQAB"}).encode(), "numbers"),
        (json.dumps(ECKey.generate_key("secp256k1").as_dict(private=False)).encode(), "cannot be used"),
        (json.dumps(Vendor().public() | {"use": "enc"}).encode(), "signatures"),
        (json.dumps(Vendor().public() | {"alg": "ES256"}).encode(), "cannot be used"),
        (json.dumps(Vendor().public() | {"alg": ["ES384"]}).encode(), "cannot be used"),
        (json.dumps(Vendor().public() | {"kid": 1}).encode(), "kid"),
        (json.dumps(Vendor().public() | {"kid": "x" * 501}).encode(), "kid"),
        (json.dumps(Vendor().public() | {"x": "!"}).encode(), "numbers"),
        (json.dumps(Vendor().public() | {"x": 1}).encode(), "numbers"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "AA"}).encode(), "RSA"),
        (json.dumps({"kty": ["EC"]}).encode(), "RSA"),
        (b'{"keys": []}', "from 1"),
        (b'{"keys": {}}', "from 1"),
        (b'{"keys": [1]}', "JSON object"),
        (json.dumps({"keys": [Vendor().public()] * (MOST_KEYS + 1)}).encode(), "from 1"),
        (b"hello", "neither"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "public key"),
    ],
    ids=lambda given: given if isinstance(given, str) else "key",  # some of them are made anew each time
)
def test_what_cannot_be_registered_says_why(raw, says):
    with pytest.raises(KeyRefused, match=says):
        read_keys(raw)


def test_keys_of_a_set_that_cannot_be_used_are_passed_over():
    own = Vendor()
    given_keys = [1, {}, make_key().as_dict(private=True), own.public()]
    assert [each.name for each in public_keys({"keys": given_keys})] == ["first"]
    assert len(public_keys({"keys": [own.public()] * 100})) == MOST_KEYS
    for nothing in ({}, {"keys": 1}, {"keys": None}, {"keys": "x"}):
        assert public_keys(nothing) == ()

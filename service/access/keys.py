"""Public keys of others, and what they signed: JSON Web Keys, PEM, and JSON Web Tokens.

Nothing of a token is believed before its signature is checked, and a signature counts only by an
algorithm from a list of ours that fits the kind of key: a token does not choose how it is checked.

Source: https://www.rfc-editor.org/rfc/rfc7515, https://www.rfc-editor.org/rfc/rfc7517, RFC 8725 section 3.1, ADR 0021
"""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from service.fhir import codec
from service.fhir.problems import Malformed

ALGORITHMS: Final = ("RS384", "ES384", "ES256", "ES512", "RS256", "RS512", "PS384")
"""By which clients may sign, the first two those that SMART wants of every server.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

# Units: bits. Shorter ones can be broken. Source: https://www.rfc-editor.org/rfc/rfc7518#section-3.3
SHORTEST_RSA: Final = 2048
# Checking with longer ones takes long, and a client could make us do so.
LONGEST_RSA: Final = 8192
MOST_KEYS: Final = 20  # of a set: a client has a few, those that it lets go of among them
LONGEST_NAME: Final = 500  # characters of a `kid`

# What a public key is made of; all else that a JWK says of it is left out, but for its name and algorithm.
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("kty", "n", "e"),
    "EC": ("kty", "crv", "x", "y"),
}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SIGNED_BY: Final[Mapping[str, frozenset[str]]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS384"}),
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
}

Json = dict[str, Any]


class KeyRefused(Exception):  # noqa: N818 - a state of what was given, said to a person
    """A key that cannot be registered; the sentence says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, the name that its owner calls it by (`kid`), and the algorithms it may be used with.

    `thumbprint` is the name that anybody can give it, and libraries do (RFC 7638).
    """

    key: Key
    name: str | None
    algorithms: frozenset[str]
    thumbprint: str = ""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a token says of itself. Nothing of it is true before `signed_by` says so."""

    raw: bytes
    header: Json
    claims: Json

    @property
    def algorithm(self) -> str:
        """By what it says that it is signed; empty where it does not say."""
        given = self.header.get("alg")
        return given if isinstance(given, str) else ""

    @property
    def key_name(self) -> str | None:
        """The name of the key that it says it is signed by."""
        given = self.header.get("kid")
        return given if isinstance(given, str) else None


class _Registry(jws.JWSRegistry):
    """What joserfc may check by. Certificates in a header make it longer than joserfc expects."""

    max_header_length = 8_192


_REGISTRY: Final = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)
_claims = msgspec.json.Decoder(dict[str, Any]).decode


def presented(raw: bytes) -> Presented | None:
    """The token, read and not believed; None where it is no JSON Web Token that we could check."""
    try:
        read = jws.extract_compact(raw, registry=_REGISTRY)
        header, claims = dict(read.headers()), _claims(read.payload)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    # An extension that must be understood is one that we do not: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
    if "crit" in header or "b64" in header:
        return None
    return Presented(raw, header, claims)


def signed_by(token: Presented, keys: Iterable[PublicKey], algorithms: Collection[str] = ALGORITHMS) -> bool:
    """Whether the token was signed by the owner of one of the keys.

    Where it names a key, those of other names do not count.
    """
    if token.algorithm not in algorithms:
        return False
    return any(_verifies(token, each) for each in candidates(token, keys))


def candidates(token: Presented, keys: Iterable[PublicKey]) -> list[PublicKey]:
    """The keys by which the token may be signed, going by what it says."""
    name = token.key_name
    return [
        each
        for each in keys
        if token.algorithm in each.algorithms
        and (name is None or each.name is None or name in {each.name, each.thumbprint})
    ]


def _verifies(token: Presented, key: PublicKey) -> bool:
    try:
        jws.deserialize_compact(token.raw, key.key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A claim of time in seconds since 1970; None where it is absent or no finite number."""
    given = claims.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        seconds = float(given)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def text_of(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is text; empty where it is absent or anything else."""
    given = claims.get(name)
    return given if isinstance(given, str) else ""


def public_keys(document: Json) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set with which a signature can be checked; others are passed over."""
    given = document.get("keys")
    found: list[PublicKey] = []
    for each in given[:MOST_KEYS] if isinstance(given, list) else ():
        try:
            found.append(_public_key(each))
        except KeyRefused:
            continue
    return tuple(found)


def read_keys(raw: bytes) -> str:
    """The JWK Set, as JSON, of a file that holds a JWK, a JWK Set, or a public key or certificate as PEM.

    Raises:
        KeyRefused: there is no key in it that could be used, or one that must not be given to anybody.
    """
    given = [_of_pem(raw)] if b"-----BEGIN" in raw else _listed(raw)
    if not 0 < len(given) <= MOST_KEYS:
        raise KeyRefused(f"A client has from 1 to {MOST_KEYS} keys.")
    keys = [_public_key(each) for each in given]
    return codec.encode({"keys": [_document(each) for each in keys]}).decode()


def _document(key: PublicKey) -> Json:
    document: Json = dict(key.key.as_dict(private=False))
    kept = {name: document[name] for name in _MEMBERS[document["kty"]]}
    if len(key.algorithms) == 1:
        kept["alg"] = next(iter(key.algorithms))
    return kept | ({} if key.name is None else {"kid": key.name})


def _listed(raw: bytes) -> list[Any]:
    try:
        document = codec.decode(raw)
    except Malformed:
        raise KeyRefused("It is neither JSON nor PEM.") from None
    keys = document.get("keys", [document])
    return keys if isinstance(keys, list) else []


def _of_pem(raw: bytes) -> Json:
    if b"PRIVATE KEY" in raw:
        raise _private()
    attempts: tuple[Callable[[bytes], Key], ...] = (RSAKey.import_key, ECKey.import_key)
    for attempt in attempts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # a short key is refused in our own words
                return dict(attempt(raw).as_dict(private=False))
        except (JoseError, ValueError, TypeError):
            continue
    raise KeyRefused("It is no public key of RSA or of an elliptic curve.")


def _public_key(given: Any) -> PublicKey:
    """The key of a JWK.

    Raises:
        KeyRefused: it is private, of another kind, too weak, or not for signatures.
    """
    if not isinstance(given, dict):
        raise KeyRefused("A key is a JSON object.")
    if _PRIVATE & given.keys():
        raise _private()
    kind, name = given.get("kty"), given.get("kid")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise KeyRefused("Only keys of RSA and of elliptic curves (kty RSA, EC) are used here.")
    if given.get("use", "sig") != "sig":
        raise KeyRefused("The key is not for signatures.")
    if name is not None and (not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME):
        raise KeyRefused("The name of a key (kid) is a text, and not a long one.")
    algorithms = _algorithms(kind, given)
    try:
        if kind == "RSA":
            _require_size(given["n"])
        key = JWKRegistry.import_key({member: given[member] for member in _MEMBERS[kind]})
    except (JoseError, LookupError, ValueError, TypeError):
        raise KeyRefused("The numbers of the key cannot be read.") from None
    return PublicKey(key, name, algorithms, key.thumbprint())


def _require_size(modulus: str) -> None:
    """Lets a modulus pass that is neither too short to be safe nor so long that checking takes for ever."""
    bits = int.from_bytes(base64.urlsafe_b64decode(modulus + "==")).bit_length()
    if not SHORTEST_RSA <= bits <= LONGEST_RSA:
        raise KeyRefused(f"A key of RSA has from {SHORTEST_RSA} to {LONGEST_RSA} bits.")


def _algorithms(kind: str, given: Json) -> frozenset[str]:
    usable = _SIGNED_BY.get(kind if kind == "RSA" else str(given.get("crv")), frozenset())
    declared = given.get("alg")
    found = usable if declared is None else usable & {declared} if isinstance(declared, str) else frozenset()
    if not found:
        raise KeyRefused(f"The key cannot be used with any of {', '.join(ALGORITHMS)}.")
    return found


def _private() -> KeyRefused:
    return KeyRefused("This is a private key. Keep it to yourself, and give the public one.")

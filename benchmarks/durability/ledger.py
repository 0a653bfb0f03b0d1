"""The ledger: every write that the server acknowledged, and those whose fate a kill left open.

One writer owns a resource, so that at any moment at most one write of it is open.

Source: design, section 5
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_decoder = msgspec.json.Decoder(float_hook=str)
_encoder = msgspec.json.Encoder(order="deterministic")


def digest(body: bytes) -> bytes:
    """Return a fingerprint of exact bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()


def decode(body: bytes) -> Json:
    """Return the resource, its decimals as the text they are written in. Raises ValueError."""
    value = _decoder.decode(body)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - the text is wrong, not a caller's type
    return value


def content(resource: Json, references: Mapping[str, str] | None = None) -> bytes:
    """Return a fingerprint of what a client meant: all but id, version and time, references resolved."""
    meant = {name: value for name, value in resource.items() if name not in {"id", "meta"}}
    meta = dict(resource.get("meta", {}))
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    if meta:
        meant["meta"] = meta
    return digest(_encoder.encode(_resolved(meant, references or {})))


def _resolved(value: Any, references: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {
                name: references.get(one, one)
                if name == "reference" and isinstance(one, str)
                else _resolved(one, references)
                for name, one in value.items()
            }
        case list():
            return [_resolved(one, references) for one in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Version:
    """One acknowledged version. `exact` fingerprints its bytes where the answer showed them; both None: deleted."""

    exact: bytes | None
    meant: bytes | None

    @property
    def deleted(self) -> bool:
        """Whether this version is a deletion."""
        return self.exact is None and self.meant is None

    def is_of(self, body: bytes) -> bool:
        """Return whether the body is this version's."""
        if self.exact is not None:
            return self.exact == digest(body)
        return self.meant == content(decode(body))


DELETED = Version(None, None)


@dataclass(slots=True)
class Track:
    """A resource's acknowledged versions, the number of the last, and the write that is open, if any."""

    type: str
    id: str
    versions: dict[int, Version]
    last: int = 1
    open: Version | None = None

    @property
    def current(self) -> Version:
        """The last version acknowledged."""
        return self.versions[self.last]

    def acknowledge(self, version: int, what: Version) -> None:
        """Note the next version."""
        self.versions[version] = what
        self.last = version
        self.open = None


@dataclass(frozen=True, slots=True)
class OpenCreate:
    """A create that was sent and not answered; found again by its identifier."""

    type: str
    system: str
    serial: str
    meant: bytes


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """A transaction that was sent and not answered. `parts`: identifier system to type and count."""

    serial: str
    parts: tuple[tuple[str, str, int], ...]


@dataclass(slots=True)
class Ledger:
    """All that one database must hold, and what was found wrong so far."""

    tracks: list[Track] = field(default_factory=list)
    touched: dict[tuple[str, str], Track] = field(default_factory=dict)
    open_creates: list[OpenCreate] = field(default_factory=list)
    open_bundles: list[OpenBundle] = field(default_factory=list)
    acknowledged: int = 0
    faults: list[str] = field(default_factory=list)

    def adopt(self, track: Track) -> None:
        """Take in a resource that was acknowledged for the first time."""
        self.tracks.append(track)
        self.touch(track)

    def touch(self, track: Track) -> None:
        """Note that this round wrote to the resource, or may have."""
        self.touched[track.type, track.id] = track

    def close_round(self) -> None:
        """Forget which resources the last round touched; what they must hold stays."""
        self.touched.clear()
        self.open_creates.clear()
        self.open_bundles.clear()

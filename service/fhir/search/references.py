"""References as search sees them: the type and id of a resource of ours, or an address elsewhere.

Source: https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from service.fhir.registry import Registry

Target = tuple[str, str]  # type and id; type "" for an address elsewhere, which is then the id

# Source: https://hl7.org/fhir/R4/datatypes.html#id
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_HISTORY = "/_history/"

# Each reference is looked at several times in a write, and most lead to what others lead to as well. Only short ones
# are remembered, so that what somebody sends does not fill the memory.
USUAL = 200  # characters
REMEMBERED = 10_000


def is_absolute(text: str) -> bool:
    """Whether the text begins with a URI scheme."""
    return _ABSOLUTE.match(text) is not None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Which addresses are ours: those relative to `base_url`, which has no trailing slash."""

    registry: Registry
    base_url: str

    def target(self, text: str) -> Target | None:
        """What a literal reference points at, versions left out; None for a fragment and for what is no address."""
        local = self.local(text)
        if local is not None:
            return local
        if not is_absolute(text):
            return None
        return "", text.partition(_HISTORY)[0]

    def local(self, text: str) -> Target | None:
        """The type and id of a relative reference, or of an absolute one under our base; else None."""
        return (_usual if len(text) <= USUAL else _local)(self.registry, self.base_url, text)

    def canonical(self, text: str) -> list[Target]:
        """What a canonical points at: its URL and, where it names one, its version of that; none for a fragment."""
        whole = text.partition("#")[0]
        url, bar, _ = whole.partition("|")
        target = self.target(url)
        if target is None:
            return []
        return [target, ("", whole)] if bar else [target]

    def type_of(self, target: Target, stated: str | None) -> str | None:
        """The type of the resource behind a reference: as its address names it, else as the reference states it."""
        type_, id_ = target
        if type_:
            return type_
        parts = id_.rsplit("/", 2)
        return parts[1] if len(parts) == 3 and self.registry.is_resource(parts[1]) else stated


def _parts(base: str, text: str) -> Target | None:
    """What stands where a literal reference below the base has its type, and the id behind it; None without an id."""
    if text.startswith(base) and text[len(base) : len(base) + 1] == "/":
        text = text[len(base) + 1 :]
    type_, slash, rest = text.partition("/")
    if not slash:
        return None
    id_ = rest.partition(_HISTORY)[0]
    return (type_, id_) if ID.fullmatch(id_) else None


def _local(registry: Registry, base: str, text: str) -> Target | None:
    """Type and id of a literal reference below the base to a resource of R4."""
    parts = _parts(base, text)
    return parts if parts is not None and registry.is_resource(parts[0]) else None


_usual = lru_cache(REMEMBERED)(_local)


def names_version(text: str) -> bool:
    """Whether a literal reference is to one version of a resource."""
    return _HISTORY in text

"""One scope, as it is written: in whose name, which resources, what may be done, and how it is narrowed.

Both grammars of SMART App Launch are read: `system/Observation.read` of version 1, and
`system/Observation.rs?category=survey` of version 2.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, cast
from urllib.parse import parse_qsl, urlencode

In = Literal["system", "user", "patient"]
Pairs = tuple[tuple[str, str], ...]

ALL: Final = "*"
LETTERS: Final = "cruds"
"""Create; read (with versions and an instance's history); update and patch; delete; search (with other histories)."""

# Scopes of signing in, which are about no resource. They are passed over, and never granted.
SIGN_IN: Final = frozenset(
    {"openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "online_access"}
)
# More are of no use that we know of, and reading them must end.
MOST: Final = 400
LONGEST_QUERY: Final = 1_000
# Conditions that the scopes of one text may put on resources, all together. They are made out for each token
# anew, and stand in each search: ten times as many as any client here needs.
MOST_CONDITIONS: Final = 100
# As so many counts a condition that is read in each type anew, of which there are some thirty.
_IN_EACH_TYPE: Final = 10

# Search parameters that mean the same in every type.
# Source: https://hl7.org/fhir/R4/resource.html#search
COMMON: Final = frozenset({"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"})

# Version 1 says `write` for what version 2 says `cud`.
_FIRST_VERSION: Final = {"read": "rs", "write": "cud", "*": LETTERS}
_SCOPE: Final = re.compile(
    r"(?P<in>system|user|patient)/(?P<type>\*|[A-Z][A-Za-z]{1,63})\."
    r"(?:(?P<word>read|write|\*)|(?P<letters>(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>.+))?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A scope as understood. `text` is how it was written; two that mean the same are equal."""

    context: In
    type: str
    letters: str
    pairs: Pairs = ()
    text: str = field(default="", compare=False)

    def meet(self, other: Grant) -> Grant | None:
        """What both allow, None where that is nothing; written as this one is where it is all of this one."""
        if self.context != other.context or (ALL not in {self.type, other.type} and self.type != other.type):
            return None
        letters = "".join(letter for letter in self.letters if letter in other.letters)
        if not letters:
            return None
        type_ = other.type if self.type == ALL else self.type
        pairs = self.pairs + tuple(pair for pair in other.pairs if pair not in self.pairs)
        found = Grant(self.context, type_, letters, pairs)
        return self if found == self else Grant(self.context, type_, letters, pairs, found.written())

    @property
    def is_common(self) -> bool:
        """Whether it is narrowed by what means the same in every type."""
        return all(name.partition(":")[0] in COMMON for name, _ in self.pairs)

    @property
    def weight(self) -> int:
        """How much of `MOST_CONDITIONS` it is: each alternative of each parameter counts."""
        conditions = sum(1 + value.count(",") for _, value in self.pairs)
        return conditions if self.type != ALL or self.is_common else conditions * _IN_EACH_TYPE

    def written(self) -> str:
        """The scope in the grammar of version 2."""
        narrowed = f"?{urlencode(self.pairs, safe=':|,/')}" if self.pairs else ""
        return f"{self.context}/{self.type}.{self.letters}{narrowed}"


def read_grants(text: str) -> tuple[Grant, ...]:
    """The scopes about resources in a text of scopes with spaces between; what is not understood is left out.

    So is what goes beyond `MOST` and `MOST_CONDITIONS`.
    """
    return tuple(_bounded(_read(part) for part in text.split(" ")[:MOST] if part))


def common(requested: Iterable[Grant], allowed: Iterable[Grant]) -> Iterator[Grant]:
    """What of the scopes requested is allowed, each once, as far as `read_grants` goes."""
    permitted = tuple(allowed)
    yield from _bounded(one.meet(other) for one in requested for other in permitted)


def _bounded(given: Iterable[Grant | None]) -> Iterator[Grant]:
    """Each once, until there are too many; what narrows too much is left out, and others that follow it are not."""
    found: set[Grant] = set()
    conditions = 0
    for grant in given:
        if grant is None or grant in found or conditions + grant.weight > MOST_CONDITIONS:
            continue
        if len(found) == MOST:
            return
        found.add(grant)
        conditions += grant.weight
        yield grant


def _read(text: str) -> Grant | None:
    found = _SCOPE.fullmatch(text)
    if found is None:
        return None
    letters = found["letters"] or _FIRST_VERSION[found["word"]]
    pairs = _pairs(found["query"] or "")
    if pairs is None:
        return None
    return Grant(cast("In", found["in"]), found["type"], letters, pairs, text)


def _pairs(query: str) -> Pairs | None:
    """The parameters of a narrowing; None where they cannot be read."""
    if len(query) > LONGEST_QUERY:
        return None
    try:
        return tuple(
            parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else ()
        )
    except ValueError:
        return None

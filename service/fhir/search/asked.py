"""One alternative of one criterion, as a parameter type is asked to read it.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4.3
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast, get_args

from service.fhir.definitions import SearchParameter
from service.fhir.registry import Registry
from service.fhir.search.escapes import unescape
from service.fhir.search.expressions import Expression, Prefix

PREFIXES = frozenset(get_args(Prefix))


@dataclass(frozen=True, slots=True)
class Setting:
    """What reading a query needs beside its text.

    `base_url` has no trailing slash. `now` is in microseconds since 1970-01-01T00:00:00Z;
    `ap` on dates is measured from it.
    """

    registry: Registry
    base_url: str
    now: int


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` is one alternative between commas, still escaped; `name` is the criterion's, for refusals."""

    setting: Setting
    parameter: SearchParameter
    name: str
    modifier: str | None
    text: str

    @property
    def code(self) -> str:
        """The parameter's code."""
        return self.parameter.code

    @property
    def value(self) -> str:
        """The text without its escapes."""
        return unescape(self.text)


Reader = Callable[[Asked], Expression]


def prefixed(text: str) -> tuple[Prefix, str]:
    """The prefix of an ordered value, `eq` where it has none, and the rest.

    Source: https://hl7.org/fhir/R4/search.html#prefix
    """
    prefix = text[:2]
    return (cast("Prefix", prefix), text[2:]) if prefix in PREFIXES else ("eq", text)

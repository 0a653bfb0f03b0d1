"""The search expression tree: the one meaning that SQL and the in-memory matcher share.

Everything in it is a frozen value that holds search values as they are stored:
instants as microseconds since 1970-01-01T00:00:00Z in half-open ranges, numbers as
float ranges, strings folded. A parameter is named by its code (`subject`, `_tag`) and
read in the resource type of the query, chain or reverse chain it stands in.

Source: https://hl7.org/fhir/R4/search.html, ADR 0004
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
StringMatch = Literal["starts", "exact", "contains"]
UriMatch = Literal["exact", "above", "below"]

# Open ends of periods and of ranges: years 1 and 9999 fit with room to spare.
EARLIEST = -(2**62)
LATEST = 2**62


@dataclass(frozen=True, slots=True)
class Everything:
    """True of every resource."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """True of no resource."""


@dataclass(frozen=True, slots=True)
class And:
    """True where every part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where any part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where `part` is not."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Ids:
    """The logical id is one of `ids`."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class LastUpdated:
    """meta.lastUpdated against the half-open range [low, high), microseconds."""

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Token:
    """A code, identifier, boolean. system None: any; "": none given. code None: any of the system."""

    parameter: str
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to `type`/`id`; type None: of any type. An absolute URL or canonical has type "" and the URL as id."""

    parameter: str
    type: str | None
    id: str


@dataclass(frozen=True, slots=True)
class String:
    """A string: `value` is folded (lower case, no accents, spaces joined) unless `match` is exact."""

    parameter: str
    value: str
    match: StringMatch


@dataclass(frozen=True, slots=True)
class Date:
    """A date or period against the half-open range [low, high), microseconds."""

    parameter: str
    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number against `value` and the range [low, high) that its digits imply."""

    parameter: str
    prefix: Prefix
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantity:
    """As Number, with unit. system None and code None: any unit; system None: `code` as code or unit text."""

    parameter: str
    prefix: Prefix
    value: float
    low: float
    high: float
    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri, compared whole, or by path segments for above and below."""

    parameter: str
    value: str
    match: UriMatch


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether the parameter has no value at all."""

    parameter: str
    missing: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The parameter refers to a current resource of `type` of which `where` is true."""

    parameter: str
    type: str
    where: Expression


@dataclass(frozen=True, slots=True)
class Has:
    """A current resource of `type` refers here by its `parameter`, and `where` is true of it."""

    type: str
    parameter: str
    where: Expression


# What reads one parameter of the resource at hand.
Leaf = Token | Reference | String | Date | Number | Quantity | Uri | Missing
Expression = Everything | Nothing | And | Or | Not | Ids | LastUpdated | Leaf | Chain | Has


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one resource type: what must hold, how many a page, and where the page begins.

    `after` is the resource key that the previous page ended with (keyset paging in
    the order in which resources were first stored). `total` asks for the count as well.
    """

    type: str
    where: Expression
    count: int
    after: int | None = None
    total: bool = False

"""R4's query grammar: `name=value` pairs read as a search.

Nothing that is asked is left out silently: what is not understood refuses the search,
or is named in `ignored` where the caller is lenient.

Source: https://hl7.org/fhir/R4/search.html, ADR 0004
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.fhir.problems import Issue, Malformed
from service.fhir.registry import Registry
from service.fhir.search import refusals
from service.fhir.search.asked import Setting
from service.fhir.search.criteria import condition, offered
from service.fhir.search.expressions import And, Chain, Everything, Expression, Has, Ids, Not, Or, Query

# How results are shown, not which: taken here.
RESULT_PARAMETERS = ("_count", "_total", "_page")

# How bodies are written: taken by the layer that speaks HTTP.
FORMAT_PARAMETERS = frozenset({"_format", "_pretty"})

# Known to R4, not offered here.
UNSUPPORTED = frozenset({
    "_sort", "_include", "_revinclude", "_summary", "_elements", "_contained", "_containedType", "_score",
    "_type", "_list", "_text", "_content", "_filter", "_query",
})  # fmt: skip

# SQLite parses each alternative a level deeper, and 1000 levels at most; half leaves room for what each needs.
# Source: https://sqlite.org/limits.html (SQLITE_MAX_EXPR_DEPTH)
MOST_CONDITIONS = 500

# What `Prefer: handling=lenient` lets pass. A wrong modifier or value never is (R4 says SHALL reject).
_IGNORABLE = frozenset({"search-parameter-unknown", "search-parameter-unsupported", "search-value-empty"})

_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_MICROSECONDS = 1_000  # in a millisecond


@dataclass(frozen=True, slots=True)
class Search:
    """A search as understood.

    `understood` holds the pairs that were, for the self link, with `_count` as it was
    granted. `ignored` names parameters left out at the caller's wish. `page` is the value
    of the opaque `_page`, which is in neither. `query.count` is 0 where only the total is
    wanted.
    """

    query: Query
    understood: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    page: str | None


# FHIR's texts never hold it, and PostgreSQL's cannot be asked for it.
_NO_TEXT = "\x00"


def parse(  # noqa: PLR0913 - each is a plain fact of the request or the configuration, given by name
    registry: Registry,
    type_: str,
    pairs: Sequence[tuple[str, str]],
    *,
    base_url: str,
    count_default: int,
    count_limit: int,
    lenient: bool,
    now: int,
) -> Search:
    """The search that the pairs (percent-decoded, in order) ask of a served resource type.

    `now` is in milliseconds since 1970-01-01T00:00:00Z; `ap` on dates is measured from it.

    Raises:
        Malformed: something was not understood; every such thing is an issue.
    """
    setting = Setting(registry, base_url, now * _MICROSECONDS)
    reading = _Reading(setting, type_, lenient, min(count_default, count_limit), count_limit)
    faults: list[Issue] = []
    for name, value in pairs:
        try:
            if _NO_TEXT in name or _NO_TEXT in value:
                raise refusals.no_text()
            reading.take(name, value)
        except Malformed as problem:
            faults += problem.issues
    if _conditions(reading.where) > MOST_CONDITIONS:
        faults += refusals.too_many(MOST_CONDITIONS).issues
    if faults:
        raise Malformed.of(faults)
    return reading.search()


@dataclass(slots=True)
class _Reading:
    """A search while its pairs are read."""

    setting: Setting
    type: str
    lenient: bool
    count: int
    count_limit: int
    total: bool = False
    page: str | None = None
    conditions: list[Expression] = field(default_factory=list)
    understood: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def take(self, name: str, value: str) -> None:
        """Takes one pair in.

        Raises:
            Malformed: it is not understood, and may not be left out.
        """
        if name in FORMAT_PARAMETERS:
            return
        try:
            if not value:
                raise refusals.empty(name)
            if name in RESULT_PARAMETERS:
                self._take_result(name, value)
            else:
                self._take_criterion(name, value)
        except Malformed as problem:
            if not self.lenient or problem.issues[0].slug not in _IGNORABLE:
                raise
            self.ignored.append(name)

    def search(self) -> Search:
        """The search that was read."""
        query = Query(self.type, self.where, self.count, total=self.total)
        return Search(query, tuple(self.understood), tuple(self.ignored), self.page)

    @property
    def where(self) -> Expression:
        """What must hold."""
        match self.conditions:
            case []:
                return Everything()
            case [only]:
                return only
            case _:
                return And(tuple(self.conditions))

    def _take_criterion(self, name: str, value: str) -> None:
        code = name.partition(":")[0]
        if code in UNSUPPORTED:
            raise refusals.unsupported_parameter(code, self.type, self._valid())
        if (
            name.startswith("_has:")
            or code in self.setting.registry.search_parameters(self.type)
            or "." in name
        ):
            self.conditions.append(condition(self.setting, self.type, name, value))
        else:
            raise refusals.unknown_parameter(code, self.type, self._valid())
        self.understood.append((name, value))

    def _valid(self) -> list[str]:
        return [*offered(self.setting, self.type), "_has", *RESULT_PARAMETERS[:2]]

    def _take_result(self, name: str, value: str) -> None:
        if name in self.seen:
            raise refusals.repeated(name)
        self.seen.add(name)
        match name:
            case "_page":
                self.page = value
            case "_total":
                self.total = self.total or _total(value)
                self.understood.append((name, value))
            case _:
                self.count = min(_count(value), self.count_limit)
                self.total = self.total or self.count == 0
                self.understood.append((name, str(self.count)))


def _count(value: str) -> int:
    if _COUNT.fullmatch(value) is None:
        raise refusals.unreadable(
            "_count", "search-value-count", "give a whole number of resources a page; 0 gives the total alone"
        )
    return int(value)


def _total(value: str) -> bool:
    if value not in {"none", "estimate", "accurate"}:
        raise refusals.unreadable("_total", "search-value-total", "give `none`, `estimate` or `accurate`")
    return value != "none"


def _conditions(expression: Expression) -> int:
    """How many conditions there are in the expression, each id counted."""
    match expression:
        case And(parts) | Or(parts):
            return sum(map(_conditions, parts))
        case Not(part):
            return _conditions(part)
        case Chain(where=where) | Has(where=where):
            return _conditions(where) + 1
        case Ids(ids):
            return len(ids)
        case _:
            return 1

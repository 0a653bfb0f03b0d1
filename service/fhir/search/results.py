"""How results are shown: the parameters of a search that choose no resource.

Source: https://hl7.org/fhir/R4/search.html#modifying
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from service.fhir.search import refusals, subsets
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import SortKey, TotalMode
from service.fhir.search.includes import INCLUDES, Include, include
from service.fhir.search.ordering import order
from service.fhir.search.sizes import MOST_INCLUDES
from service.fhir.search.subsets import Subset

PAGE = "_page"
"""The parameter that carries the place of a page: ours, opaque to clients."""

EXPLAIN = "_explain"
"""The parameter that asks how the search was done: ours."""

SHOWING = ("_sort", "_count", "_total", *INCLUDES, "_summary", "_elements")
"""R4's parameters that say how results are shown."""

RESULT_PARAMETERS = (*SHOWING, EXPLAIN, PAGE)

_REPEATABLE = frozenset(INCLUDES)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(slots=True)
class Results:
    """How results are shown, while the pairs are read. `count_limit` is the most that a page may have."""

    setting: Setting
    types: tuple[str, ...]
    count: int
    count_limit: int
    total: TotalMode = "none"
    sort: tuple[SortKey, ...] = ()
    subset: Subset = subsets.WHOLE
    explain: bool = False
    page: str | None = None
    includes: list[Include] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def take(self, name: str, value: str) -> str | None:
        """Takes a result parameter in; the value as it is understood, None where it is in no link.

        Raises:
            Malformed: it is not understood, or given twice.
        """
        code = name.partition(":")[0]
        if code in _REPEATABLE:
            if len(self.includes) == MOST_INCLUDES:
                raise refusals.too_many_includes(MOST_INCLUDES)
            self.includes.append(include(self.setting.registry, self.types, name, value))
            return value
        if name != code:
            raise refusals.unknown_modifier(code, name.partition(":")[2], ())
        if code in self.seen:
            raise refusals.repeated(code)
        self.seen.add(code)
        return self._take_once(code, value)

    def require_sense(self) -> None:
        """Lets parameters pass that go together.

        Raises:
            Malformed: two of them do not.
        """
        subsets.require_one(self.subset)
        if self.subset.summary == "text" and self.includes:
            raise refusals.summary_with_include()

    @property
    def is_count_alone(self) -> bool:
        """Whether nothing but the number of matches is wanted."""
        return self.count == 0 or self.subset.summary == "count"

    def _take_once(self, code: str, value: str) -> str | None:
        match code:
            case "_page":
                self.page = value
                return None
            case "_sort":
                self.sort = order(self.setting, self.types, value)
            case "_count":
                self.count = min(_count(value), self.count_limit)
                return str(self.count)
            case "_total":
                self.total = _total(value)
            case "_summary":
                self.subset = replace(self.subset, summary=subsets.summary(value))
            case "_elements":
                chosen = subsets.elements(self.setting.registry, self.types, value)
                self.subset = replace(self.subset, elements=chosen)
            case _:
                self.explain = _truth(code, value)
        return value


def _count(value: str) -> int:
    if _COUNT.fullmatch(value) is None:
        raise refusals.unreadable(
            "_count", "search-value-count", "give a whole number of resources a page; 0 gives the total alone"
        )
    return int(value)


def _total(value: str) -> TotalMode:
    if value not in get_args(TotalMode):
        raise refusals.unreadable("_total", "search-value-total", "give `none`, `estimate` or `accurate`")
    return cast("TotalMode", value)


def _truth(name: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise refusals.unreadable(name, "search-value-explain", "give `true` or `false`")
    return value == "true"

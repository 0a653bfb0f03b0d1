"""R4's query grammar: `name=value` pairs read as a search of one type, of several, or of a compartment.

Nothing that is asked is left out silently: what is not understood refuses the search,
or is named in `ignored` where the caller is lenient.

Source: https://hl7.org/fhir/R4/search.html, ADR 0004
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.fhir.problems import Issue, Malformed
from service.fhir.search import compartments, refusals, sizes
from service.fhir.search.asked import Setting
from service.fhir.search.completeness import require_complete
from service.fhir.search.criteria import condition, offered
from service.fhir.search.expressions import (
    And,
    Everything,
    Expression,
    Query,
)
from service.fhir.search.includes import Include
from service.fhir.search.results import RESULT_PARAMETERS, SHOWING, Results
from service.fhir.search.scope import TYPE, Scope
from service.fhir.search.sizes import MOST_CONDITIONS, MOST_FAULTS
from service.fhir.search.subsets import WHOLE, Subset

# How bodies are written: taken by the layer that speaks HTTP.
FORMAT_PARAMETERS = frozenset({"_format", "_pretty"})

# Known to R4, not offered here.
UNSUPPORTED = frozenset({"_contained", "_containedType", "_score", "_filter", "_query"})

# What `Prefer: handling=lenient` lets pass. A wrong modifier or value never is (R4 says SHALL reject).
_IGNORABLE = frozenset({"search-parameter-unknown", "search-parameter-unsupported"})

_ALL_TYPES = frozenset(
    {"_has", "_text", "_content", "_list"}
)  # R4 has them for every type, in no type's list
_CONTAINED = frozenset({"_contained", "_containedType"})

# FHIR's texts never hold it, and PostgreSQL's cannot be asked for it.
_NO_TEXT = "\x00"


@dataclass(frozen=True, slots=True)
class Search:
    """A search as understood.

    `queries`: one for each type, in order; all of them have the same order, count and total.
    `understood` holds the pairs that were, for the self link, with `_count` as it was
    granted. `ignored` names parameters left out at the caller's wish. `page` is the value
    of the opaque `_page`, which is in neither. A query's count is 0 where only the total is
    wanted.
    """

    queries: tuple[Query, ...]
    understood: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    page: str | None
    includes: tuple[Include, ...] = ()
    subset: Subset = WHOLE
    explain: bool = False

    @property
    def query(self) -> Query:
        """The query of a search of one type."""
        return self.queries[0]


def parse(  # noqa: PLR0913 - each is a plain fact of the request or the configuration, given by name
    setting: Setting,
    type_: str,
    pairs: Sequence[tuple[str, str]],
    *,
    count_default: int,
    count_limit: int,
    lenient: bool,
    within: tuple[str, str] | None = None,
    types: tuple[str, ...] = (),
) -> Search:
    """The search that the pairs (percent-decoded, in order) ask of a served resource type.

    `type_` is empty for a search of several types: those that `_type` names, of `types` if there
    are any. `within` is the type and id of the resource whose compartment is searched.

    Raises:
        Malformed: something was not understood; every such thing is an issue.
    """
    scope = Scope(type_, within, types)
    reading = _reading(setting, scope, pairs, lenient=lenient, counts=(count_default, count_limit))
    faults: list[Issue] = []
    for name, value in pairs:
        try:
            if _NO_TEXT in name or _NO_TEXT in value:
                raise refusals.no_text()
            reading.take(name, value)
        except Malformed as problem:
            faults += problem.issues
        if reading.size > MOST_CONDITIONS:
            faults += refusals.too_many(MOST_CONDITIONS).issues
        if faults and (faults[-1].code == refusals.TOO_COSTLY or len(faults) >= MOST_FAULTS):
            break
    if faults:
        raise Malformed.of(faults)
    found = reading.search()
    require_complete(setting, found.queries, found.includes)
    return found


def parameters_of(setting: Setting, types: Sequence[str]) -> list[str]:
    """The parameters by which all of the types can be searched, those of every type last."""
    others = [set(offered(setting, type_)) for type_ in types[1:]]
    common = [code for code in offered(setting, types[0]) if all(code in other for other in others)]
    return common + [code for code in sorted(_ALL_TYPES) if code not in common]


def _reading(
    setting: Setting,
    scope: Scope,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool,
    counts: tuple[int, int],
) -> _Reading:
    types = scope.searched(setting.registry, pairs)
    default, limit = counts
    results = Results(setting, types, min(default, limit), limit)
    conditions: list[list[Expression]] = [[] for _ in types]
    if scope.within is not None:
        compartment, id_ = scope.within
        for type_, of_type in zip(types, conditions, strict=True):
            of_type.append(compartments.condition(setting.registry, compartment, id_, type_))
    size = max((sizes.conditions(one) for of_type in conditions for one in of_type), default=0)
    return _Reading(setting, scope, types, lenient, results, conditions, size=size)


@dataclass(slots=True)
class _Reading:
    """A search while its pairs are read. `conditions` are those of each type, `size` the most that one has."""

    setting: Setting
    scope: Scope
    types: tuple[str, ...]
    lenient: bool
    results: Results
    conditions: list[list[Expression]]
    understood: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    size: int = 0

    def take(self, name: str, value: str) -> None:
        """Takes one pair in.

        Raises:
            Malformed: it is not understood, and may not be left out.
        """
        if name in FORMAT_PARAMETERS:
            return
        if not value and self.lenient:
            self.ignored.append(name)
            return
        if not value:
            raise refusals.empty(name)
        try:
            shown = self._take(name, value)
            if shown is not None:
                self.understood.append((name, shown))
        except Malformed as problem:
            if not self.lenient or problem.issues[0].slug not in _IGNORABLE:
                raise
            self.ignored.append(name)

    def search(self) -> Search:
        """The search that was read.

        Raises:
            Malformed: its parts do not go together.
        """
        results = self.results
        results.require_sense()
        alone = results.is_count_alone
        queries = tuple(
            Query(
                type_,
                self.where(index),
                0 if alone else results.count,
                total="accurate" if alone else results.total,
                sort=() if alone else results.sort,
            )
            for index, type_ in enumerate(self.types)
        )
        understood = list(self.understood)
        if "_count" not in results.seen:
            # So that the pages of a search stay as long as its first one, whatever is configured meanwhile.
            understood.append(("_count", str(results.count)))
        return Search(
            queries,
            tuple(understood),
            tuple(self.ignored),
            results.page,
            tuple(results.includes),
            results.subset,
            results.explain,
        )

    def where(self, index: int) -> Expression:
        """What must hold of resources of the type at that index."""
        match self.conditions[index]:
            case []:
                return Everything()
            case [only]:
                return only
            case several:
                return And(tuple(several))

    def _take(self, name: str, value: str) -> str | None:
        """Takes a pair in whose value is not empty; its value as it is understood, None where it is in no link."""
        code = name.partition(":")[0]
        if code in RESULT_PARAMETERS:
            return self.results.take(name, value)
        if code == TYPE and self.scope.is_wide:
            return self._take_types(name, value)
        if code in _CONTAINED:
            raise refusals.contained()
        if code in UNSUPPORTED:
            raise refusals.unsupported_parameter(code, self._named(), self._valid())
        self._take_criterion(name, value)
        return value

    def _take_types(self, name: str, value: str) -> str:
        """Takes in which types are searched, which is known already."""
        if name != TYPE:
            raise refusals.unknown_modifier(TYPE, name.partition(":")[2], ())
        if TYPE in self.results.seen:
            raise refusals.repeated(TYPE)
        self.results.seen.add(TYPE)
        return value

    def _take_criterion(self, name: str, value: str) -> None:
        self._require_known(name)
        found = [condition(self.setting, type_, name, value) for type_ in self.types]
        for of_type, one in zip(self.conditions, found, strict=True):
            of_type.append(one)
        self.size += max(map(sizes.conditions, found))

    def _require_known(self, name: str) -> None:
        """Lets a criterion pass whose parameter all of the types have.

        Raises:
            Malformed: one has not.
        """
        code = name.partition(".")[0].partition(":")[0]
        if code in _ALL_TYPES:
            return
        if any(code not in self.setting.registry.search_parameters(type_) for type_ in self.types):
            if len(self.types) > 1:
                raise refusals.not_common(code, self.types, self._valid())
            raise refusals.unknown_parameter(code, self._named(), self._valid())

    def _named(self) -> str:
        return ", ".join(self.types)

    def _valid(self) -> list[str]:
        wide = [TYPE] if self.scope.is_wide else []
        return [*parameters_of(self.setting, self.types), *wide, *SHOWING]

"""`_summary` and `_elements`: resources with some of their elements only.

What is left out can never be read as absent by mistake: a resource without some of its elements
is tagged SUBSETTED, and keeps those that are mandatory or change the meaning of others.

Source: https://hl7.org/fhir/R4/search.html#summary, #elements
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from service.fhir.definitions import Element, TypeDefinition
from service.fhir.problems import Malformed
from service.fhir.registry import Registry
from service.fhir.search import refusals

Json = dict[str, Any]
Summary = Literal["true", "text", "data", "count", "false"]

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
"""The tag of a resource of which elements may be missing."""

SUMMARIES: Final[tuple[Summary, ...]] = get_args(Summary)
SUBSETS: Final = ("_summary", "_elements")

_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})


@dataclass(frozen=True, slots=True)
class Subset:
    """Which elements are shown. `elements` are names of elements, `value` for `value[x]`; empty for all."""

    summary: Summary = "false"
    elements: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether resources are shown as they are."""
        return self.summary in {"false", "count"} and not self.elements

    @property
    def of_included(self) -> Subset:
        """The subset of what is included beside matches: a list of elements is of the matches alone."""
        return Subset(self.summary)


WHOLE: Final = Subset()


def summary(value: str) -> Summary:
    """The summary of that name.

    Raises:
        Malformed: there is none.
    """
    if value not in SUMMARIES:
        raise refusals.unreadable(
            "_summary", "search-value-summary", "give `true`, `text`, `data`, `count` or `false`"
        )
    return value


def elements(registry: Registry, types: Sequence[str], value: str) -> frozenset[str]:
    """The elements, separated by commas, that `_elements` names of resources of the types.

    Raises:
        Malformed: one is no element at the top of any of the types.
    """
    known: dict[str, str] = {}
    for type_ in types:
        for name, element in json_names(registry.definition(type_)).items():
            known[name] = known[element.name] = known[f"{element.name}[x]"] = element.name
    names = [name for name in value.split(",") if name not in _ALWAYS]
    if not all(names):
        raise refusals.empty("_elements")
    if any(name not in known for name in names):
        raise refusals.unknown_element(types, sorted(set(known.values())))
    # To ask for `id` alone is to ask for no other element.
    return frozenset(known[name] for name in names) or _ALWAYS


def read_subset(registry: Registry, type_: str, pairs: Iterable[tuple[str, str]]) -> Subset:
    """The subset that the parameters of a read ask for; other parameters are passed over.

    Raises:
        Malformed: it cannot be read, is asked for twice, or is a count.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in SUBSETS and name in given:
            raise refusals.repeated(name)
        given[name] = value
    found = Subset(
        summary(given["_summary"]) if "_summary" in given else "false",
        elements(registry, (type_,), given["_elements"]) if "_elements" in given else frozenset(),
    )
    if found.summary == "count":
        raise Malformed(
            "summary-count-of-one", "`_summary=count` counts what a search finds; this is a read."
        )
    require_one(found)
    return found


def require_one(subset: Subset) -> None:
    """Lets a subset pass that is named in one way.

    Raises:
        Malformed: it is named both by a summary and by elements.
    """
    if subset.elements and subset.summary != "false":
        raise refusals.two_subsets()


class Pruning:
    """Leaves out of resources what a subset does not show."""

    def __init__(self, registry: Registry, subset: Subset) -> None:
        """Takes the subset; it must not be a whole one."""
        self._registry = registry
        self._subset = subset
        self._names: dict[str, Mapping[str, Element]] = {}

    def pruned(self, resource: Json) -> Json:
        """The elements that the subset shows, in their order, with the tag SUBSETTED.

        The resource itself stays as it is; what is shown whole is shared with it.
        """
        type_ = resource["resourceType"]
        shown = {
            name: self._inside(type_, name, value)
            for name, value in resource.items()
            if name in _ALWAYS or self._is_shown(type_, name)
        }
        meta = dict(shown.get("meta", {}))
        tags = meta.get("tag", [])
        if not any(SUBSETTED.items() <= tag.items() for tag in tags):
            meta["tag"] = [*tags, SUBSETTED]
        shown["meta"] = meta
        return {"resourceType": type_, **{name: shown[name] for name in _in_order(shown)}}

    def _is_shown(self, type_: str, name: str) -> bool:
        element = self._element(type_, name)
        if element is None:
            return False
        if element.minimum > 0 or element.modifier:
            return True
        match self._subset.summary:
            case "true":
                return element.summary
            case "text":
                return element.name == "text"
            case "data":
                return element.name != "text"
            case _:
                return element.name in self._subset.elements

    def _inside(self, type_: str, name: str, value: Any) -> Any:
        """The value of an element that is shown: of one that R4 defines inside the resource type, the summary."""
        element = self._element(type_, name)
        if self._subset.summary != "true" or element is None or "." not in element.types[0]:
            return value
        inner = element.types[0]
        if isinstance(value, list):
            # What has nothing in a summary would be empty, which FHIR forbids.
            return [kept for item in value if (kept := self._part(inner, item))] or value
        return self._part(inner, value) or value

    def _part(self, type_: str, part: Json) -> Json:
        return {
            name: self._inside(type_, name, value)
            for name, value in part.items()
            if self._is_shown(type_, name)
        }

    def _element(self, type_: str, name: str) -> Element | None:
        names = self._names.get(type_)
        if names is None:
            names = self._names[type_] = json_names(self._registry.definition(type_))
        # What JSON keeps beside a primitive goes with it.
        return names.get(name.removeprefix("_"))


def json_names(definition: TypeDefinition) -> dict[str, Element]:
    """The elements of a type by their names in JSON: `valueQuantity` for one of the shapes of `value[x]`.

    Source: https://hl7.org/fhir/R4/formats.html#choice
    """
    names: dict[str, Element] = {}
    for element in definition.elements.values():
        if element.choice:
            names |= {f"{element.name}{type_[:1].upper()}{type_[1:]}": element for type_ in element.types}
        else:
            names[element.name] = element
    return names


def _in_order(shown: Json) -> list[str]:
    """The names in their order, `meta` behind `id` where the resource had none."""
    first = [name for name in ("id", "meta") if name in shown]
    return first + [name for name in shown if name not in {"resourceType", "id", "meta"}]

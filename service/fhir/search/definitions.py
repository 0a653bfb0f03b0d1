"""SearchParameter resources read as search parameters: ours, those of added packages, and a deployer's own.

R4's parameters stand. Ours come next, then those of packages; where the type already has a
parameter of that code, a package's is passed over, because guides repeat those they build on.
A deployer's own are held to more: what is wrong with one, or collides, is told and nothing starts.

Source: https://hl7.org/fhir/R4/searchparameter.html, docs/search-parameters.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from service.fhir.definitions import SearchParameter, SearchType
from service.fhir.guide import CANONICAL_BASE, Guide
from service.fhir.paths import PathError, compile_path
from service.fhir.registry import Registry
from service.fhir.search.extraction import READERS
from service.fhir.search.parameters import alternatives, narrowed, read_as

Json = dict[str, Any]

# The types that every resource is of, or every resource with a narrative.
ABSTRACT: Final = ("Resource", "DomainResource")
RETIRED: Final = "retired"

# No colon, comma, full stop or bar: these have a meaning in a query. What begins with `_` is FHIR's own.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_ROOT = re.compile(r"\(*\s*([A-Z]\w*)\b")
_COMPONENTS = 2
_REFERENCES = frozenset({"Reference", "canonical", "uri", "url", "oid", "uuid"})
# An extension is read as the value that it carries.
_CARRIER = "Extension"


class Unusable(Exception):  # noqa: N818 - what was found of a definition, said to a person
    """SearchParameters that cannot be put into force. `sentences` says why, one sentence for each."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class InForce:
    """The registry with every search parameter in force, and a sentence for each of a package's that is not."""

    registry: Registry
    left_out: tuple[str, ...] = ()


def in_force(registry: Registry, guide: Guide, own: Mapping[str, Json] | None = None) -> InForce:
    """R4's registry with the search parameters of the guide, and those of a deployer's files by file name.

    Raises:
        Unusable: one of ours or of the deployer's cannot be put into force.
    """
    given = guide.all("SearchParameter").values()
    ours = [each for each in given if each["url"].startswith(CANONICAL_BASE)]
    others = [each for each in given if not each["url"].startswith(CANONICAL_BASE)]
    registry, faults = _with(registry, {each["url"]: each for each in ours}, strict=True)
    if faults:
        raise Unusable(*faults)
    registry, left_out = _with(registry, {each["url"]: each for each in others}, strict=False)
    taken = {each["url"]: "an artefact of ours or of a package" for each in given}
    registry, faults = _with(registry, own or {}, strict=True, taken=taken)
    if faults:
        raise Unusable(*faults)
    return InForce(registry, tuple(left_out))


def read(registry: Registry, resource: Json) -> tuple[SearchParameter, ...]:
    """A SearchParameter resource as it holds for each served type that it is for; none where it is retired.

    Raises:
        Unusable: it says too little, or what cannot be searched by here.
    """
    if resource.get("resourceType") != "SearchParameter":
        raise Unusable("It is no SearchParameter.")
    _require(resource)
    if resource.get("status") == RETIRED:
        return ()
    made = tuple(_parameter(registry, resource, type_) for type_ in _bases(registry, resource))
    for parameter in made:
        _check(registry, parameter)
    return made


def _with(
    registry: Registry, given: Mapping[str, Json], *, strict: bool, taken: Mapping[str, str] | None = None
) -> tuple[Registry, list[str]]:
    """The registry with what can be used of `given`, by name; and why the rest cannot.

    Where not strict, a parameter whose code the type has already is passed over without a word.
    """
    faults: list[str] = []
    seen = dict(taken or {})
    # Composites last: their components may be among the others.
    for name, resource in sorted(given.items(), key=lambda item: item[1].get("type") == "composite"):
        try:
            parameters = read(registry, resource)
            if strict:
                _require_free(registry, parameters, resource, seen)
        except Unusable as unusable:
            faults += [f"{name}: {sentence}" for sentence in unusable.sentences]
            continue
        seen[resource["url"]] = name
        registry = registry.extended(
            each for each in parameters if each.code not in registry.search_parameters(each.base)
        )
    return registry, faults


def _require(resource: Json) -> None:
    """Lets a SearchParameter pass that says what is needed to search by it."""
    sentences = [
        f"It has no `{name}`." for name in ("url", "code", "type") if not isinstance(resource.get(name), str)
    ]
    base = resource.get("base")
    if not isinstance(base, list) or not base or not all(isinstance(each, str) for each in base):
        sentences.append("It has no `base`: a list of the resource types that it is for.")
    if not isinstance(resource.get("expression"), str):
        sentences.append("It has no `expression`, so nothing can be indexed.")
    if sentences:
        raise Unusable(*sentences)
    if _CODE.fullmatch(resource["code"]) is None:
        raise Unusable(
            "Its `code` must begin with a letter and hold letters, digits, hyphens and underscores alone."
        )
    if resource["type"] == "special" or resource["type"] not in get_args(SearchType):
        offered = ", ".join(each for each in get_args(SearchType) if each != "special")
        raise Unusable(f"Its `type` is none that is searched by: {offered}.")


def _require_free(
    registry: Registry, parameters: Iterable[SearchParameter], resource: Json, seen: Mapping[str, str]
) -> None:
    """Lets a SearchParameter pass that takes nobody's address and no type's code."""
    if (holder := seen.get(resource["url"])) is not None:
        raise Unusable(f"Its `url` is that of {holder}.")
    sentences = []
    for each in parameters:
        known = registry.search_parameters(each.base).get(each.code)
        if known is not None:
            sentences.append(f"{each.base} has a search parameter `{each.code}` already: {known.url}.")
    if sentences:
        raise Unusable(*sentences)


def _bases(registry: Registry, resource: Json) -> tuple[str, ...]:
    """The served types that it is for."""
    found: dict[str, None] = {}
    for base in resource["base"]:
        if base in ABSTRACT:
            found |= dict.fromkeys(type_ for type_ in registry.served if _is_a(registry, type_, base))
        elif not registry.is_resource(base):
            raise Unusable("Its `base` names a type that R4 does not have.")
        elif base in registry.served:
            found[base] = None
    if not found:
        raise Unusable("Its `base` names no type that is kept here.")
    return tuple(found)


def _is_a(registry: Registry, type_: str, base: str) -> bool:
    name: str | None = type_
    while name is not None and name != base:
        name = registry.definition(name).base
    return name is not None


def _parameter(registry: Registry, resource: Json, type_: str) -> SearchParameter:
    """The parameter with what of its expression is about the type."""
    own = [
        part
        for part in alternatives(resource["expression"])
        if (root := _ROOT.match(part)) is None or root[1] == type_ or root[1] in ABSTRACT
    ]
    if not own:
        raise Unusable(f"Nothing of its `expression` is about {type_}.")
    targets = resource.get("target", [])
    if not all(isinstance(target, str) and registry.is_resource(target) for target in targets):
        raise Unusable("Its `target` names a type that R4 does not have.")
    return SearchParameter(
        url=resource["url"],
        code=resource["code"],
        base=type_,
        type=cast("SearchType", resource["type"]),
        expression=" | ".join(own),
        targets=tuple(targets) if resource["type"] == "reference" else (),
        components=tuple(_components(registry, resource, type_)) if resource["type"] == "composite" else (),
    )


def _components(registry: Registry, resource: Json, type_: str) -> Iterator[tuple[str, str]]:
    """The code and expression of each component, whose definition is a parameter of the same type."""
    given = resource.get("component")
    if not isinstance(given, list) or len(given) != _COMPONENTS:
        raise Unusable("A composite is searched by here where it has two components.")
    known = {each.url: each for each in registry.search_parameters(type_).values()}
    for position, component in enumerate(given):
        url = str(component.get("definition", "")).partition("|")[0]
        parameter, expression = known.get(url), component.get("expression")
        if parameter is None:
            raise Unusable(f"`component[{position}].definition` is no search parameter of {type_}.")
        if not isinstance(expression, str):
            raise Unusable(f"`component[{position}]` has no `expression`.")
        if parameter.type in ("composite", "special") or (position == 0 and parameter.type != "token"):
            raise Unusable("Of the two components the first must be a token, and the second no composite.")
        yield parameter.code, expression


def _check(registry: Registry, parameter: SearchParameter) -> None:
    """Lets a parameter pass whose expressions can be run, and give what its type can be read from."""
    where = f"Its `expression`, read for {parameter.base}"
    for part in alternatives(parameter.expression):
        path = narrowed(part)[0] if parameter.type == "reference" else part
        try:
            compile_path(path, registry, parameter.base)
        except PathError as fault:
            raise Unusable(f"{where}, cannot be used: {fault}") from None
    types = read_as(registry, parameter)
    if types is None or parameter.type == "composite":
        return
    readable = {*READERS.get(parameter.type, ()), _CARRIER}
    if parameter.type == "reference":
        readable |= _REFERENCES
    if not types & readable:
        found = ", ".join(sorted(types))
        raise Unusable(f"{where}, gives {found}, which is not read as a {parameter.type}.")

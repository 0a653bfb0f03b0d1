"""`_include` and `_revinclude`: what is shown beside the matches, read into parameters to follow.

Source: https://hl7.org/fhir/R4/search.html#include
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.fhir.registry import APART, Registry
from service.fhir.search import refusals

INCLUDES = ("_include", "_revinclude")

_ITERATE = ("iterate", "recurse")  # R4's word, and that of the versions before it
_ALL = "*"

Parameter = tuple[str, str]  # the type that refers, the parameter by which it does


@dataclass(frozen=True, slots=True)
class Include:
    """Resources to show with the matches.

    Those that a match refers to by one of the parameters; `reverse`: those that refer to a match
    so. `iterate`: what is included so counts as a match here. `target`: of what is referred
    to, only resources of that type.
    """

    reverse: bool
    iterate: bool
    parameters: tuple[Parameter, ...]
    target: str | None = None


def include(registry: Registry, types: Sequence[str], name: str, value: str) -> Include:
    """What `name=value` asks to be included with matches of the types.

    `value` is `Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`.

    Raises:
        Malformed: it is none of these, leads nowhere, or can only apply to what is not searched.
    """
    code, colon, modifier = name.partition(":")
    if colon and modifier not in _ITERATE:
        raise refusals.unknown_modifier(code, modifier, _ITERATE)
    reading = _Reading(registry, tuple(types), code, reverse=code == "_revinclude", iterate=bool(colon))
    return reading.read(value)


def refers_to(registry: Registry, source: str, code: str) -> tuple[str, ...]:
    """The types that the reference parameter of the type may refer to; empty for any."""
    return registry.search_parameters(source)[code].targets


def reference_codes(registry: Registry, type_: str) -> list[str]:
    """The parameters of the type that can be included by."""
    parameters = registry.search_parameters(type_)
    return [code for code, parameter in parameters.items() if parameter.type == "reference"]


@dataclass(frozen=True, slots=True)
class _Reading:
    registry: Registry
    types: tuple[str, ...]
    name: str
    reverse: bool
    iterate: bool

    def read(self, value: str) -> Include:
        source, _, rest = value.partition(":")
        code, _, target = rest.partition(":")
        if source == _ALL and not rest:
            return self._made(self._all(), "")
        if not source or not code or (":" in target):
            raise refusals.include_form(self.name)
        self._check_source(source)
        codes = reference_codes(self.registry, source)
        if not codes or (code != _ALL and code not in codes):
            raise refusals.unknown_include(self.name, source, codes)
        chosen = codes if code == _ALL else [code]
        self._check_target(source, code, chosen, target)
        return self._made([(source, one) for one in chosen if self._fits(source, one)], target)

    def _made(self, parameters: Sequence[Parameter], target: str) -> Include:
        return Include(self.reverse, self.iterate, tuple(parameters), target or None)

    def _all(self) -> list[Parameter]:
        """Every parameter by which a match can refer to something, or something to a match."""
        anywhere = self.reverse or self.iterate
        sources = sorted(self.registry.served.keys() - APART) if anywhere else self.types
        return [
            (source, code)
            for source in sources
            for code in reference_codes(self.registry, source)
            if self._fits(source, code)
        ]

    def _fits(self, source: str, code: str) -> bool:
        """Whether a parameter can lead to matches at all, where it is to lead to them."""
        if not self.reverse or self.iterate:
            return True
        targets = refers_to(self.registry, source, code)
        return not targets or not set(targets).isdisjoint(self.types)

    def _check_source(self, source: str) -> None:
        if source not in self.registry.served or source in APART:
            raise refusals.include_source(self.name, self._sources())
        if not self.reverse and not self.iterate and source not in self.types:
            raise refusals.include_source(self.name, self.types)

    def _sources(self) -> Sequence[str]:
        return sorted(self.registry.served.keys() - APART) if self.reverse or self.iterate else self.types

    def _check_target(self, source: str, code: str, codes: Sequence[str], target: str) -> None:
        named = f"{source}:{code}"
        possible = set(self._targets(source, codes))
        if target and possible and target not in possible:
            raise refusals.wrong_target(named, target, sorted(possible))
        if target and not self.registry.is_resource(target):
            raise refusals.include_form(self.name)
        # What refers to nothing that is searched could never bring anything.
        if self.reverse and not self.iterate:
            sought = {target} & set(self.types) if target else set(self.types)
            if not sought or (possible and possible.isdisjoint(sought)):
                raise refusals.wrong_target(named, self.types[0], sorted(possible))

    def _targets(self, source: str, codes: Sequence[str]) -> Iterator[str]:
        """The types that the parameters may refer to; none where one may refer to any."""
        found = [refers_to(self.registry, source, code) for code in codes]
        return iter(()) if not all(found) else (type_ for targets in found for type_ in targets)

"""Which profiles a resource must conform to: those it claims, and those that what it is calls for.

A profile says itself when it is enforced, in the extension `enforced-when`: a FHIRPath on
the resource, such as `code.memberOf('…/ValueSet/gbo-score-codes')`; `true` stands for every
resource of its type. So a goal score must be one whether or not it says so.

Source: design.md section 6, https://hl7.org/fhir/R4/profiling.html#resources
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from service.fhir.conformance.invariants import Uncompilable
from service.fhir.guide import CANONICAL_BASE
from service.fhir.paths import Environment, EvaluationError, Path, PathError, compile_path
from service.fhir.paths.parser import parse
from service.fhir.paths.syntax import Call, Expression, Literal, Member

if TYPE_CHECKING:
    from service.fhir.conformance.profiles import Profiles
    from service.fhir.guide import Guide

Json = dict[str, Any]

ENFORCED_WHEN = f"{CANONICAL_BASE}StructureDefinition/enforced-when"
ALWAYS = Literal(True)
CLAIMS = "meta"
"""The member in which a resource says what it conforms to."""

_NOWHERE = Environment()


@dataclass(slots=True)
class Triggers:
    """What calls for profiles in resources of one type.

    `always` are profiles of all of them; `by_code` those that a coding of an element calls
    for, by element and (system, code); `others` those with a condition that must be evaluated.
    `reads` are the members on which all that hangs, None where that cannot be told.
    """

    always: list[str] = field(default_factory=list)
    by_code: dict[str, dict[tuple[str, str], list[str]]] = field(default_factory=dict)
    others: list[tuple[str, Callable[[Json], bool]]] = field(default_factory=list)
    reads: frozenset[str] | None = frozenset({CLAIMS})

    def hang_on(self, names: Iterable[str] | None) -> None:
        """Notes the members that one of them reads; None where that cannot be told."""
        self.reads = None if self.reads is None or names is None else self.reads.union(names)


class Enforcement:
    """The triggers of a guide's profiles."""

    def __init__(self, profiles: Profiles, guide: Guide) -> None:
        """Takes the compiled profiles and the guide whose profiles are enforced.

        Raises:
            Uncompilable: a condition is no FHIRPath on its type.
        """
        self._profiles = profiles
        self._triggers: dict[str, Triggers] = {}
        self._bases: dict[str, frozenset[str]] = {}
        self._of_type = cache(self._remembered)
        for url, structure in guide.all("StructureDefinition").items():
            condition = enforced_when(structure)
            if condition is not None:
                self._add(url, str(structure["type"]), condition)
            self._bases[url] = frozenset(_ancestors(guide, structure))

    def due(self, resource: Json, asked: Sequence[str] = (), *, sound: bool = True) -> Sequence[str]:
        """The addresses of the profiles to check, those left out of which another one is derived."""
        if asked or not sound:
            return self._found(resource, asked, sound=sound)
        return self._of_type(resource.get("resourceType", ""))(resource)

    def _remembered(self, type_: str) -> Callable[[Json], Sequence[str]]:
        """What is due of sound resources of the type, found once of the same content of what it hangs on."""

        def find(resource: Json) -> Sequence[str]:
            return self._found(resource, (), sound=True)

        reads = self._triggers.get(type_, Triggers()).reads
        return find if reads is None else self._profiles.invariants.memory.of_answer(sorted(reads), find)

    def _found(self, resource: Json, asked: Sequence[str], *, sound: bool) -> Sequence[str]:
        urls = dict.fromkeys((*asked, *claimed(resource), *self._called(resource, sound=sound)))
        if len(urls) < 2:
            return tuple(urls)
        covered = {base for url in urls for base in self._bases.get(url, ())}
        return tuple(url for url in urls if url not in covered)

    def _called(self, resource: Json, *, sound: bool) -> Iterator[str]:
        triggers = self._triggers.get(resource.get("resourceType", ""))
        if triggers is None:
            return
        yield from triggers.always
        for name, by_code in triggers.by_code.items():
            for coding in _codings(resource.get(name)):
                yield from by_code.get(coding, ())
        for url, is_called in triggers.others if sound else ():
            if is_called(resource):
                yield url

    def _add(self, url: str, type_: str, condition: str) -> None:
        triggers = self._triggers.setdefault(type_, Triggers())
        try:
            tree = parse(condition)
            path = compile_path(
                condition, self._profiles.invariants.model, type_, services=self._profiles.services
            )
        except PathError as fault:
            raise Uncompilable(
                f"The condition under which {url} is enforced cannot be compiled: {fault}"
            ) from fault
        if tree == ALWAYS:
            triggers.always.append(url)
        elif (coded := self._coded(tree)) is not None:
            name, members = coded
            triggers.hang_on({name})
            by_code = triggers.by_code.setdefault(name, {})
            for member in members:
                by_code.setdefault(member, []).append(url)
        else:
            triggers.hang_on(path.reads or None)
            triggers.others.append((url, _condition(path)))

    def _coded(self, tree: Expression) -> tuple[str, frozenset[tuple[str, str]]] | None:
        """The element and codes of a condition `element.memberOf('value set')`; None for any other."""
        match tree:
            case Call(Member(None, name), "memberOf", (Literal(str(value_set)),)):
                terminology = self._profiles.terminology
                members = None if terminology is None else terminology.members(value_set)
                return None if members is None else (name, members)
            case _:
                return None


def _condition(path: Path) -> Callable[[Json], bool]:
    """Whether the condition is true of a resource; what it cannot be asked of is not what it speaks of."""

    def is_called(resource: Json) -> bool:
        try:
            return bool(path.holds(resource, _NOWHERE))
        except EvaluationError:
            return False

    return is_called


def enforced_when(structure: Json) -> str | None:
    """The condition under which a profile is enforced; None where it is only on being claimed."""
    for extension in structure.get("extension", ()):
        if extension["url"] == ENFORCED_WHEN:
            return str(extension["valueString"])
    return None


def claimed(resource: Json) -> Iterator[str]:
    """The profiles that a resource says it conforms to."""
    meta = resource.get(CLAIMS)
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for url in profiles if isinstance(profiles, list) else ():
        if isinstance(url, str):
            yield url


def _codings(concept: Any) -> Iterator[tuple[str, str]]:
    """The codings of a CodeableConcept, as far as it is one."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            system, code = coding.get("system"), coding.get("code")
            if isinstance(system, str) and isinstance(code, str):
                yield system, code


def _ancestors(guide: Guide, structure: Json) -> Iterator[str]:
    """The profiles from which a profile is derived."""
    seen: set[str] = set()
    base = structure.get("baseDefinition")
    while base is not None and base not in seen:
        seen.add(base)
        yield base
        above = guide.find("StructureDefinition", base)
        base = None if above is None else above.get("baseDefinition")

"""Discriminators: how an item tells of which slice it is.

A discriminator names a path from the item, and what of it tells: a value or pattern, its
existence, its type, or the profile that it conforms to. What a slice has there is read off
the slice's own part of the snapshot, or off the profile of its type.

Source: https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance.invariants import NOWHERE, Uncompilable
from service.fhir.conformance.items import Gather, Item, gathering
from service.fhir.conformance.leaves import is_member, target_type, target_types
from service.fhir.conformance.matches import Test, fixed, pattern
from service.fhir.conformance.runs import Json, Run
from service.fhir.conformance.slicing import DEFAULT, Matcher
from service.fhir.paths import EvaluationError, Node, Path, PathError, compile_path

if TYPE_CHECKING:
    from service.fhir.conformance.elements import Compiler
    from service.fhir.conformance.trees import Branch

STEP: Final = re.compile(r"(\$this|[A-Za-z]+)(?:\((?:'([^']*)'|([A-Za-z]*))\))?(?:\.|$)")

Values = Callable[[Item, Run], list[Item]]
"""The items at a discriminator's path from an item."""

Step = tuple[str, str | None]

HERE: Final = frozenset({"$this", "resolve", "ofType"})
"""Steps that lead to no other part of a snapshot."""


class Discriminators:
    """Makes the matchers of slices for one profile."""

    def __init__(self, compiler: Compiler) -> None:
        """Takes the compiler of the profile."""
        self._compiler = compiler
        self._profiles = compiler.profiles

    def matcher(self, discriminators: Iterable[Json], slice_: Branch, types: tuple[str, ...]) -> Matcher:
        """Whether an item is of the slice: all discriminators say so."""
        if slice_.slice == DEFAULT:
            return lambda _item, _run: True
        tests = [self._test(one["type"], one["path"], slice_, types) for one in discriminators]
        if not tests:
            # Slices without discriminator are told apart by nobody; of a slice then is what conforms to it.
            tests = [self._conforming(slice_, types, _itself)]
        if len(tests) == 1:
            return tests[0]
        return lambda item, run: all(test(item, run) for test in tests)

    def _test(self, kind: str, path: str, slice_: Branch, types: tuple[str, ...]) -> Matcher:
        steps = read(path)
        if path == "url" and types == ("Extension",) and (urls := _profiles_of(slice_)):
            return lambda item, _run: (url := item.members.get("url")).__class__ is str and url in urls
        values = self._values(path, steps, types)
        at = self._locate(slice_, steps)
        if kind == "type":
            return self._typed(at, steps, values, types)
        if kind == "exists":
            return _existing(at, values)
        if (fits := demand(self._chain(slice_, steps), steps)) is not None:
            return _fitting(fits, values)
        if at is None:
            text = (
                f"{self._compiler.owner}: the slice {slice_.slice} says nothing of its discriminator {path}."
            )
            raise Uncompilable(text)
        if kind == "profile":
            return self._profiled(at, values)
        here = all(name == "$this" for name, _ in steps)
        return self._valued(at, values, types if here else self._types(at))

    def _types(self, at: Branch) -> tuple[str, ...]:
        """The types that an element below an item may have, those of backbone elements apart."""
        codes = (type_["code"] for type_ in at.element.get("type", ()))
        return tuple(code for code in codes if self._is_type(code))

    def _is_type(self, code: str) -> bool:
        return not code.startswith("http") and bool(self._profiles.invariants.model.ancestry(code))

    def _valued(self, at: Branch, values: Values, types: tuple[str, ...]) -> Matcher:
        """The slice is told by a binding, or by all that it says of the element."""
        terminology, binding = self._profiles.terminology, at.element.get("binding", {})
        if terminology is not None and binding.get("strength") == "required" and not at.children:
            return lambda item, run: any(
                is_member(found, binding["valueSet"], terminology, required=True)
                for found in values(item, run)
            )
        return self._conforming(at, types, values)

    def _conforming(self, at: Branch, types: tuple[str, ...], values: Values) -> Matcher:
        """The slice is what conforms to all that it says of the element."""
        checks = {type_: self._compiler.free_checks(at, type_) for type_ in types}
        if int(at.element.get("min", 0)) == 0 and not any(checks.values()):
            return lambda _item, _run: True  # the slice leaves this open, and another discriminator tells it

        def matches(item: Item, run: Run) -> bool:
            for found in values(item, run):
                trial = run.trial()
                for check in checks.get(found.type, ()):
                    check.tell(found, "", trial)
                if found.type in checks and not any(issue.is_fault for issue in trial.issues):
                    return True
            return False

        return matches

    def _typed(
        self, at: Branch | None, steps: Sequence[Step], values: Values, types: tuple[str, ...]
    ) -> Matcher:
        """The slice is told by the type of the element, or of what a reference is to."""
        if steps and steps[-1][0] == "resolve":
            targets = None if at is None else target_types(at.element, self._profiles.type_of)
            return lambda item, run: (
                targets is None or any(found.type in targets for found in values(item, run))
            )
        permitted = (
            frozenset({one["code"] for one in at.element.get("type", ())}) if at is not None else frozenset()
        )
        wanted = permitted or frozenset(types)
        return lambda item, run: any(found.type in wanted for found in values(item, run))

    def _profiled(self, at: Branch, values: Values) -> Matcher:
        """The slice is told by the profile that the element, or what it refers to, conforms to."""
        urls = [
            url
            for type_ in at.element.get("type", ())
            for url in (*type_.get("profile", ()), *type_.get("targetProfile", ()))
        ]

        def conforms(found: Item, url: str, run: Run) -> bool:
            trial = run.trial()
            self._profiles.check_value(found.members, url, "", trial)
            return not any(issue.is_fault for issue in trial.issues)

        return lambda item, run: any(conforms(found, url, run) for found in values(item, run) for url in urls)

    def _locate(self, branch: Branch, steps: Sequence[Step]) -> Branch | None:
        """The slice's part of the snapshot at the path; None where it says nothing of it."""
        return self._chain(branch, steps)[-1]

    def _chain(self, branch: Branch, steps: Sequence[Step]) -> list[Branch | None]:
        """The slice's parts of the snapshot before the path and after each step; None from where it says nothing."""
        chain: list[Branch | None] = [branch]
        for name, argument in steps:
            at = chain[-1]
            if at is not None and name not in HERE:
                at = (
                    self._extension(at, argument)
                    if name == "extension" and argument
                    else self._down(at, name)
                )
            chain.append(at)
        return chain

    def _down(self, branch: Branch, name: str) -> Branch | None:
        """The child of that name: of the branch, or of the profile of its type."""
        if name in branch.children:
            child = branch.children[name]
            # A choice narrowed by one slice of its own says there what it is.
            return next(iter(child.slices.values())) if len(child.slices) == 1 else child
        for type_ in branch.element.get("type", ()):
            for url in type_.get("profile", ()):
                root = self._profiles.tree(url)
                if root is not None and name in root.children:
                    return root.children[name]
        return None

    def _extension(self, branch: Branch, url: str) -> Branch | None:
        """The slice of an extension by its address."""
        extensions = branch.children.get("extension")
        for slice_ in extensions.slices.values() if extensions else ():
            urls = [one for type_ in slice_.element.get("type", ()) for one in type_.get("profile", ())]
            if url in urls:
                return slice_
        return None

    def _plain(self, steps: Sequence[Step], types: tuple[str, ...]) -> Values | None:
        """The values at a path of plain names through elements of one type each, with no engine; None for others."""
        registry = self._compiler.registry
        gathers: list[Gather] = []
        for name, argument in steps:
            element = registry.definition(types[0]).elements.get(name) if len(types) == 1 else None
            if element is None or argument is not None or name in HERE:
                return None
            gathers.append(gathering(registry, element))
            types = element.types
        return _walking(gathers)

    def _values(self, path: str, steps: Sequence[Step], types: tuple[str, ...]) -> Values:
        if all(name == "$this" for name, _ in steps):
            return _itself
        if len(steps) == 1 and steps[0] == ("url", None):
            return lambda item, _run: [Item(item.members.get("url"), "uri", None, None)]
        if steps[-1][0] == "resolve" and len(steps) == 1:
            return _resolved
        walk = self._plain(steps, types)
        if walk is not None:
            return walk
        try:
            compiled = compile_path(
                path, self._profiles.invariants.model, frozenset(types), services=self._profiles.services
            )
        except PathError as fault:
            text = f"{self._compiler.owner}: the discriminator {path} cannot be compiled: {fault}"
            raise Uncompilable(text) from fault
        return _evaluated(compiled)


def _walking(gathers: Sequence[Gather]) -> Values:
    """The values under a path of plain names, each gathered from those before."""
    if len(gathers) == 1:
        return lambda item, _run: gathers[0](item.members)

    def walk(item: Item, _run: Run) -> list[Item]:
        found = [item]
        for gather in gathers:
            found = [below for above in found for below in gather(above.members)]
        return found

    return walk


def read(path: str) -> list[Step]:
    """The steps of a discriminator's path: names, and functions with their argument.

    Raises:
        Uncompilable: it is no restricted FHIRPath.
    """
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = STEP.match(path, position)
        if match is None:
            raise Uncompilable(f"The discriminator {path} is no restricted FHIRPath.")
        steps.append((match[1], match[2] or match[3]))
        position = match.end()
    return steps


def _fitting(fits: Test, values: Values) -> Matcher:
    """Of the slice is that of which a value at the path is as demanded."""
    if values is _itself:
        return lambda item, _run: fits(item.value)
    return lambda item, run: any(fits(found.value) for found in values(item, run))


def _itself(item: Item, _run: Run) -> list[Item]:
    return [item]


def demand(chain: Sequence[Branch | None], steps: Sequence[Step]) -> Test | None:
    """What a fixed value or pattern demands at a path: its own, or its part of one further up; None for nothing.

    `chain` has the parts of the snapshot before the path and after each of its steps.
    """
    for count in range(len(steps), -1, -1):
        branch = chain[count]
        if branch is None:
            continue
        below = [name for name, _ in steps[count:] if name not in HERE]
        for prefix, test in (("fixed", fixed), ("pattern", pattern)):
            stated = branch.valued(prefix)
            wanted = None if stated is None else part(stated[1], below)
            if wanted is not None:
                return test(wanted)
    return None


def part(value: Any, names: Sequence[str]) -> Any:
    """What stands in a definition's value under the names, the first of several; None for nothing."""
    for name in names:
        value = value[0] if isinstance(value, list) and value else value
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _profiles_of(slice_: Branch) -> frozenset[str]:
    """The addresses of the definitions that an extension's slice names."""
    types = slice_.element.get("type", ())
    return frozenset(url.partition("|")[0] for type_ in types for url in type_.get("profile", ()))


def _existing(at: Branch | None, values: Values) -> Matcher:
    """The slice is told by whether there is anything: there must be where it has a least number, else not."""
    present = at is not None and int(at.element.get("min", 0)) > 0
    return lambda item, run: bool(values(item, run)) is present


def _resolved(item: Item, run: Run) -> list[Item]:
    """What a reference is to: the contained resource, or nothing but its type."""
    reference = item.members
    literal = reference.get("reference")
    if isinstance(literal, str) and literal.startswith("#"):
        inner = run.contained(literal[1:])
        return [] if inner is None else [Item(inner, str(inner.get("resourceType")), None, None)]
    type_ = target_type(reference, run)
    return [] if type_ is None else [Item({"resourceType": type_}, type_, None, None)]


def _evaluated(path: Path) -> Values:
    def values(item: Item, run: Run) -> list[Item]:
        if not run.sound:
            return []
        environment = NOWHERE if path.is_closed else run.environment
        try:
            nodes = path.values(Node(item.type, item.value, item.sibling), environment)
        except EvaluationError:
            return []  # the item has not what the path leads to, so it is of no slice that asks for it
        return [Item(node.value, node.type, None, node.sibling) for node in nodes]

    return values

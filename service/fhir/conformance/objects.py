"""What a profile asks of an object: of each element, and of the whole.

As in `validation/acceptor`, objects come in few shapes: the same names in the same order.
For each shape all that names decide is settled once (what is missing, what is not there to
be asked, rules of presence), and what is left is a row of tests.

Source: https://hl7.org/fhir/R4/profiling.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance import faults
from service.fhir.conformance.invariants import NOWHERE, Rule
from service.fhir.conformance.items import Gather, Item
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Accepts, Check, Json, Run
from service.fhir.conformance.slicing import Slicing
from service.fhir.paths import Node
from service.fhir.paths.syntax import Binary, Call, Literal, Member

if TYPE_CHECKING:
    from service.fhir.problems import Issue
    from service.fhir.registry import Registry
    from service.fhir.remembered import Memory
    from service.fhir.terminology import Terminology

SHAPES_KEPT: Final = 256

Guard = tuple[str, frozenset[tuple[str, str]]]
"""An element, and the codes of which it has one where there may be something to say."""

Test = Callable[[Json, Run], bool]
"""Whether there is certainly nothing to say of an object of the right form."""


def _never(_node: Json, _run: Run) -> bool:
    return False


REFUSED: Final[tuple[Test, ...]] = (_never,)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is asked of an element of an object: how often it is there, and of each value.

    `keys` are its JSON names, each with the type of its values; `types` those that a choice
    is left with, where R4 gives it more.
    """

    owner: str
    name: str
    keys: Mapping[str, str]
    gather: Gather
    least: int
    most: int | None
    checks: tuple[Check, ...]
    slicing: Slicing | None
    types: tuple[str, ...] = ()

    def tell(self, node: Json, above: Place, run: Run) -> None:
        """Adds what is wrong under the element of the object to the run."""
        items = self.gather(node)
        place = (above, self.name)
        if len(items) < self.least:
            issue = faults.element_missing(expression(place), self.owner, self.name, self.least)
            run.issues.append(issue)
        elif self.most is not None and len(items) > self.most:
            run.issues.append(self._excess(items, place))
            items = items[: self.most]  # of those too many no more is said, however many there are
        placed = [(item, place if item.position is None else (place, item.position)) for item in items]
        if self.types:
            placed = [(item, at) for item, at in placed if self._fits(item, at, run)]
        for check in self.checks:
            for item, at in placed:
                check.tell(item, at, run)
        if self.slicing is not None:
            self.slicing.tell(placed, place, run)

    def test(self, names: Iterable[str]) -> Test | None:
        """The test of the element in objects with these JSON names; None where there is nothing to be asked."""
        present = [name for name in names if name.removeprefix("_") in self.keys]
        if not present:
            needed = self.least > 0 or (self.slicing is not None and self.slicing.asks_of_nothing)
            return _never if needed else None
        if len(present) > 1 or present[0][0] == "_" or self.keys[present[0]] == "Resource":
            return self._slow  # an id or extension beside a value, or what must say itself what it is
        key = present[0]
        type_ = self.keys[key]
        if self.most == 0 or (self.types and type_ not in self.types):
            return _never
        accepts = tuple(check.accepts for check in self.checks)
        return self._quick(key, type_, accepts)

    def _quick(self, key: str, type_: str, accepts: tuple[Accepts, ...]) -> Test:
        least, most, slicing = self.least, self.most, self.slicing

        def test(node: Json, run: Run) -> bool:
            value = node[key]
            values = value if value.__class__ is list else (value,)
            if len(values) < least or (most is not None and len(values) > most):
                return False
            for accept in accepts:
                for one in values:
                    if not accept(one, type_, run):
                        return False
            return slicing is None or slicing.accepts(values, type_, run)

        return test

    def _slow(self, node: Json, run: Run) -> bool:
        trial = run.trial()
        self.tell(node, "", trial)
        return not trial.issues

    def _fits(self, item: Item, place: Place, run: Run) -> bool:
        """Whether the value is of a type that the profile leaves; of another there is no more to be said."""
        if item.type in self.types:
            return True
        run.issues.append(faults.type_not_permitted(expression(place), self.owner, self.name, self.types))
        return False

    def _excess(self, items: list[Item], place: Place) -> Issue:
        """There are more values than the profile permits: the first of those too many is at fault."""
        if not self.most:
            return faults.element_prohibited(expression(place), self.owner, self.name)
        position = items[self.most].position
        at = place if position is None else (place, position)
        return faults.element_repeated(expression(at), self.owner, self.name, self.most)


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule of a whole object. `guard` is the element and codes without which it has nothing to say."""

    rule: Rule
    check: Check
    guard: Guard | None

    def test(self, elements: frozenset[str], type_: str) -> Test | None:
        """The test of the rule in objects with these elements; None where these alone fulfil it.

        It need not be made of an object without one of the codes of `guard`.
        """
        truth = self.rule.settled(elements)
        if truth is not None:
            return None if truth else _never
        rule = self.rule
        is_closed = rule.is_closed
        return lambda node, run: rule.holds(Node(type_, node), NOWHERE if is_closed else run.around(rule))


class Demands:
    """All that a profile asks of objects of a type."""

    __slots__ = ("_elements", "_memory", "_shapes", "counted", "ruled", "type")

    def __init__(
        self,
        registry: Registry,
        type_: str,
        counted: tuple[Counted, ...],
        ruled: tuple[Ruled, ...] = (),
        memory: Memory | None = None,
    ) -> None:
        """Takes what is asked of elements, and of the whole; `memory` where what was accepted is remembered."""
        self._memory = memory
        self.type = type_
        self.counted = counted
        self.ruled = ruled
        self._elements = {
            key: element.name
            for element in registry.definition(type_).elements.values()
            for name, of in zip(
                keys_of(element.name, element.types, choice=element.choice),
                element.types or ("",),
                strict=False,
            )
            # Beside a value that is no primitive nothing stands: such a name is of no element.
            for key in ((name, f"_{name}") if _is_primitive(registry, of) else (name,))
        }
        self._shapes: dict[tuple[str, ...], tuple[Test, ...]] = {}

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return bool(self.counted or self.ruled)

    def tell(self, node: Json, place: Place, run: Run) -> None:
        """Adds what is wrong with the object to the run."""
        for counted in self.counted:
            counted.tell(node, place, run)
        for ruled in self.ruled:
            ruled.check.tell(Item(node, self.type, None, None), place, run)

    def accepts(self, node: Json, run: Run) -> bool:
        """Whether there is certainly nothing to say of an object of the right form."""
        tests = self._shapes.get(tuple(node))
        if tests is None:
            tests = self._settle(tuple(node))
        for test in tests:  # noqa: SIM110 - on every write; a generator doubles its cost
            if not test(node, run):
                return False
        return True

    def _settle(self, names: tuple[str, ...]) -> tuple[Test, ...]:
        """The tests of a shape, kept if it can be good and there is room."""
        elements = frozenset(self._elements[name] for name in names if name in self._elements)
        found = [self._of_element(counted, names) for counted in self.counted]
        found += self._of_whole(names, elements)
        tests = tuple(test for test in found if test is not None)
        if _never in tests:
            return REFUSED
        if len(self._shapes) < SHAPES_KEPT:
            self._shapes[names] = tests
        return tests

    def _of_element(self, counted: Counted, names: tuple[str, ...]) -> Test | None:
        test = counted.test(names)
        present = [name for name in names if name.removeprefix("_") in counted.keys]
        if self._memory is None or test is None or test is _never or len(present) != 1:
            return test
        return self._memory.of_members(present, test, _around)

    def _of_whole(self, names: tuple[str, ...], elements: frozenset[str]) -> Iterator[Test]:
        """The tests of the rules: what rules that read the same members accepted is remembered once for all."""
        by_members: dict[tuple[str, ...], list[tuple[Guard | None, Test]]] = {}
        for ruled in self.ruled:
            test, reads = ruled.test(elements, self.type), ruled.rule.path.reads
            if test is None:
                continue
            is_remembered = self._memory is not None and test is not _never and ruled.rule.is_closed
            present = tuple(name for name in names if reads and name in reads) if is_remembered else ()
            is_guarded = ruled.guard is not None and ruled.guard[0] in names and test is not _never
            by_members.setdefault(present, []).append((ruled.guard if is_guarded else None, test))
        for present, guarded in by_members.items():
            tests = list(_asked(guarded))
            if self._memory is None or not present:
                yield from tests
            else:
                yield self._memory.of_members(present, tests[0] if len(tests) == 1 else _every(tests))


def _around(_node: Json, run: Run) -> Json:
    return run.resource


def _asked(guarded: Iterable[tuple[Guard | None, Test]]) -> Iterator[Test]:
    """The tests; of those that have something to say of some codes alone, one for each element that has these."""
    by_code: dict[str, dict[tuple[Any, Any], list[Test]]] = {}
    for guard, test in guarded:
        if guard is None:
            yield test
            continue
        name, members = guard
        for member in members:
            by_code.setdefault(name, {}).setdefault(member, []).append(test)
    for name, tests in by_code.items():
        yield _coded(name, tests)


def _coded(name: str, tests: Mapping[tuple[Any, Any], Sequence[Test]]) -> Test:
    """The test whether those say yes that are of the codes in a CodeableConcept."""

    def test(node: Json, run: Run) -> bool:
        for coding in node[name].get("coding", ()):
            for one in tests.get((coding.get("system"), coding.get("code")), ()):
                if not one(node, run):
                    return False
        return True

    return test


def _every(tests: Iterable[Test]) -> Test:
    """The test whether all of these say yes."""
    made = tuple(tests)

    def test(node: Json, run: Run) -> bool:
        for one in made:  # noqa: SIM110 - on every write; a generator doubles its cost
            if not one(node, run):
                return False
        return True

    return test


def _is_primitive(registry: Registry, type_: str) -> bool:
    try:
        return registry.definition(type_).kind == "primitive"
    except KeyError:
        return False


def keys_of(name: str, types: tuple[str, ...], *, choice: bool) -> tuple[str, ...]:
    """The JSON names of an element: one, or one for each type of a choice."""
    return tuple(f"{name}{type_[0].upper()}{type_[1:]}" for type_ in types) if choice else (name,)


def guard_of(rule: Rule, elements: Mapping[str, Any], terminology: Terminology | None) -> Any:
    """Of a rule `code.memberOf('…') implies …` the element and the codes; None for any other."""
    match rule.tree:
        case Binary("implies", Call(Member(None, name), "memberOf", (Literal(str(value_set)),)), _):
            element = elements.get(name)
            if (
                terminology is None
                or element is None
                or element.types != ("CodeableConcept",)
                or element.repeats
            ):
                return None
            members = terminology.members(value_set)
            return None if members is None else (name, members)
        case _:
            return None

"""From the syntax tree to closures: names, types and functions resolved once, before anything is evaluated.

Source: https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from service.fhir.paths.compiled import Compiled, Focus, of_many, of_one, remembered
from service.fhir.paths.faults import PathError
from service.fhir.paths.navigation import any_child, raw_child, typed_child
from service.fhir.paths.nodes import Item, Node, Scope
from service.fhir.paths.syntax import (
    Binary,
    Call,
    Empty,
    Expression,
    Index,
    Literal,
    Member,
    Polarity,
    Subscript,
    This,
    Total,
    TypeTest,
    Variable,
    is_fixed,
)
from service.fhir.paths.types import (
    INTEGER,
    RESOURCES,
    SYSTEM_CHILDREN,
    Child,
    TypeModel,
)
from service.fhir.paths.values import system_type


@dataclass(frozen=True, slots=True)
class Services:
    """What paths may ask of the outside; a function whose service is not given cannot be compiled.

    `resolve` finds the resource behind a reference that is neither contained nor in the
    same Bundle; `member_of` tells whether a coded element is in the value set of that URL;
    `conforms_to` whether an element conforms to the profile of that URL; `subsumes` whether
    the first coded element subsumes the second. Each answers None for "cannot tell".
    """

    resolve: Callable[[str], dict[str, Any] | None] | None = None
    member_of: Callable[[Node, str], bool | None] | None = None
    conforms_to: Callable[[Node, str], bool | None] | None = None
    subsumes: Callable[[Node, Node], bool | None] | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read expressions where use and letter of the specification part ways.

    `single_as`: `as` over several items is an error, as FHIRPath has it; R4's own search
    parameters and invariants use it to pick items out of many, which is the default.
    `located`: nodes know their place in the resource, at some cost in speed.
    `resource_type`: the type of %resource where the context is an element within it.
    `variables`: the %names that environments will give beyond those of the specifications.
    """

    single_as: bool = False
    located: bool = False
    resource_type: str | None = None
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function call to be compiled: on what, with which arguments, and what $this is around it."""

    compiler: Compiler
    target: Compiled
    focus: Focus
    name: str
    arguments: tuple[Expression, ...]
    position: int

    def argument(self, place: int) -> Compiled:
        """An argument that is evaluated around the call, where $this is what it is there."""
        return self.compiler.compile(self.arguments[place], self.focus)

    def criterion(self, place: int) -> Compiled:
        """An argument that is evaluated once for each item, with the item as $this."""
        return self.compiler.compile_inner(self.arguments[place], self.target.focus)

    def counting(self, place: int) -> tuple[Compiled, bool]:
        """As `criterion`, and whether it reads $index, so that the place of each item must be kept."""
        before = self.compiler.index_readings
        compiled = self.criterion(place)
        return compiled, self.compiler.index_readings > before


@dataclass(frozen=True, slots=True)
class Function:
    """A function of FHIRPath: how to compile a call, and how many arguments it takes."""

    build: Callable[[Invocation], Compiled]
    least: int = 0
    most: int = 0


# Parts that are compiled for one expression: a repeat() compiles its projection once for each set of
# types, so that nested ones multiply. The longest of R4's own take fewer than 200.
MAXIMUM_STEPS = 10_000

Operator = Callable[["Compiler", Any, Focus], Compiled]

# The operators that the syntax tree does not name.
_SIGNS: Mapping[type, str] = {Polarity: "polarity", Subscript: "[]", Variable: "%"}


@dataclass(slots=True)
class Compiler:
    """Compiles one expression, and keeps what was learnt on the way.

    `roots` counts the readings of each property of the resource; `escapes` counts places
    where the resource itself is handed on, so that nobody can tell what is read of it. `scoped`
    is whether it needs the state of an evaluation, `outward` whether it reads what surrounds the item.
    `context` are the types that the evaluated item may have, None for any.
    """

    model: TypeModel
    functions: Mapping[str, Function]
    operators: Mapping[str, Operator]
    services: Services
    dialect: Dialect
    context: frozenset[str] | None
    roots: Counter[str] = field(default_factory=Counter)
    escapes: int = 0
    scoped: bool = False
    outward: bool = False
    index_readings: int = 0
    steps: int = 0
    inner: bool = False
    remembered: int = 0

    @property
    def raw_context(self) -> str | None:
        """The type of the evaluated item where it is raw: one known type, and no places asked for."""
        if self.context is None or len(self.context) != 1 or self.dialect.located:
            return None
        return next(iter(self.context))

    def compile(self, expression: Expression, focus: Focus) -> Compiled:
        """The expression compiled for this focus.

        Raises:
            PathError: an unknown name, an impossible path or a wrong type.
        """
        self.steps += 1
        if self.steps > MAXIMUM_STEPS:
            raise PathError("The expression is too long, or repeats are nested too deep in it.")
        if self.inner and isinstance(expression, Member | Call | Binary) and is_fixed(expression):
            return self._once(expression, focus)
        match expression:
            case Member(target, name, position):
                return self._member(target, name, position, focus)
            case Call(target, name, arguments, position):
                return self._call(target, name, arguments, position, focus)
            case Binary(operator) | TypeTest(operator):
                return self.operators[operator](self, expression, focus)
            case Polarity() | Subscript() | Variable():
                return self.operators[_SIGNS[type(expression)]](self, expression, focus)
            case This():
                return self.this(focus)
            case Literal() | Empty() | Index() | Total():
                return self._term(expression)

    def compile_inner(self, expression: Expression, focus: Focus) -> Compiled:
        """As `compile`, of an expression that is evaluated for one item after another.

        What gives the same for each of them (`%resource.descendants()`) is evaluated once.
        """
        outer, self.inner = self.inner, True
        compiled = self.compile(expression, focus)
        self.inner = outer
        return compiled

    def _once(self, expression: Expression, focus: Focus) -> Compiled:
        """An expression that gives the same for every item, remembered for the evaluation."""
        outer, self.inner = self.inner, False
        compiled = self.compile(expression, focus)
        self.inner = outer
        self.scoped = True
        self.remembered += 1
        return remembered(compiled, self.remembered)

    def this(self, focus: Focus) -> Compiled:
        """$this."""
        self.escapes += focus.root

        def one(this: Item, _: Scope) -> Item:
            return this

        links = () if focus.raw is not None else None
        return replace(of_one(one, focus.raw, focus.types), links=links, root=focus.root)

    def member(self, target: Compiled, name: str, position: int | None = None) -> Compiled:
        """The step from the target to its child of that name.

        Raises:
            PathError: no type that the target may have has such a child.
        """
        if target.root:
            self._read(target, name)
        if target.raw is not None:
            child = self.model.child(target.raw, name)
            if child is None:
                raise PathError(f"{target.raw} has no element {name}.", position)
            if child.choice or child.types & RESOURCES:
                return typed_child(target, child)
            return raw_child(target, child)
        return any_child(target, self.model, name, self._child_types(target, name, position))

    def _child_types(self, target: Compiled, name: str, position: int | None) -> frozenset[str] | None:
        """The types that a child of the target may have, None where that cannot be told."""
        if target.types is None or any(type_ in RESOURCES for type_ in target.types):
            return None
        found: set[str] = set()
        for type_ in target.types:
            if (child := self.model.child(type_, name)) is not None:
                found |= child.types
            elif name in SYSTEM_CHILDREN.get(type_, {}):
                found.add(SYSTEM_CHILDREN[type_][name])
        if not found:
            raise PathError(f"{' or '.join(sorted(target.types))} has no element {name}.", position)
        return None if found & RESOURCES else frozenset(found)

    def _read(self, target: Compiled, name: str) -> None:
        """Notes the JSON properties of the resource that the step reads."""
        children = [self.model.child(type_, name) for type_ in target.types or ()]
        if None in children or not children:
            return
        self.escapes -= 1
        for child in children:
            if child is not None:
                self.note(child, 1)

    def note(self, child: Child, times: int) -> None:
        """Counts a reading of the child of the resource, or takes one back (-1)."""
        for key, _, sibling in child.alternatives:
            self.roots[key] += times
            if sibling is not None:
                self.roots[sibling] += times

    def _member(self, target: Expression | None, name: str, position: int, focus: Focus) -> Compiled:
        if target is not None:
            return self.member(self.compile(target, focus), name, position)
        this = self.this(focus)
        if self._names_focus(name, focus):
            return this
        if focus.types is None and name[:1].isupper() and self.model.is_known(name):
            return self.operators["head"](self, Member(None, name, position), focus)
        return self.member(this, name, position)

    def _names_focus(self, name: str, focus: Focus) -> bool:
        """Whether a leading name is the type of $this rather than one of its elements."""
        if focus.types is None or any(self.model.child(type_, name) is not None for type_ in focus.types):
            return False
        return any(self.model.is_a(type_, name) for type_ in focus.types)

    def _call(
        self,
        target: Expression | None,
        name: str,
        arguments: tuple[Expression, ...],
        position: int,
        focus: Focus,
    ) -> Compiled:
        function = self.functions.get(name)
        if function is None:
            raise PathError(f"There is no function {name}().", position)
        if not function.least <= len(arguments) <= function.most:
            raise PathError(f"{name}() does not take {len(arguments)} arguments.", position)
        on = self.this(focus) if target is None else self.compile(target, focus)
        return function.build(Invocation(self, on, focus, name, arguments, position))

    def _term(self, expression: Literal | Empty | Index | Total) -> Compiled:
        match expression:
            case Literal(value):
                return of_one(lambda _this, _scope: value, system_type(value))
            case Empty():
                return of_one(lambda _this, _scope: None, None, frozenset())
            case Index():
                self.scoped = True
                self.index_readings += 1
                return of_one(lambda _this, scope: scope.index, INTEGER)
            case Total():
                self.scoped = True
                return of_many(lambda _this, scope: scope.total or [], None, None)

"""Compiled paths, as the rest of the service uses them.

Source: https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.fhir.paths.arithmetic import ARITHMETIC_OPERATORS
from service.fhir.paths.collections import COLLECTION_OPERATORS, COLLECTIONS
from service.fhir.paths.comparisons import COMPARISON_FUNCTIONS, COMPARISONS
from service.fhir.paths.compiled import Compiled, Focus, condition
from service.fhir.paths.compiler import Compiler, Dialect, Function, Operator, Services
from service.fhir.paths.conversions import CONVERSIONS
from service.fhir.paths.existence import EXISTENCE
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.fhir_functions import FHIR_FUNCTIONS
from service.fhir.paths.filtering import FILTERING
from service.fhir.paths.logic import LOGIC
from service.fhir.paths.mathematics import MATHEMATICS
from service.fhir.paths.nodes import Environment, Node, Scope, resource_type
from service.fhir.paths.parser import parse
from service.fhir.paths.strings import STRINGS
from service.fhir.paths.syntax import Expression
from service.fhir.paths.trees import TREES
from service.fhir.paths.type_tests import TYPE_FUNCTIONS, TYPE_OPERATORS
from service.fhir.paths.types import Definitions, TypeModel
from service.fhir.paths.utility import UTILITY
from service.fhir.paths.values import exported
from service.fhir.paths.variables import VARIABLES

FUNCTIONS: dict[str, Function] = {
    **EXISTENCE,
    **FILTERING,
    **COLLECTIONS,
    **CONVERSIONS,
    **STRINGS,
    **MATHEMATICS,
    **COMPARISON_FUNCTIONS,
    **TYPE_FUNCTIONS,
    **TREES,
    **UTILITY,
    **FHIR_FUNCTIONS,
}
OPERATORS: dict[str, Operator] = {
    **LOGIC,
    **COMPARISONS,
    **ARITHMETIC_OPERATORS,
    **COLLECTION_OPERATORS,
    **TYPE_OPERATORS,
    **VARIABLES,
}

_NOWHERE = Environment()
_NO_SERVICES = Services()
_PLAIN_DIALECT = Dialect()
# What expressions are given that read nothing of their surroundings.
_UNREAD = Scope(None, None, _NOWHERE)


class Path:
    """A compiled expression. Immutable; may be shared between threads.

    `roots` are the top-level JSON properties of a resource that the expression reads:
    where none of them is present it gives nothing. None where that cannot be told. `reads` are the
    same, whatever it gives where there are none of them: it hangs on nothing else. None where that cannot
    be told, or where it reads something of its surroundings. `is_closed` is whether it reads nothing of
    these: neither %resource nor any time.
    """

    __slots__ = ("_compiled", "_raw", "_scoped", "_truth", "is_closed", "reads", "roots")

    def __init__(self, compiler: Compiler, compiled: Compiled) -> None:
        """Takes what the compiler made of an expression."""
        self._compiled = compiled
        self._truth = condition(compiled)
        self._raw = compiler.raw_context
        self._scoped = compiler.scoped
        self.is_closed = not compiler.outward
        self.roots: frozenset[str] | None = None
        self.reads: frozenset[str] | None = None
        if compiler.escapes == 0 and self.is_closed:
            self.reads = frozenset(+compiler.roots)
        if compiler.escapes == 0 and self._gives_nothing():
            self.roots = frozenset(+compiler.roots) or None

    def values(self, resource: Any, environment: Environment = _NOWHERE) -> list[Node]:
        """The items that the expression gives, each with its type and JSON value.

        `resource` is the JSON of the resource, or of the element of the context type, to
        evaluate; a Node where the path was compiled for several types, or where a primitive
        has an id or extensions.

        Raises:
            EvaluationError: the expression does not fit the data.
        """
        item = self._item(resource) if self._raw is None or resource.__class__ is Node else resource
        scope = Scope(resource, item, environment) if self._scoped else _UNREAD
        items = self._compiled.many(item, scope)
        raw = self._compiled.raw
        if raw is None:
            return [item if item.__class__ is Node else exported(item, None) for item in items]
        return [item if item.__class__ is Node else Node(raw, item) for item in items]

    @property
    def raw(self) -> tuple[str, Callable[[Any], list[Any]]] | None:
        """The one type of the items and what gives them as bare JSON, of a path that reads nothing but the resource.

        An item of these is its value, or a Node where something stands beside it. None where the type is not
        known before, or is none of FHIR's.
        """
        type_, many = self._compiled.raw, self._compiled.many
        if type_ is None or self._scoped or self._raw is None:
            return None
        return type_, lambda resource: many(resource, _UNREAD)

    def holds(self, resource: Any, environment: Environment = _NOWHERE) -> bool | None:
        """Whether the expression is true of the resource or element; None where it gives nothing.

        Raises:
            EvaluationError: the expression does not fit the data.
        """
        item = self._item(resource) if self._raw is None or resource.__class__ is Node else resource
        return self._truth(item, Scope(resource, item, environment) if self._scoped else _UNREAD)

    def _item(self, value: Any) -> Any:
        """What is evaluated, as the compiled expression expects it: a node, or raw JSON."""
        if self._raw is not None:
            return value if value.sibling is not None else value.value
        return value if isinstance(value, Node) else Node(resource_type(value, "Element"), value)

    def _gives_nothing(self) -> bool:
        """Whether the expression gives nothing for a resource that has none of the properties it reads."""
        try:
            return not self.values({"resourceType": self._raw})
        except EvaluationError:
            return False


def compile_path(
    expression: str,
    registry: Definitions | TypeModel,
    context_type: str | frozenset[str] | None,
    *,
    services: Services = _NO_SERVICES,
    dialect: Dialect = _PLAIN_DIALECT,
) -> Path:
    """The expression compiled for resources or elements of the context type (or types; None: of any).

    Who compiles many makes one TypeModel of the registry and passes that, so that types are
    looked up once.

    Raises:
        PathError: it is no FHIRPath, or names a function, element, variable or type that there is not.
    """
    return compile_tree(parse(expression), registry, context_type, services=services, dialect=dialect)


def compile_tree(
    tree: Expression,
    registry: Definitions | TypeModel,
    context_type: str | frozenset[str] | None,
    *,
    services: Services = _NO_SERVICES,
    dialect: Dialect = _PLAIN_DIALECT,
) -> Path:
    """As `compile_path`, of an expression that is parsed already.

    Raises:
        PathError: it names a function, element, variable or type that there is not.
    """
    model = registry if isinstance(registry, TypeModel) else TypeModel(registry)
    context = frozenset({context_type}) if isinstance(context_type, str) else context_type
    for type_ in context or ():
        if not model.is_known(type_):
            raise PathError(f"There is no type {type_}.")
    compiler = Compiler(model, FUNCTIONS, OPERATORS, services, dialect, context)
    return Path(compiler, compiler.compile(tree, Focus(compiler.raw_context, context, root=True)))

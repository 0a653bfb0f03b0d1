"""The %variables: what the specifications define, and what the environment gives.

Source: https://hl7.org/fhir/R4/fhirpath.html#vars, https://hl7.org/fhirpath/N1/#environment-variables
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from service.fhir.paths.compiled import Compiled, Focus, of_one
from service.fhir.paths.compiler import Compiler, Operator
from service.fhir.paths.faults import PathError
from service.fhir.paths.nodes import Item, Node, Scope, resource_type
from service.fhir.paths.syntax import Call, Expression, Member, Variable
from service.fhir.paths.types import STRING

_CONSTANTS = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "ucum": "http://unitsofmeasure.org",
}

_PREFIXES = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}


# Functions that read more than their target and their arguments.
_OUTWARD = frozenset({"now", "resolve", "timeOfDay", "today", "trace"})


def _variable(compiler: Compiler, expression: Variable, _focus: Focus) -> Compiled:
    """%name compiled.

    Raises:
        PathError: nobody defines it.
    """
    name = expression.name
    if name in _CONSTANTS:
        return _constant(_CONSTANTS[name])
    for prefix, base in _PREFIXES.items():
        if name.startswith(prefix):
            return _constant(base + name.removeprefix(prefix))
    compiler.escapes += 1
    compiler.scoped = compiler.outward = True
    match name:
        case "context":
            return of_one(lambda _this, scope: scope.context, compiler.raw_context, compiler.context)
        case "resource":
            return _resource(compiler)
        case "rootResource":
            return of_one(lambda _this, scope: _node(scope.root), None)
        case _ if name in compiler.dialect.variables:
            return of_one(lambda _this, scope: _given(scope, name), None)
        case _:
            raise PathError(f"There is no variable %{name}.", expression.position)


def members_around(expression: Expression) -> frozenset[str] | None:
    """The elements of %resource that an expression reads; None where it may read more of what surrounds its item."""
    found: set[str] = set()

    def is_told(part: object) -> bool:
        match part:
            case Member(Variable("resource"), name):
                found.add(name)
                return True
            case Variable(name):
                return name == "context" or name in _CONSTANTS or name.startswith(tuple(_PREFIXES))
            case Call(_, name) if name in _OUTWARD:
                return False
            case tuple():
                return all(map(is_told, part))
            case _ if is_dataclass(part):
                return all(is_told(getattr(part, each.name)) for each in fields(part))
            case _:
                return True

    return frozenset(found) if is_told(expression) else None


def _constant(text: str) -> Compiled:
    return of_one(lambda _this, _scope: text, STRING)


def _resource(compiler: Compiler) -> Compiled:
    """%resource, raw where its type is known beforehand."""
    type_ = compiler.dialect.resource_type or compiler.raw_context
    if type_ is None or compiler.dialect.located or not compiler.model.is_a(type_, "Resource"):
        return of_one(lambda _this, scope: _node(scope.resource), None)
    return of_one(lambda _this, scope: scope.resource, type_)


def _node(resource: Item) -> Item:
    return None if resource is None else Node(resource_type(resource, "Resource"), resource)


def _given(scope: Scope, name: str) -> Item:
    """The value that the environment gives, nothing where it gives none."""
    return scope.environment.variables.get(name)


VARIABLES: dict[str, Operator] = {"%": _variable}

"""The operators and functions that ask for types: is, as, type().

Source: https://hl7.org/fhirpath/N1/#types
"""

from __future__ import annotations

from service.fhir.paths.compiled import Compiled, Focus, like, of_one
from service.fhir.paths.compiler import Compiler, Function, Invocation, Operator
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.narrowing import of_type, tester
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.references import refers_to
from service.fhir.paths.syntax import Call, Member, TypeName, TypeTest
from service.fhir.paths.types import BOOLEAN, SYSTEM_TYPES, type_specifier


def _is_operator(compiler: Compiler, expression: TypeTest, focus: Focus) -> Compiled:
    operand = expression.operand
    if isinstance(operand, Call) and operand.name == "resolve" and not operand.arguments:
        references = (
            compiler.this(focus) if operand.target is None else compiler.compile(operand.target, focus)
        )
        compiler.scoped = compiler.outward = True
        return refers_to(compiler, references, compiler.model.resolve(expression.type))
    return _is(compiler, compiler.compile(operand, focus), expression.type)


def _is_function(call: Invocation) -> Compiled:
    return _is(call.compiler, call.target, type_specifier(call.arguments[0]))


def _is(compiler: Compiler, target: Compiled, type_: TypeName) -> Compiled:
    """Whether the only item is of the type; nothing where there is none."""
    wanted = _named(compiler, type_)
    one, tests = target.one, tester(compiler.model, target.raw, wanted)

    def test(this: Item, scope: Scope) -> bool | None:
        item = one(this, scope)
        return None if item is None else tests(item)

    return of_one(test, BOOLEAN)


def _named(compiler: Compiler, type_: TypeName) -> str:
    """The type that is asked for. Nothing is of a System type that there is not, and asking is no error."""
    if type_.namespace == "System" and f"System.{type_.name}" not in SYSTEM_TYPES:
        return f"System.{type_.name}"
    return compiler.model.resolve(type_)


def _as_operator(compiler: Compiler, expression: TypeTest, focus: Focus) -> Compiled:
    return _as(compiler, compiler.compile(expression.operand, focus), expression.type)


def _as_function(call: Invocation) -> Compiled:
    return _as(call.compiler, call.target, type_specifier(call.arguments[0]))


def _as(compiler: Compiler, target: Compiled, type_: TypeName) -> Compiled:
    """The item where it is of the type; of several those that are, unless the dialect forbids several."""
    picked = of_type(compiler, target, compiler.model.resolve(type_))
    if target.single or not compiler.dialect.single_as:
        return picked
    source, narrowed = target.many, picked.many

    def many(this: Item, scope: Scope) -> Items:
        if len(source(this, scope)) > 1:
            raise EvaluationError("`as` takes one item, and there are several.")
        return narrowed(this, scope)

    return like(picked, many)


def _head(compiler: Compiler, expression: Member, focus: Focus) -> Compiled:
    """$this where it is of the type that begins the path, for a $this of no known type."""
    return of_type(compiler, compiler.this(focus), expression.name)


TYPE_OPERATORS: dict[str, Operator] = {"is": _is_operator, "as": _as_operator, "head": _head}
TYPE_FUNCTIONS = {
    "is": Function(_is_function, 1, 1),
    "as": Function(_as_function, 1, 1),
}

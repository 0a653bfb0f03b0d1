"""From the text of a FHIRPath expression to its syntax tree.

Source: https://hl7.org/fhirpath/N1/grammar.html, https://hl7.org/fhirpath/N1/#operator-precedence
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from service.fhir.paths.dates import parse_date, parse_datetime, parse_time
from service.fhir.paths.faults import PathError
from service.fhir.paths.lexer import Token, TokenKind, tokens
from service.fhir.paths.quantities import CALENDAR_UNITS, Quantity
from service.fhir.paths.syntax import (
    Binary,
    BinaryOperator,
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
    TypeName,
    TypeTest,
    Variable,
)

# How tightly operators bind; `is` and `as` take a type on the right.
_BINDING: dict[str, int] = {
    "implies": 0, "or": 1, "xor": 1, "and": 2, "in": 3, "contains": 3, "=": 4, "~": 4, "!=": 4, "!~": 4,
    "<=": 5, "<": 5, ">": 5, ">=": 5, "|": 6, "is": 7, "as": 7, "+": 8, "-": 8, "&": 8,
    "*": 9, "/": 9, "div": 9, "mod": 9,
}  # fmt: skip

# Words that are no names; `as`, `contains`, `in` and `is` may be both (`expansion.contains`).
_RESERVED = frozenset({"and", "or", "xor", "implies", "div", "mod", "true", "false"})

_WORDS = _RESERVED.union(_BINDING)

# How faults speak of tokens, whose text may be somebody's name.
_SHOWN: Mapping[TokenKind, str] = {
    "identifier": "a name", "delimited": "a name", "string": "a text", "number": "a number", "date": "a date",
    "dateTime": "an instant", "time": "a time", "dollar": "a variable", "symbol": "a symbol", "end": "the end",
}  # fmt: skip

# Deeper than any rule needs, and far from where the interpreter's stack ends.
MAXIMUM_DEPTH = 100


def parse(expression: str) -> Expression:
    """The syntax tree of the expression.

    Raises:
        PathError: the text is no FHIRPath expression.
    """
    parser = _Parser(tokens(expression))
    tree = parser.expression()
    parser.expect_end()
    return tree


class _Parser:
    """Walks the tokens once, from left to right."""

    __slots__ = ("_depth", "_next", "_tokens")

    def __init__(self, found: list[Token]) -> None:
        """Takes the tokens, `end` last."""
        self._tokens = found
        self._next = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _at(self, symbol: str) -> bool:
        token = self._token
        return token.kind == "symbol" and token.text == symbol

    def _expect(self, symbol: str) -> None:
        if not self._at(symbol):
            raise self._unexpected(f"'{symbol}'")
        self._next += 1

    def _unexpected(self, wanted: str) -> PathError:
        token = self._token
        shown = f"'{token.text}'" if token.kind == "symbol" or token.text in _WORDS else _SHOWN[token.kind]
        return PathError(f"Expected {wanted} at character {token.position}, found {shown}.", token.position)

    def expect_end(self) -> None:
        """Checks that nothing is left over."""
        if self._token.kind != "end":
            raise self._unexpected("the end of the expression")

    def _deeper(self) -> None:
        """Counts one more level of the tree.

        Raises:
            PathError: there are too many.
        """
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise PathError(
                f"The expression is nested deeper than {MAXIMUM_DEPTH} levels.", self._token.position
            )

    def expression(self, least: int = 0) -> Expression:
        """An expression of operators that bind at least so tightly."""
        depth = self._depth
        left = self._polarity()
        while (binding := self._binding()) is not None and binding >= least:
            self._deeper()
            operator = self._take()
            if operator.text in {"is", "as"}:
                left = TypeTest("is" if operator.text == "is" else "as", left, self._type_name())
            else:
                right = self.expression(binding + 1)
                left = Binary(cast("BinaryOperator", operator.text), left, right, operator.position)
        self._depth = depth
        return left

    def _binding(self) -> int | None:
        """How tightly the operator binds that comes next, None where none does."""
        token = self._token
        return _BINDING.get(token.text) if token.kind in {"symbol", "identifier"} else None

    def _polarity(self) -> Expression:
        if self._at("-") or self._at("+"):
            self._deeper()
            sign = self._take()
            operand = self._polarity()
            self._depth -= 1
            return Polarity(sign.text == "-", operand, sign.position)
        return self._path()

    def _path(self) -> Expression:
        """A term and the invocations and subscripts that follow it."""
        depth = self._depth
        self._deeper()
        target = self._term()
        while self._at(".") or self._at("["):
            self._deeper()
            if self._take().text == ".":
                target = self._invocation(target)
            else:
                index = self.expression()
                self._expect("]")
                target = Subscript(target, index)
        self._depth = depth
        return target

    def _term(self) -> Expression:
        token = self._token
        match token.kind:
            case "symbol":
                return self._symbol_term()
            case "number":
                return self._number()
            case "string":
                return Literal(self._take().text)
            case "date" | "dateTime" | "time":
                return self._temporal()
            case "identifier" if token.text in {"true", "false"}:
                return Literal(self._take().text == "true")
            case _:
                return self._invocation(None)

    def _symbol_term(self) -> Expression:
        if self._at("("):
            self._next += 1
            inner = self.expression()
            self._expect(")")
            return inner
        if self._at("{"):
            self._next += 1
            self._expect("}")
            return Empty()
        if self._at("%"):
            self._next += 1
            token = self._token
            if token.kind not in {"identifier", "delimited", "string"}:
                raise self._unexpected("the name of a variable")
            return Variable(self._take().text, token.position)
        raise self._unexpected("an expression")

    def _number(self) -> Expression:
        text = self._take().text
        number = Decimal(text) if "." in text else int(text)
        token = self._token
        if token.kind == "string":
            return Literal(Quantity(Decimal(number), self._take().text))
        if token.kind == "identifier" and token.text in CALENDAR_UNITS:
            return Literal(Quantity(Decimal(number), self._take().text, calendar=True))
        return Literal(number)

    def _temporal(self) -> Expression:
        token = self._take()
        parse_text = {"date": parse_date, "dateTime": parse_datetime, "time": parse_time}[token.kind]
        value = parse_text(token.text)
        if value is None:
            raise PathError("There is no such date or time.", token.position)
        return Literal(value)

    def _invocation(self, target: Expression | None) -> Expression:
        token = self._token
        if token.kind == "dollar":
            return self._dollar(target)
        name = self._name(behind_dot=target is not None)
        if not self._at("("):
            return Member(target, name, token.position)
        self._next += 1
        arguments: list[Expression] = []
        while not self._at(")"):
            if arguments:
                self._expect(",")
            arguments.append(self.expression())
        self._expect(")")
        return Call(target, name, tuple(arguments), token.position)

    def _dollar(self, target: Expression | None) -> Expression:
        token = self._token
        names: dict[str, Expression] = {"$this": This(), "$index": Index(), "$total": Total()}
        if target is not None or token.text not in names:
            raise self._unexpected("a name")
        self._next += 1
        return names[token.text]

    def _name(self, *, behind_dot: bool = False) -> str:
        """A name; behind a dot it may be a reserved word (`text.div`), which can be nothing else there."""
        token = self._token
        reserved = not behind_dot and token.text in _RESERVED
        if token.kind == "delimited" or (token.kind == "identifier" and not reserved):
            return self._take().text
        raise self._unexpected("an expression" if token.kind == "end" else "a name")

    def _type_name(self) -> TypeName:
        position = self._token.position
        name = self._name()
        if self._at("."):
            self._next += 1
            return TypeName(name, self._name(), position)
        return TypeName(None, name, position)

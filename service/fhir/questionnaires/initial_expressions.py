"""Initial expressions: what a Questionnaire works out beforehand, by FHIRPath and from what it is given.

Whoever may store a Questionnaire chooses the expression, so only functions are run that cannot
keep the server busy.

Source: https://hl7.org/fhir/uv/sdc/populate.html#expression-based-population,
https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaire-initialExpression.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from service.fhir.paths import Dialect, Environment, EvaluationError, Node, PathError
from service.fhir.paths.parser import parse
from service.fhir.paths.path import compile_tree
from service.fhir.paths.syntax import functions
from service.fhir.paths.types import Definitions, TypeModel

Json = dict[str, Any]

FHIRPATH: Final = "text/fhirpath"
RESPONSE: Final = "QuestionnaireResponse"
# Characters of an expression: those of published forms have a few hundred.
LONGEST: Final = 5_000
# No regular expressions, no replacing, nothing that repeats or goes through whole resources.
FUNCTIONS: Final = frozenset(
    {"abs", "all", "allTrue", "anyTrue", "as", "combine", "contains", "count", "distinct", "empty", "endsWith",
     "exclude", "exists", "extension", "first", "hasValue", "iif", "indexOf", "intersect", "is", "join", "last",
     "length", "lower", "not", "now", "ofType", "round", "select", "single", "skip", "startsWith", "substring",
     "tail", "take", "toBoolean", "today", "toDate", "toDateTime", "toDecimal", "toInteger", "toQuantity",
     "toString", "trim", "union", "upper", "where"}
)  # fmt: skip
# Gives as many items as there are on both its sides, multiplied: once is enough for any form.
PRODUCT: Final = "select"


class Inexpressible(Exception):  # noqa: N818 - says what was found of an expression
    """An expression that gives no value here; its text says why, and quotes nothing of it."""


class Evaluator:
    """What expressions are worked out with: the variables by name, and the instant of it all (milliseconds)."""

    def __init__(
        self, definitions: Definitions, variables: Mapping[str, Node], now: int, response: Json
    ) -> None:
        """Takes the variables, and the response that is being filled in, which is %resource."""
        self._model = TypeModel(definitions)
        self._dialect = Dialect(single_as=True, variables=frozenset(variables))
        self._environment = Environment(now=now, resource=response, variables=variables)
        self._response = response

    def values(self, expression: Json) -> list[Node]:
        """What a FHIR Expression gives.

        Raises:
            Inexpressible: it is in another language, names what is not given, or does not fit.
        """
        text = expression.get("expression")
        if expression.get("language") != FHIRPATH or not isinstance(text, str):
            raise Inexpressible("Only expressions in FHIRPath are worked out here.")
        if len(text) > LONGEST:
            raise Inexpressible(f"An expression of more than {LONGEST} characters is not worked out here.")
        try:
            tree = parse(text)
            called = [call.name for call in functions(tree)]
            if not FUNCTIONS.issuperset(called) or called.count(PRODUCT) > 1:
                raise Inexpressible("The expression calls a function that is not run here, or too often.")
            path = compile_tree(tree, self._model, RESPONSE, dialect=self._dialect)
            return path.values(self._response, self._environment)
        except (PathError, EvaluationError, RecursionError):
            raise Inexpressible("The expression cannot be worked out from what is given.") from None

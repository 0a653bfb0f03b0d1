"""Invariants: the FHIRPath rules of types and elements, compiled.

Rules on every element or reference have a shortcut, held to their compiled expression by a
test: ele-1 (a value or children) is decided by an object's names, and what is contained by
`containment`.

dom-6 (a resource should have a narrative) is advice that R4 marks as best practice; records
of scores have none, and a warning on each would hide the others.

Source: https://hl7.org/fhir/R4/conformance-rules.html#constraints, docs/interpretations.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from service.fhir.conformance.containment import LOCAL, REFERRED, Containment
from service.fhir.conformance.presence import settled
from service.fhir.definitions import Element, Invariant
from service.fhir.paths import Dialect, Environment, EvaluationError, Path, PathError, Services
from service.fhir.paths.parser import parse
from service.fhir.paths.path import compile_tree
from service.fhir.paths.syntax import Expression
from service.fhir.paths.types import TypeModel
from service.fhir.paths.variables import members_around
from service.fhir.registry import Registry
from service.fhir.remembered import Memory

CHILDREN: Final = "ele-1"
# txt-1 and txt-2 are htmlChecks(), which the check of every narrative is already; dom-2 is contained-nested.
ANSWERED_ELSEWHERE: Final = frozenset({"txt-1", "txt-2", "dom-2"})
BEST_PRACTICE: Final = frozenset({"dom-6"})
# What R4 itself wrote so that it cannot be evaluated, by type and key: corrected in later releases.
SLIPS: Final = frozenset({("ChargeItemDefinition", "cid-0")})  # speaks of a name that the type does not have
# Likewise, with the expression of a later release that says what was meant.
CORRECTED: Final = {
    # R4 asks for a System.Boolean, which no element of a resource is.
    ("Questionnaire.item.enableWhen", "que-7"): "operator = 'exists' implies (answer is boolean)",
}

NOWHERE: Final = Environment()
"""What is around an item where its rule reads nothing of that."""
NOT_ASKED: Final = ANSWERED_ELSEWHERE | BEST_PRACTICE


class Uncompilable(Exception):  # noqa: N818 - says what was found of a definition
    """An invariant or trigger that cannot be compiled: the definitions cannot be used."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant ready to run. `owner` is the type, element or profile that it belongs to."""

    invariant: Invariant
    owner: str
    tree: Expression
    path: Path
    shortcut: Callable[[Any, Environment], bool] | None = None
    around: frozenset[str] | None = None
    """The elements of %resource that it reads beside its item; None where that cannot be told."""

    @property
    def is_closed(self) -> bool:
        """Whether it reads nothing but the item that it is asked of."""
        return self.shortcut is None and self.path.is_closed

    @property
    def key(self) -> str:
        """The invariant's key, such as obs-6."""
        return self.invariant.key

    def settled(self, names: AbstractSet[str]) -> bool | None:
        """What it comes to by names of elements alone; None where values decide."""
        if self.key == CHILDREN:
            return names != {"id"}
        return settled(self.tree, names)

    def holds(self, item: Any, environment: Environment) -> bool:
        """Whether the rule is not broken: it is true, or gives nothing. `item` is JSON or a Node.

        R4's own rules count on the latter: bdl-8 says nothing of an entry without fullUrl.
        """
        if self.shortcut is not None:
            return self.shortcut(item, environment)
        try:
            return self.path.holds(item, environment) is not False
        except EvaluationError:
            return False  # such as two items where the rule speaks of the only one


class Invariants:
    """The compiled invariants of R4's types and elements, each made when first asked for, and kept."""

    def __init__(self, registry: Registry, services: Services | None = None) -> None:
        """Takes the registry whose definitions hold, and what expressions may ask of the outside."""
        self.model = TypeModel(registry)
        self.memory = Memory()
        self.services = services or Services()
        self.containment = Containment(self.model)
        self._shortcuts = {LOCAL: self.containment.is_met, REFERRED: self.containment.is_referred}
        self._registry = registry
        self.of_type = cache(self._of_type)
        self.of_element = cache(self._of_element)

    def _of_type(self, type_: str) -> tuple[Rule, ...]:
        """The rules of a type, inherited ones included.

        Raises:
            Uncompilable: one cannot be compiled.
        """
        definition = self._registry.definition(type_)
        return tuple(
            self.rule(invariant, type_, type_)
            for invariant in definition.invariants
            if invariant.key not in NOT_ASKED and (type_, invariant.key) not in SLIPS
        )

    def _of_element(self, element: Element) -> tuple[Rule, ...]:
        """The rules that an element has beyond those of its type.

        Raises:
            Uncompilable: one cannot be compiled.
        """
        return tuple(
            self.rule(invariant, element.name, frozenset(element.types))
            for invariant in element.invariants
            if invariant.key not in NOT_ASKED
        )

    def rule(self, invariant: Invariant, owner: str, context: str | Iterable[str] | None) -> Rule:
        """The invariant compiled for items of the type, or of one of several types, or (None) of any.

        Raises:
            Uncompilable: it is no FHIRPath, or speaks of what there is not.
        """
        types = context if context is None or isinstance(context, str) else frozenset(context)
        if isinstance(types, frozenset) and len(types) == 1:
            (types,) = types
        try:
            tree = parse(CORRECTED.get((owner, invariant.key), invariant.expression))
            path = compile_tree(tree, self.model, types, services=self.services, dialect=Dialect())
        except PathError as fault:
            raise Uncompilable(
                f"The invariant {invariant.key} of {owner} cannot be compiled: {fault}"
            ) from fault
        shortcut = self._shortcuts.get(invariant.key)
        around = None if shortcut is not None else members_around(tree)
        return Rule(invariant, owner, tree, path, shortcut, around)

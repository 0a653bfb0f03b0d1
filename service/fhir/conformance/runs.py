"""One checking of a resource against profiles: what was found so far, and what surrounds the check.

Every check is made twice over: one half says quickly whether there is certainly nothing to
say, the other tells it. A test holds the two to one opinion.

Source: ADR 0003, https://hl7.org/fhir/R4/fhirpath.html#variables
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.fhir.conformance.containment import inside
from service.fhir.conformance.items import Item
from service.fhir.conformance.places import Place
from service.fhir.paths import Environment
from service.fhir.problems import Issue
from service.fhir.remembered import look

if TYPE_CHECKING:
    from service.fhir.conformance.invariants import Rule

Json = dict[str, Any]


class Run:
    """The issues of one resource. `sound`: its JSON has the right form, so that expressions can be evaluated."""

    __slots__ = ("_contained", "_environment", "issues", "resource", "root", "sound")

    def __init__(self, resource: Json, root: Json | None = None, *, sound: bool = True) -> None:
        """Takes the resource, and the one around it where it is contained."""
        self.issues: list[Issue] = []
        self.resource = resource
        self.root = resource if root is None else root
        self.sound = sound
        self._environment: Environment | None = None
        self._contained: dict[str, Json] | None = None

    def contained(self, id_: str) -> Json | None:
        """The contained resource of that id, the container itself for an empty one; None where there is none."""
        look()
        if not id_:
            return self.root
        if self._contained is None:
            inner = reversed(inside(self.root))  # of two with one id the first counts
            self._contained = {one["id"]: one for one in inner if isinstance(one.get("id"), str)}
        return self._contained.get(id_)

    @property
    def environment(self) -> Environment:
        """What %resource and %rootResource stand for."""
        look()
        return self._surroundings()

    def around(self, rule: Rule) -> Environment:
        """What %resource and %rootResource stand for in a rule, which says what it reads of them."""
        if rule.around is None:
            return self.environment
        if rule.around:
            look(*rule.around)
        return self._surroundings()

    def _surroundings(self) -> Environment:
        if self._environment is None:
            self._environment = Environment(resource=self.resource, root=self.root)
        return self._environment

    def entered(self, resource: Json, *, contained: bool) -> Run:
        """A run of a resource within this one, which stays what is around it where that is contained."""
        look()
        return Run(resource, self.root if contained else resource, sound=self.sound)

    def trial(self) -> Run:
        """A run of the same surroundings, to see whether something conforms."""
        return Run(self.resource, self.root, sound=self.sound)


Tell = Callable[[Item, Place, Run], None]
"""Adds what is wrong with one value to the run."""

Accepts = Callable[[Any, str, Run], bool]
"""Whether there is certainly nothing to say of a value of a type, of the right form and with no id or extension."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is asked of one value."""

    tell: Tell
    accepts: Accepts


def telling(tell: Tell) -> Check:
    """The check that has no quicker way than to tell."""

    def accepts(value: Any, type_: str, run: Run) -> bool:
        trial = run.trial()
        tell(Item(value, type_, None, None), "", trial)
        return not trial.issues

    return Check(tell, accepts)

"""Profiles by their canonical address, compiled; and the check of a resource against one.

A profile is compiled when first asked for, except those of our own guide and of added
packages, which `compile_all` compiles at start: what cannot be compiled must be known then.

Source: https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.fhir.conformance import faults
from service.fhir.conformance.elements import Compiler
from service.fhir.conformance.invariants import Invariants, Uncompilable
from service.fhir.conformance.items import Item
from service.fhir.conformance.leaves import is_member
from service.fhir.conformance.objects import Demands
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Json, Run
from service.fhir.conformance.trees import Branch, grown
from service.fhir.guide import CORE
from service.fhir.paths import Node, Services

if TYPE_CHECKING:
    from service.fhir.registry import Registry
    from service.fhir.terminology import Terminology

Find = Callable[[str], Json | None]
"""Finds the StructureDefinition of a canonical address, with its snapshot."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A compiled profile: its address, what it is called, the type it constrains, and what it asks."""

    url: str
    title: str
    type: str
    demands: Demands


class Profiles:
    """All profiles that can be found."""

    def __init__(self, registry: Registry, find: Find, terminology: Terminology | None) -> None:
        """Takes R4's definitions, where to find StructureDefinitions, and the value sets that can be asked."""
        self.registry = registry
        self.terminology = terminology
        self.services = Services(member_of=self._member_of, conforms_to=self._conforms_to)
        self.invariants = Invariants(registry, self.services)
        self._find = find
        self._profiles: dict[str, Profile | None] = {}
        self._trees: dict[str, Branch | None] = {}

    def profile(self, url: str) -> Profile | None:
        """The profile of that address; None where there is none, or where it is a type of R4 itself.

        Raises:
            Uncompilable: it says what cannot be checked.
        """
        if url not in self._profiles:
            self._profiles[url] = None  # a profile that leads back to itself asks nothing more there
            self._profiles[url] = self._compiled(url)
        return self._profiles[url]

    def is_known(self, url: str) -> bool:
        """Whether there is such a profile or type."""
        return self.profile(url) is not None or self.type_of(url) is not None

    def tree(self, url: str) -> Branch | None:
        """The snapshot of a profile as a tree."""
        if url not in self._trees:
            structure = self._find(url)
            self._trees[url] = None if structure is None else grown(structure["snapshot"]["element"])
        return self._trees[url]

    def type_of(self, url: str) -> str | None:
        """The R4 type that a canonical address is of, by itself or as a profile; None for an unknown one."""
        name = url.partition("|")[0].removeprefix(CORE)
        if name in self.registry.resource_types or self.invariants.model.ancestry(name):
            return name
        structure = self._find(url)
        return None if structure is None else str(structure["type"])

    def check(self, profile: Profile, place: Place, run: Run) -> None:
        """Adds what is wrong with the run's resource, by the profile, to the run."""
        if profile.type != run.resource.get("resourceType"):
            run.issues.append(faults.profile_type_mismatch(expression(place), profile.url, profile.type))
            return
        if not (run.sound and profile.demands.accepts(run.resource, run)):
            profile.demands.tell(run.resource, place, run)

    def check_value(self, value: Json, url: str, place: Place, run: Run) -> None:
        """Adds what is wrong with a datatype or resource within the run's resource to the run."""
        profile = self.profile(url)
        if profile is None:
            return
        if "resourceType" in value and profile.type != value["resourceType"]:
            run.issues.append(faults.profile_type_mismatch(expression(place), url, profile.type))
            return
        if not (run.sound and profile.demands.accepts(value, run)):
            profile.demands.tell(value, place, run)

    def _compiled(self, url: str) -> Profile | None:
        structure = self._find(url)
        if structure is None or structure.get("derivation") != "constraint":
            return None
        root = grown(structure["snapshot"]["element"])
        title = str(structure.get("title") or structure.get("name") or url)
        type_ = str(structure["type"])
        try:
            demands = Compiler(self, url.partition("|")[0], title).root(root, type_)
        except (KeyError, ValueError) as fault:
            raise Uncompilable(f"The profile {url} cannot be compiled: {fault}") from fault
        return Profile(url, title, type_, demands)

    def _member_of(self, node: Node, value_set: str) -> bool | None:
        """Whether a coded element is in a value set; a CodeableConcept is when one of its codings is."""
        if self.terminology is None:
            return None
        return is_member(Item(node.value, node.type, None, None), value_set, self.terminology, required=True)

    def _conforms_to(self, node: Node, url: str) -> bool | None:
        """Whether an element conforms to a profile; None where that is not known."""
        if not self.is_known(url) or not isinstance(node.value, dict):
            return None
        run = Run(node.value)
        self.check_value(node.value, url, "", run)
        return not any(issue.is_fault for issue in run.issues)

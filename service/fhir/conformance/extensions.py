"""Extensions held to their definitions: where they may stand, and what they hold.

Only extensions that the guide defines are known here; others are let pass, except those
with an address under our own base, which nobody but us could have defined.

A context is a type, a path such as `Observation.code`, the address of the extension that is
extended, or a FHIRPath on the resource that gives what may be extended.

Source: https://hl7.org/fhir/R4/defining-extensions.html#context
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.fhir.conformance import faults
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Json, Run
from service.fhir.guide import CANONICAL_BASE
from service.fhir.paths import EvaluationError, Node, Path, PathError, compile_path
from service.fhir.problems import Issue
from service.fhir.remembered import look

if TYPE_CHECKING:
    from service.fhir.conformance.profiles import Profiles
    from service.fhir.guide import Guide
    from service.fhir.paths.types import TypeModel

DEFINITIONS = f"{CANONICAL_BASE}StructureDefinition/"
_RESOURCE = "Resource"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an extension stands: the type that has it, its path in the resource's definition, and what surrounds it.

    `node` is what has it. `path` is None where it is not known; `extended` is the address of the
    extension that it extends.
    """

    type: str
    path: str | None
    node: Json
    resource: Json
    root: Json
    extended: str | None = None


@dataclass(frozen=True, slots=True)
class Contexts:
    """Where a definition lets an extension stand: types and paths, extensions of some addresses, or FHIRPaths.

    `wholes` are the types of resources that themselves have it: FHIRPaths that are nothing but such a name.
    """

    elements: frozenset[str]
    extensions: frozenset[str]
    wholes: frozenset[str]
    paths: Mapping[str, Path]
    anywhere: bool

    def told(self) -> list[str]:
        """All of them in words."""
        return sorted({*self.elements, *self.extensions, *self.wholes, *self.paths})


class Extensions:
    """The extension definitions of a guide."""

    def __init__(self, profiles: Profiles, guide: Guide) -> None:
        """Takes the compiled profiles, and the guide whose definitions count."""
        self._profiles = profiles
        self._model = profiles.invariants.model
        self._contexts = {
            url: contexts(structure, self._model)
            for url, structure in guide.all("StructureDefinition").items()
            if structure.get("type") == "Extension" and structure.get("derivation") == "constraint"
        }

    def accepts(self, extension: Json, standing: Standing) -> bool:
        """Whether there is certainly nothing to say; where the path is not known, a no may turn out to be a yes."""
        url = extension.get("url", "")
        if url not in self._contexts:
            return not url.startswith(DEFINITIONS)
        if not self._fits(self._contexts[url], standing):
            return False
        profile = self._profiles.profile(url)
        return profile is None or profile.demands.accepts(extension, Run(standing.resource, standing.root))

    def issues(self, extension: Json, standing: Standing, place: Place) -> list[Issue]:
        """What is wrong with a structurally sound extension."""
        url = extension.get("url", "")
        context = self._contexts.get(url)
        if context is None:
            if not url.startswith(DEFINITIONS):
                return []
            return [faults.extension_unknown(expression((place, "url")), url)]
        run = Run(standing.resource, standing.root)
        if not self._fits(context, standing):
            run.issues.append(faults.extension_context(expression(place), url, context.told()))
        self._profiles.check_value(extension, url, place, run)
        return run.issues

    def _fits(self, context: Contexts, standing: Standing) -> bool:
        if context.anywhere or standing.path in context.elements:
            return True
        if standing.extended is not None and standing.extended in context.extensions:
            return True
        lineage = self._model.ancestry(standing.type)
        if not context.elements.isdisjoint(lineage):
            return True
        if standing.node is standing.resource and not context.wholes.isdisjoint(lineage):
            return True
        return any(_gives(path, standing) for path in context.paths.values())


def contexts(structure: Json, model: TypeModel) -> Contexts:
    """The contexts of an extension's definition.

    Raises:
        Uncompilable: one is no FHIRPath.
    """
    stated: list[dict[str, Any]] = structure.get("context", [])
    by_type: dict[str, set[str]] = {"element": set(), "extension": set(), "fhirpath": set()}
    for context in stated:
        by_type[context["type"]].add(context["expression"])
    wholes = {text for text in by_type["fhirpath"] if _RESOURCE in model.ancestry(text)}
    try:
        paths = {text: compile_path(text, model, None) for text in by_type["fhirpath"] - wholes}
    except PathError as fault:
        raise Uncompilable(f"A context of {structure['url']} cannot be compiled: {fault}") from fault
    anywhere = not stated or "Element" in by_type["element"]
    elements, extensions = frozenset(by_type["element"]), frozenset(by_type["extension"])
    return Contexts(elements, extensions, frozenset(wholes), paths, anywhere)


def _gives(path: Path, standing: Standing) -> bool:
    """Whether the FHIRPath, asked of the resource, gives what has the extension."""
    look()
    try:
        found = path.values(Node(str(standing.resource.get("resourceType")), standing.resource))
    except EvaluationError:
        return False
    return any(node.value is standing.node or node.sibling is standing.node for node in found)

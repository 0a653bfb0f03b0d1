"""The value of a patch operation, fitted to the element it is meant for.

Source: https://hl7.org/fhir/R4/fhirpatch.html (the type of the value must be correct for its place)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.fhir.patching.documents import Copier
from service.fhir.patching.patch_parameters import Part
from service.fhir.patching.places import Item, Json, items, write_item, write_items
from service.fhir.paths.types import (
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    RESOURCES,
    SYSTEM_OF,
    Child,
    TypeModel,
)
from service.fhir.problems import Invalid

# System types that become others by themselves.
# Source: https://hl7.org/fhirpath/N1/#conversion
_BECOMES = frozenset({(DATE, DATETIME), (INTEGER, DECIMAL)})

_PARAMETER = "Parameters.parameter"


@dataclass(frozen=True, slots=True)
class Fitted:
    """An element ready to be put in: its JSON property, and its value with what stands beside it."""

    key: str
    item: Item


@dataclass(frozen=True, slots=True)
class Fitter:
    """Fits parts to elements. `expression` is where the operation stands, for faults."""

    model: TypeModel
    copier: Copier
    expression: str

    def fit(self, type_: str, name: str, part: Part) -> Fitted:
        """The part as the element `name` of the type.

        Raises:
            Invalid: there is no such element, or the value is of the wrong type.
        """
        child = self.child(type_, name)
        if "part" in part:
            return self._nested(child, part["part"])
        if isinstance(part.get("resource"), dict):
            return self._resource(child, part["resource"])
        return self._typed(child, part)

    def child(self, type_: str, name: str) -> Child:
        """The element of that name.

        Raises:
            Invalid: the type has none.
        """
        child = self.model.child(type_, name)
        if child is None:
            raise Invalid("patch-element-unknown", f"{type_} has no element {name}.", self.expression)
        return child

    def _typed(self, child: Child, part: Part) -> Fitted:
        """A value[x] as the element."""
        keys = self.model.child(_PARAMETER, "value")
        given = [one for one in (keys.alternatives if keys else ()) if one[0] in part or one[2] in part]
        if len(given) != 1:
            raise Invalid("patch-value-missing", f"'{child.name}' needs one value.", self.expression)
        key, type_, sibling = given[0]
        target = next((to for to, wanted, _ in child.alternatives if type_ == wanted), None)
        if target is None:
            target = next((to for to, wanted, _ in child.alternatives if self._becomes(type_, wanted)), None)
        if target is None:
            raise self._wrong(child, type_)
        beside = None if sibling is None else part.get(sibling)
        return Fitted(target, (self.copier.copy(part.get(key)), self.copier.copy(beside)))

    def _becomes(self, given: str, wanted: str) -> bool:
        """Whether a value of the given type may stand where the wanted one is due."""
        one, other = SYSTEM_OF.get(given), SYSTEM_OF.get(wanted)
        if one is None or other is None:
            return self.model.is_a(given, wanted)
        return one == other or (one, other) in _BECOMES

    def _wrong(self, child: Child, given: str) -> Invalid:
        wanted = " or ".join(sorted(child.types))
        return Invalid(
            "patch-value-wrong-type", f"'{child.name}' is a {wanted}, not a {given}.", self.expression
        )

    def _resource(self, child: Child, resource: Json) -> Fitted:
        """A resource as the element, which must be one that holds resources."""
        key, type_, _ = child.alternatives[0]
        given = str(resource.get("resourceType"))
        if type_ not in RESOURCES or not self.model.is_a(given, type_):
            raise self._wrong(child, given)
        return Fitted(key, (self.copier.copy(resource), None))

    def _nested(self, child: Child, parts: Any) -> Fitted:
        """An element built from parts, each one of its own elements."""
        key, type_, sibling = child.alternatives[0]
        if (
            len(child.alternatives) > 1
            or sibling is not None
            or type_ in RESOURCES
            or not isinstance(parts, list)
        ):
            raise Invalid(
                "patch-value-wrong-type", f"'{child.name}' is not built from parts.", self.expression
            )
        built: Json = {}
        for part in parts:
            name = part.get("name") if isinstance(part, dict) else None
            if not isinstance(name, str):
                raise Invalid(
                    "patch-element-unknown", f"A part of '{child.name}' has no name.", self.expression
                )
            self.add(built, type_, name, part)
        return Fitted(key, (built, None))

    def add(self, owner: Json, type_: str, name: str, part: Part) -> None:
        """Adds the part to a JSON object of the type: behind the others where the element repeats.

        Raises:
            Invalid: it cannot be fitted, or the element does not repeat and is there already.
        """
        fitted = self.fit(type_, name, part)
        child = self.child(type_, name)
        if child.repeats:
            write_items(owner, fitted.key, [*items(owner, fitted.key), fitted.item])
        elif any(key in owner or f"_{key}" in owner for key, _, _ in child.alternatives):
            raise Invalid(
                "patch-element-exists", f"'{name}' is there already, and does not repeat.", self.expression
            )
        else:
            write_item(owner, fitted.key, fitted.item)

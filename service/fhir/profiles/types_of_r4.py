"""R4's types as StructureDefinitions with snapshot, made from the registry's facts.

The registry holds no prose, so an element's `short` and `definition` only name it; all
that is checked of an instance is there. A profile that walks into `Quantity` or inherits
from `Goal` is built over these.

Source: https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.fhir.definitions import Element, Invariant, TypeDefinition
    from service.fhir.registry import Registry

Json = dict[str, Any]

BEST_PRACTICE: Final = "dom-6"  # R4 marks it as such, and validators tell it apart by the mark
R4: Final = "http://hl7.org/fhir/StructureDefinition/"
VERSION: Final = "4.0.1"
SIMPLE_QUANTITY: Final = R4 + "SimpleQuantity"
SIMPLE_QUANTITY_RULE: Final = "sqty-1"

KINDS: Final = {"resource": "resource", "complex": "complex-type", "primitive": "primitive-type"}

SYSTEM: Final = "http://hl7.org/fhirpath/System."
FHIR_TYPE: Final = R4 + "structuredefinition-fhir-type"
# The FHIRPath type of a primitive's value where it is not String.
# Source: https://hl7.org/fhir/R4/fhirpath.html#types
VALUE_TYPES: Final = {
    "boolean": "Boolean",
    "integer": "Integer",
    "decimal": "Decimal",
    "date": "Date",
    "dateTime": "DateTime",
    "instant": "DateTime",
    "time": "Time",
}
# These two elements are attributes in XML, and so have values of FHIRPath's own types.
ATTRIBUTES: Final = {"Element.id": "string", "Extension.url": "uri"}

EXTENSION_RULE: Final = "ext-1"
BY_URL: Final = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
# R4's open choices list some fifty types, no other choice more than a dozen; Reference has no targets there.
OPEN_CHOICE: Final = 20
MODIFIER_REASON: Final = "FHIR R4 marks this element as one that can change the meaning of what it is in."


class R4Types:
    """Makes the StructureDefinition of a type of R4."""

    def __init__(self, registry: Registry) -> None:
        """Takes R4's definitions."""
        self._registry = registry

    def head(self, name: str) -> Json | None:
        """The definition of the resource type or datatype of that name without elements; None where R4 has none."""
        if "." in name:
            return None
        try:
            definition = self._registry.definition(name)
        except KeyError:
            return None
        structure: Json = {
            "resourceType": "StructureDefinition",
            "id": name,
            "url": R4 + name,
            "version": VERSION,
            "name": name,
            "status": "active",
            "fhirVersion": VERSION,
            "kind": KINDS[definition.kind],
            "abstract": definition.abstract,
            "type": name,
        }
        if definition.base is not None:
            structure |= {"baseDefinition": R4 + definition.base, "derivation": "specialization"}
        return structure

    def structure(self, name: str) -> Json | None:
        """The definition of the resource type or datatype of that name, with snapshot; None where R4 has none."""
        head = self.head(name)
        if head is None:
            return None
        return head | {"snapshot": {"element": list(self._elements(self._registry.definition(name)))}}

    def _elements(self, definition: TypeDefinition) -> Iterator[Json]:
        name = definition.name
        root: Json = _named(name) | {"min": 0, "max": "*", "base": {"path": name, "min": 0, "max": "*"}}
        rules = [*self._rules(definition)]
        yield root | ({"constraint": rules} if rules else {}) | {"isModifier": False}
        yield from self._children(definition, name)
        if definition.kind == "primitive":
            yield self._value(definition)

    def _children(self, definition: TypeDefinition, path: str) -> Iterator[Json]:
        for element in definition.elements.values():
            at = f"{path}.{_shown(element)}"
            own = element.types[0] == at
            yield self._element(definition, element, at, own=own)
            if own:
                yield from self._children(self._registry.definition(at), at)

    def _element(self, definition: TypeDefinition, element: Element, path: str, *, own: bool) -> Json:
        origin, first = self._origin(definition, element)
        made = _named(path, origin) | _cardinality(element)
        made["base"] = {"path": origin} | _cardinality(first)
        types = [*self._types(element, origin, own=own)]
        if types:
            made["type"] = types
        else:
            made["contentReference"] = f"#{element.types[0]}"
        if origin == "Element.extension" and self._is_complex(path.partition(".")[0]):
            made["slicing"] = BY_URL
        rules = [*self._element_rules(element, types, own=own)]
        if rules:
            made["constraint"] = rules
        made["isModifier"] = element.modifier
        if element.modifier:
            made["isModifierReason"] = MODIFIER_REASON
        made["isSummary"] = element.summary
        if element.binding is not None:
            made["binding"] = _binding(element.binding.strength, element.binding.value_set)
        return made

    def _origin(self, definition: TypeDefinition, element: Element) -> tuple[str, Element]:
        """Where the element was first defined: its path there, and what it was there."""
        while definition.base is not None:
            above = self._registry.definition(definition.base)
            if element.name not in above.elements:
                break
            definition = above
        return f"{definition.name}.{_shown(element)}", definition.elements[element.name]

    def _types(self, element: Element, origin: str, *, own: bool) -> Iterator[Json]:
        """The types of an element; none of an element whose content is another's."""
        if own:
            base = self._registry.definition(element.types[0]).base
            yield {"code": base}
            return
        if origin in ATTRIBUTES or origin == "Resource.id":
            yield _system("String", ATTRIBUTES.get(origin, "id"))
            return
        simple = any(rule.key == SIMPLE_QUANTITY_RULE for rule in element.invariants)
        for type_ in element.types:
            if "." in type_ and not type_.startswith(SYSTEM):
                return
            made: Json = {"code": type_}
            if type_ == "Quantity" and simple:
                made["profile"] = [SIMPLE_QUANTITY]
            if type_ == _pointing(element):
                made["targetProfile"] = [R4 + target for target in element.targets or ("Resource",)]
            yield made

    def _element_rules(self, element: Element, types: list[Json], *, own: bool) -> Iterator[Json]:
        if own:
            yield from self._rules(self._registry.definition(element.types[0]))
            return
        codes = [str(type_["code"]) for type_ in types]
        if codes and (codes[0].startswith(SYSTEM) or self._is_resource(codes[0])):
            known: Iterable[Invariant] = ()
        else:
            known = self._registry.definition("Extension" if codes == ["Extension"] else "Element").invariants
        for rule in known:
            yield _constraint(rule, "Extension" if rule.key == EXTENSION_RULE else "Element")
        for rule in element.invariants:
            if rule.key != SIMPLE_QUANTITY_RULE:
                yield _constraint(rule)

    def _is_complex(self, type_: str) -> bool:
        return self._registry.definition(type_).kind == "complex"

    def _is_resource(self, type_: str) -> bool:
        return self._registry.definition(type_).kind == "resource"

    def _rules(self, definition: TypeDefinition) -> Iterator[Json]:
        """The rules of a type, each with the type that it comes from."""
        above = self._registry.definition(definition.base) if definition.base is not None else None
        known = {rule.key for rule in above.invariants} if above is not None else set()
        if above is not None:
            yield from self._rules(above)
        source = definition.name if definition.kind != "backbone" else definition.name.partition(".")[0]
        for rule in definition.invariants:
            if rule.key not in known:
                yield _constraint(rule, source)

    def _value(self, definition: TypeDefinition) -> Json:
        """The element that a primitive's own value is."""
        first = definition
        while first.base is not None and self._registry.definition(first.base).kind == "primitive":
            first = self._registry.definition(first.base)
        name, path = definition.name, f"{definition.name}.value"
        least = 1 if name == "xhtml" else 0
        return (
            _named(path)
            | {"min": least, "max": "1", "base": {"path": f"{first.name}.value", "min": least, "max": "1"}}
            | {"type": [_system(VALUE_TYPES.get(name, "String"), name)], "isModifier": False}
        )


def simple_quantity() -> Json:
    """The profile on Quantity that R4's own elements use, as its differential.

    Source: https://hl7.org/fhir/R4/datatypes.html#SimpleQuantity
    """
    rule = {"key": SIMPLE_QUANTITY_RULE, "severity": "error", "expression": "comparator.empty()"}
    rule["human"] = "The comparator is not used on a SimpleQuantity"
    return {
        "resourceType": "StructureDefinition",
        "id": "SimpleQuantity",
        "url": SIMPLE_QUANTITY,
        "version": VERSION,
        "name": "SimpleQuantity",
        "status": "active",
        "fhirVersion": VERSION,
        "kind": "complex-type",
        "abstract": False,
        "type": "Quantity",
        "baseDefinition": R4 + "Quantity",
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Quantity", "path": "Quantity", "constraint": [rule]},
                {"id": "Quantity.comparator", "path": "Quantity.comparator", "max": "0"},
            ]
        },
    }


def _shown(element: Element) -> str:
    """The element's name as paths have it."""
    return f"{element.name}[x]" if element.choice else element.name


def _named(path: str, origin: str | None = None) -> Json:
    text = f"{origin or path}, as FHIR R4 defines it."
    return {"id": path, "path": path, "short": path.rpartition(".")[2], "definition": text}


def _cardinality(element: Element) -> Json:
    return {"min": element.minimum, "max": "*" if element.maximum is None else str(element.maximum)}


def _system(type_: str, fhir_type: str) -> Json:
    """A type of FHIRPath's own, with the FHIR type that it stands for."""
    return {"extension": [{"url": FHIR_TYPE, "valueUrl": fhir_type}], "code": SYSTEM + type_}


def _pointing(element: Element) -> str | None:
    """The type of the element to which its targets belong."""
    is_open = len(element.types) > OPEN_CHOICE
    if "Reference" in element.types and not (is_open and not element.targets):
        return "Reference"
    return "canonical" if "canonical" in element.types and element.targets else None


def _binding(strength: str, value_set: str) -> Json:
    """A binding; a required one is to the value set as R4 has it."""
    return {
        "strength": strength,
        "valueSet": f"{value_set}|{VERSION}" if strength == "required" else value_set,
    }


def _constraint(rule: Invariant, type_: str | None = None) -> Json:
    made: Json = {"key": rule.key, "severity": rule.severity, "human": rule.text}
    made["expression"] = rule.expression
    if rule.key == BEST_PRACTICE:
        made = {"extension": [{"url": f"{R4}elementdefinition-bestpractice", "valueBoolean": True}]} | made
    return made if type_ is None else made | {"source": R4 + type_}

"""Compartments: what belongs to one patient, as a condition on the resources of a type.

Source: https://hl7.org/fhir/R4/compartmentdefinition-patient.html, https://hl7.org/fhir/R4/search.html#2.21.1.2
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.fhir.search.criteria import any_of
from service.fhir.search.expressions import Expression, Ids, Nothing, Reference

if TYPE_CHECKING:
    from service.fhir.registry import Registry

PATIENT: Final = "Patient"
COMPARTMENTS: Final = (PATIENT,)
"""The compartments that are searched; R4 has others, of staff and devices, which nobody asks for here."""


def members(registry: Registry, compartment: str) -> tuple[str, ...]:
    """The served types that can be in a compartment of this type, sorted; none where there is no such compartment."""
    if compartment not in COMPARTMENTS:
        return ()
    return tuple(
        type_
        for type_, interactions in sorted(registry.served.items())
        if "search-type" in interactions and (type_ == compartment or registry.patient_parameters(type_))
    )


def condition(registry: Registry, compartment: str, id_: str, type_: str) -> Expression:
    """What holds of the resources of the type that are in the compartment of that one resource.

    That resource itself is in it. A type that R4 leaves out of the compartment has nothing in it.
    Source: https://hl7.org/fhir/R4/compartmentdefinition.html
    """
    if compartment not in COMPARTMENTS:
        return Nothing()
    own: list[Expression] = [Ids(frozenset({id_}))] if type_ == compartment else []
    referring = [Reference(code, compartment, id_) for code in registry.patient_parameters(type_)]
    parts = [*own, *referring]
    return any_of(parts) if parts else Nothing()

"""Compartments: what belongs to one patient, as a condition on the resources of a type.

Source: https://hl7.org/fhir/R4/compartmentdefinition-patient.html, https://hl7.org/fhir/R4/search.html#2.21.1.2
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from service.fhir.search.criteria import any_of
from service.fhir.search.expressions import Expression, Ids, Nothing, Reference

if TYPE_CHECKING:
    from service.fhir.registry import Registry

PATIENT: Final = "Patient"
COMPARTMENTS: Final = (PATIENT,)
"""The compartments that are searched; R4 has others, of staff and devices, which nobody asks for here."""
ALSO: Final[Mapping[str, str]] = MappingProxyType({"Task": "patient"})
"""Types of a young person's record beside R4's compartment, and by which parameter; without them a handover would lose
what is to be done. R5 has Task in the compartment.

Source: https://hl7.org/fhir/R5/compartmentdefinition-patient.html
"""


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


def of_record(registry: Registry) -> frozenset[str]:
    """The served types that a young person's record can have: those of the compartment, and `ALSO`."""
    return frozenset(members(registry, PATIENT)) | (ALSO.keys() & registry.served.keys())


def belonging(registry: Registry, type_: str, patient: str) -> Expression:
    """What holds of the resources of the type that are of the record of that Patient."""
    if type_ in ALSO:
        return Reference(ALSO[type_], PATIENT, patient)
    return condition(registry, PATIENT, patient, type_)

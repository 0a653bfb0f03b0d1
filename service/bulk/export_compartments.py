"""In whose compartments a resource is, told of the resource alone.

Source: https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from service.fhir import codec
from service.fhir.registry import Registry
from service.fhir.search.compartments import ALSO, PATIENT
from service.fhir.search.extraction import Extractor
from service.storage.exporting import Record
from service.storage.sharing import CLOSED_CHILD, unpack_child

# Types of which the store may know whom they are about by what they are about beside. Source: ADR 0022
_INDIRECT: Final = frozenset({"Binary", "Communication", "Provenance", "Task"})

_REFERENCE: Final = re.compile(rb"Patient/([A-Za-z0-9\-.]{1,64})")


class Compartments:
    """The compartments of Patients, for resources of a type: those to whom one refers by any of the parameters `codes`."""

    def __init__(self, registry: Registry, extractor: Extractor, type_: str) -> None:
        self._extractor = extractor
        self._type = type_
        self.codes = frozenset((ALSO[type_],) if type_ in ALSO else registry.patient_parameters(type_))

    def of(self, record: Record) -> frozenset[str]:
        """The ids of the Patients in whose compartments the resource is.

        Of a deletion it is told by whom it was about, where that was one young person.
        """
        child = None if record.child is None or record.child == CLOSED_CHILD else unpack_child(record.child)
        known = frozenset[str]() if child is None else frozenset((child,))
        if record.deleted:
            return known
        named = {id_.decode() for id_ in _REFERENCE.findall(record.body)}
        own = frozenset((record.id,)) if self._type == PATIENT else frozenset[str]()
        if self._type not in _INDIRECT and known and named <= known:
            return known | own
        if not named:
            return own
        values = self._extractor.values(codec.restore(record.body))
        return own.union(
            id_ for code, type_, id_ in values.references if type_ == PATIENT and code in self.codes
        )

    def have(self, members: Collection[str] | None) -> Callable[[Record], bool]:
        """Whether a resource is in the compartment of one of these young people, or of any where they are None."""
        if members is None:
            return lambda record: bool(self.of(record))
        of = self.of
        among = frozenset(members)
        return lambda record: not among.isdisjoint(of(record))

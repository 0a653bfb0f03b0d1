"""Sensitive labels: what `meta.security` says of how closely a resource is kept, as bits.

A label is read by its code. Those of confidentiality that are no more than normal say nothing;
what is not known here is kept as closely as what nobody is named for.

Source: https://hl7.org/fhir/R4/security-labels.html, domain facts section 8 (PDS flag), ADR 0022
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.outcomes.recognition import Coding, Resource

_HL7: Final = "http://terminology.hl7.org/CodeSystem"
CONFIDENTIALITY: Final = f"{_HL7}/v3-Confidentiality"
SENSITIVITY: Final = f"{_HL7}/v3-ActCode"

RESTRICTED: Final = 1
VERY_RESTRICTED: Final = 2
WHEREABOUTS: Final = RESTRICTED | VERY_RESTRICTED
"""Labels of a Patient for which where the young person is, is withheld."""
# A label that we do not know: no permission names it, every denial of an unknown label is about it.
UNKNOWN: Final = 1 << 30

# They say nothing of how closely a resource is kept: purposes such as HTEST, and what was done to it.
_OTHER_MEANINGS: Final = frozenset({f"{_HL7}/v3-ActReason", f"{_HL7}/v3-ObservationValue"})
# Unrestricted, low, moderate, normal.
_OPEN: Final = frozenset({"U", "L", "M", "N"})
# The bits are stored: a code keeps its own for good, and new ones go to the end. Source: v3-ActCode,
# information sensitivity.
_SENSITIVE: Final[Mapping[str, int]] = {
    code: 1 << bit
    for bit, code in enumerate(
        (
            *("ETH", "GDIS", "HIV", "MST", "SCA", "SDV", "SEX", "SPI", "BH", "COGN", "DVD", "EMOTDIS", "MH"),
            *("PSY", "PSYTHPN", "SUD", "ETHUD", "OPIOIDUD", "STD", "TBOO", "VIO", "SICKLE"),
            *("LOCIS", "ADOL", "LIVARG", "PRS"),
        ),
        start=2,
    )
}


def label_of(resource: Resource) -> int:
    """The bits of all the labels that a resource has; 0 where none of them is sensitive."""
    security = resource.get("meta", {}).get("security")
    return bits(security) if security else 0


def kept(former: Resource, resource: dict[str, Any]) -> dict[str, Any]:
    """The new content of a resource with the sensitive labels that it had, unless it says to be open.

    A client that knows of no labels, or of its own alone, would take them off with every update. It says so
    by a confidentiality that is no more than normal; what has one has the labels that it names.

    Source: https://hl7.org/fhir/R4/resource.html#tag-updates
    """
    meta = resource.get("meta") or {}
    says = meta.get("security") or []
    if not label_of(former) or any(map(_is_open, says)):
        return resource
    had = [label for label in former["meta"]["security"] if bit(label) and label not in says]
    return {**resource, "meta": {**meta, "security": [*had, *says]}} if had else resource


def _is_open(label: Any) -> bool:
    """Whether a label is a confidentiality that is no more than normal."""
    return isinstance(label, dict) and label.get("system") == CONFIDENTIALITY and label.get("code") in _OPEN


def bits(labels: Iterable[Any]) -> int:
    """The bits of labels."""
    found = 0
    for label in labels:
        found |= bit(label)
    return found


def bit(label: Any) -> int:
    """The bit of a label, 0 where it is not a sensitive one; UNKNOWN where it cannot be told what it means."""
    if not isinstance(label, dict):
        return UNKNOWN
    system, code = label.get("system"), label.get("code")
    if system in _OTHER_MEANINGS:
        return 0
    if system == CONFIDENTIALITY:
        return 0 if code in _OPEN else RESTRICTED if code == "R" else VERY_RESTRICTED
    if system == SENSITIVITY:
        return _SENSITIVE.get(code or "", UNKNOWN)
    return UNKNOWN


def names() -> dict[int, Coding]:
    """The label that each bit stands for; UNKNOWN stands for none."""
    return {
        RESTRICTED: (CONFIDENTIALITY, "R"),
        VERY_RESTRICTED: (CONFIDENTIALITY, "V"),
        **{bit: (SENSITIVITY, code) for code, bit in _SENSITIVE.items()},
    }

"""Purposes of use, and which of them are kinds of another.

Source: http://terminology.hl7.org/CodeSystem/v3-ActReason as in R4 (concepts below PurposeOfUse)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TREATMENT: Final = "TREAT"
EMERGENCY: Final = "ETREAT"

_RESEARCH: Final = ("BIORCH", "CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH", "DSRCH", "POARCH")
_UNDER: Final[Mapping[str, tuple[str, ...]]] = {
    "TREAT": ("CLINTRL", "COC", "ETREAT", "BTG", "ERTREAT", "POPHLTH"),
    "ETREAT": ("BTG", "ERTREAT"),
    "HRESCH": (*_RESEARCH, "TRANSRCH"),
    "CLINTRCH": ("CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH"),
    "HOPERAT": (
        *("CAREMGT", "DONAT", "FRAUD", "GOV", "HACCRED", "HCOMPL", "HDECD", "HDIRECT", "HDM", "HLEGAL"),
        *("HOUTCOMS", "HPRGRP", "HQUALIMP", "HSYSADMIN", "LABELING", "METAMGT", "MEMADMIN", "MILCDM"),
        *("PATADMIN", "PATSFTY", "PERFMSR", "RECORDMGT", "SYSDEV", "HTEST", "TRAIN"),
    ),
    "HSYSADMIN": ("LABELING", "METAMGT"),
    "HPAYMT": ("CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG", "REMITADV"),
    "COVERAGE": ("ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG"),
    "SYSDEV": ("HTEST",),
    "PATRQT": ("FAMRQT", "PWATRNY", "SUPNWK"),
    "PUBHLTH": ("DISASTER", "THREAT"),
}
# All that are below PurposeOfUse.
KNOWN: Final = frozenset({"HMARKT", *_UNDER, *(code for codes in _UNDER.values() for code in codes)})


def under(purpose: str) -> tuple[str, ...]:
    """The purpose and all that are kinds of it."""
    return (purpose, *_UNDER.get(purpose, ()))

"""Value sets and code systems: what is in them, and the questions that FHIR's terminology operations ask of them."""

from __future__ import annotations

from service.fhir.terminology.terminology import Terminology

__all__ = ["Terminology"]

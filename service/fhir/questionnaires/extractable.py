"""What an answer is as the value of an Observation.

Source: https://hl7.org/fhir/uv/sdc/extraction.html#observation-based-extraction,
https://hl7.org/fhir/R4/observation-definitions.html#Observation.value_x_
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.fhir.questionnaires.extensions import UNIT, Json

__all__ = ["CATEGORY", "EXTRACT", "UNIT", "as_value"]

_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
EXTRACT: Final = f"{_SDC}observationExtract"
CATEGORY: Final = f"{_SDC}observation-extract-category"

_NUMBERS: Final = frozenset({"valueInteger", "valueDecimal"})
# The element of an Observation for what is of the same form in an answer; a date is a dateTime to the day.
_SAME: Final[Mapping[str, str]] = {
    "valueBoolean": "valueBoolean",
    "valueInteger": "valueInteger",
    "valueDate": "valueDateTime",
    "valueDateTime": "valueDateTime",
    "valueTime": "valueTime",
    "valueString": "valueString",
    "valueUri": "valueString",
    "valueQuantity": "valueQuantity",
}


def as_value(answer: Json, unit: Json | None) -> Json | None:
    """The value of an Observation, by its element, that an answer is; None where it has none that fits.

    A number whose question has a unit is a quantity of that; so is any decimal, as an
    Observation has no plain one.
    """
    name, value = next(
        ((name, value) for name, value in answer.items() if name.startswith("value")), ("", None)
    )
    if name in _NUMBERS and (unit is not None or name == "valueDecimal"):
        return {"valueQuantity": {"value": value, **_unit(unit or {})}}
    if name == "valueCoding":
        return {"valueCodeableConcept": {"coding": [value]}}
    same = _SAME.get(name)
    return None if same is None else {same: value}


def _unit(coding: Json) -> Json:
    """A unit as it stands in a Quantity: its name, else its code, beside system and code."""
    named = coding.get("display") or coding.get("code")
    told = {"unit": named, "system": coding.get("system"), "code": coding.get("code")}
    return {name: value for name, value in told.items() if value is not None}

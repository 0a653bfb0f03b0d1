"""The extensions of a Questionnaire's items that say what an answer must be.

Source: https://hl7.org/fhir/R4/questionnaire-profiles.html#extensions, domain.md section 6.5 (SDC)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

NUMBERS: Final = (int, Decimal)
BOUNDS: Final = (int, Decimal, str, dict)

_R4: Final = "http://hl7.org/fhir/StructureDefinition/"
_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"

MIN_VALUE: Final = f"{_R4}minValue"
MAX_VALUE: Final = f"{_R4}maxValue"
MIN_QUANTITY: Final = f"{_SDC}minQuantity"
MAX_QUANTITY: Final = f"{_SDC}maxQuantity"
MIN_LENGTH: Final = f"{_R4}minLength"
REGEX: Final = f"{_R4}regex"
MAX_DECIMAL_PLACES: Final = f"{_R4}maxDecimalPlaces"
MIN_OCCURS: Final = f"{_R4}questionnaire-minOccurs"
MAX_OCCURS: Final = f"{_R4}questionnaire-maxOccurs"
UNIT: Final = f"{_R4}questionnaire-unit"
UNIT_OPTION: Final = f"{_R4}questionnaire-unitOption"
UNIT_VALUE_SET: Final = f"{_R4}questionnaire-unitValueSet"
REFERENCE_RESOURCE: Final = f"{_R4}questionnaire-referenceResource"
MIME_TYPE: Final = f"{_R4}mimeType"
MAX_SIZE: Final = f"{_R4}maxSize"
EXCLUSIVE: Final = f"{_R4}questionnaire-optionExclusive"
ENABLE_WHEN_EXPRESSION: Final = f"{_SDC}enableWhenExpression"


def extensions(element: Json) -> Mapping[str, list[Any]]:
    """The values of an element's extensions by their address; an extension without a value has none."""
    found: dict[str, list[Any]] = {}
    for extension in element.get("extension", []):
        values = found.setdefault(extension.get("url", ""), [])
        values += (value for key, value in extension.items() if key.startswith("value"))
    return found


def first(given: Mapping[str, list[Any]], kind: type[T] | tuple[type[T], ...], *urls: str) -> T | None:
    """The first value of a kind that the first of the extensions has, None where none has one.

    A stranger's Questionnaire may put any type of value into an extension; what is of no use is passed by.
    """
    return next((value for url in urls for value in of_kind(given, kind, url)), None)


def of_kind(given: Mapping[str, list[Any]], kind: type[T] | tuple[type[T], ...], url: str) -> list[T]:
    """The values of a kind that an extension has."""
    return [value for value in given.get(url, ()) if isinstance(value, kind) and not isinstance(value, bool)]

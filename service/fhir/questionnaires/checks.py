"""The checks of one answer's value: range, length, form, digits, unit, target, attachment.

Source: https://hl7.org/fhir/R4/questionnaire-profiles.html#extensions
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from service.fhir.conformance.places import Place, expression
from service.fhir.paths.quantities import quantity_of, ratio
from service.fhir.paths.references import literal_type
from service.fhir.questionnaires import extensions as ext
from service.fhir.questionnaires import faults
from service.fhir.questionnaires.comparing import is_number, order
from service.fhir.questionnaires.extensions import Json, first, of_kind
from service.fhir.questionnaires.reading import Check, Reading

Given = Mapping[str, list[Any]]

# Characters of base64 for three bytes.
_BASE64_GROUP: Final = 4


def of_values(item: Json, link: str, given: Given, *, regexes: bool) -> Iterator[tuple[str | None, Check]]:
    """The checks that the item and its extensions make, each with the type of answer that it is for (None: any)."""
    for urls, bound, unfit in (
        ((ext.MIN_VALUE, ext.MIN_QUANTITY), "at least", -1),
        ((ext.MAX_VALUE, ext.MAX_QUANTITY), "at most", 1),
    ):
        if (limit := first(given, ext.BOUNDS, *urls)) is not None:
            yield None, _bounding(limit, link, bound, unfit)
    if (longest := item.get("maxLength")) is not None:
        yield None, _not_longer(longest, link)
    if (shortest := first(given, int, ext.MIN_LENGTH)) is not None:
        yield None, _not_shorter(shortest, link)
    if regexes and (pattern := first(given, str, ext.REGEX)) is not None:
        yield None, _formed(re.compile(pattern), link)
    if (places := first(given, int, ext.MAX_DECIMAL_PLACES)) is not None:
        yield None, _rounded(places, link)
    yield from ((None, check) for check in _of_quantities(link, given))
    if types := of_kind(given, str, ext.REFERENCE_RESOURCE):
        yield "valueReference", _targeting(types, link)
    if types := of_kind(given, str, ext.MIME_TYPE):
        yield "valueAttachment", _of_media(types, link)
    if (largest := first(given, ext.NUMBERS, ext.MAX_SIZE)) is not None:
        yield "valueAttachment", _not_larger(largest, link)


def _bounding(limit: Any, link: str, bound: str, unfit: int) -> Check:
    """The check of one end of a range. A quantity that does not compare with it is in a wrong unit."""

    def check(key: str, value: Any, place: Place, reading: Reading) -> None:
        found = order(key, value, limit)
        if found == unfit:
            reading.issues.append(faults.answer_out_of_range(expression(place), link, bound, limit))
        elif found is None and key == "valueQuantity" and quantity_of(value) is not None:
            reading.issues.append(faults.answer_unit(expression(place), link, [_unit(limit)]))

    return check


def _not_longer(limit: int, link: str) -> Check:
    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        if (size := _length(value)) is not None and size > limit:
            reading.issues.append(faults.answer_too_long(expression(place), link, limit))

    return check


def _not_shorter(limit: int, link: str) -> Check:
    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        if (size := _length(value)) is not None and size < limit:
            reading.issues.append(faults.answer_too_short(expression(place), link, limit))

    return check


def _length(value: Any) -> int | None:
    """The characters of a simple answer as it is written; None of any other."""
    if isinstance(value, str):
        return len(value)
    return len(str(value)) if is_number(value) else None


def _formed(pattern: re.Pattern[str], link: str) -> Check:
    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        text = value if isinstance(value, str) else str(value) if is_number(value) else None
        if text is not None and pattern.fullmatch(text) is None:
            reading.issues.append(faults.answer_pattern(expression(place), link))

    return check


def _rounded(limit: int, link: str) -> Check:
    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        number = value.get("value") if isinstance(value, dict) else value
        if type(number) is Decimal and number.is_finite():
            exponent = number.as_tuple().exponent
            if isinstance(exponent, int) and -exponent > limit:
                reading.issues.append(faults.answer_decimal_places(expression(place), link, limit))

    return check


def _of_quantities(link: str, given: Given) -> Iterator[Check]:
    """The checks of a quantity's unit.

    questionnaire-unit also takes any unit that UCUM converts to it; on a number it says how to read
    the number, and asks nothing of the answer.
    """
    units = of_kind(given, dict, ext.UNIT_OPTION)
    captured = of_kind(given, dict, ext.UNIT)
    if units or captured:
        yield _in_units(units, captured, link)
    if (value_set := first(given, str, ext.UNIT_VALUE_SET)) is not None:
        yield _in_unit_set(value_set, link)


def _in_units(units: list[Json], captured: list[Json], link: str) -> Check:
    codes = frozenset((unit.get("system"), unit.get("code")) for unit in (*units, *captured))
    names = [_unit(unit) for unit in (*units, *captured)]
    convertible = [quantity_of({"value": 1, **unit}) for unit in captured]

    def check(key: str, value: Any, place: Place, reading: Reading) -> None:
        if key != "valueQuantity":
            return
        system, code = value.get("system"), value.get("code")
        if isinstance(system, str) and isinstance(code, str) and (system, code) in codes:
            return
        found = quantity_of({name: part for name, part in value.items() if name != "comparator"})
        if not any(
            found is not None and wanted is not None and ratio(found, wanted) is not None
            for wanted in convertible
        ):
            reading.issues.append(faults.answer_unit(expression(place), link, names))

    return check


def _in_unit_set(value_set: str, link: str) -> Check:
    def check(key: str, value: Any, place: Place, reading: Reading) -> None:
        if key != "valueQuantity":
            return
        system, code = value.get("system", ""), value.get("code")
        coded = isinstance(system, str) and isinstance(code, str)
        if not coded or reading.contains(value_set, system, code) is False:
            reading.issues.append(faults.answer_unit(expression(place), link, [f"a unit of {value_set}"]))

    return check


def _unit(unit: Any) -> str:
    """A unit as it stands in a sentence: what it is called, else its code."""
    if not isinstance(unit, dict):
        return "1"
    return str(unit.get("display") or unit.get("unit") or unit.get("code") or "1")


def _targeting(types: list[str], link: str) -> Check:
    """The check of what an answer refers to, as far as it says or what is contained says."""
    permitted = frozenset(types)

    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        type_ = _target(value, reading.response)
        if type_ is not None and type_ not in permitted:
            reading.issues.append(faults.answer_target(expression(place), link, types))

    return check


def _target(reference: Json, response: Json) -> str | None:
    literal, stated = reference.get("reference"), reference.get("type")
    if isinstance(literal, str):
        inside = response.get("contained") if literal.startswith("#") else None
        for resource in inside if isinstance(inside, list) else ():
            if isinstance(resource, dict) and resource.get("id") == literal[1:]:
                stated = resource.get("resourceType")
        if (named := literal_type(literal)) is not None:
            return named
    return stated if isinstance(stated, str) else None


def _of_media(types: list[str], link: str) -> Check:
    permitted = frozenset(types)

    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        found = value.get("contentType")
        if not (isinstance(found, str) and found in permitted):
            reading.issues.append(faults.answer_attachment_type(expression(place), link, types))

    return check


def _not_larger(limit: Any, link: str) -> Check:
    """The check of an attachment's bytes, those that it says it has or those that are in it."""

    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        data = value.get("data")
        held = len(data) // _BASE64_GROUP * 3 - data[-2:].count("=") if isinstance(data, str) else 0
        said = value.get("size")
        if max(held, said if is_number(said) else 0) > limit:
            reading.issues.append(faults.answer_attachment_size(expression(place), link, limit))

    return check

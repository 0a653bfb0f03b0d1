"""Every resource is found by the values that it has itself: extraction, grammar and matching agree."""

import math
from pathlib import Path

import pytest

from service.fhir import codec
from service.fhir.search.asked import Setting
from service.fhir.search.composites import second_kinds
from service.fhir.search.escapes import escape
from service.fhir.search.grammar import parse
from service.fhir.search.units import UCUM
from tests.agreement.neighbours import neighbours

BASE = "http://127.0.0.1:8080/fhir"
EXAMPLES = Path(__file__).parents[3] / "shared" / "suites" / "r4-examples"
UPDATED = 1_700_000_000_000_000


def asked(registry, type_, values):
    """Searches, as a client would write them, that ask for the values."""
    parameters = registry.search_parameters(type_)
    yield from asked_by_token(values.tokens)
    yield from ((code, escape(uri)) for code, uri in values.uris)
    yield from asked_by_reference(parameters, values.references)
    for code, folded, text in values.strings:
        if not code.endswith((":text", "phonetic")):
            yield f"{code}:exact", escape(text)
        if folded:
            yield code, escape(text)
    for code, system, unit, value in values.quantities:
        if is_asked(system, unit, value):
            yield code.removesuffix(":canonical"), quantity(system, unit, value)
            yield code.removesuffix(":canonical"), f"ge{quantity(system, unit, value)}"
    yield from ((f"{code}:missing", "false") for code in codes(values))
    yield from asked_by_composite(second_kinds(registry, type_), values.composites)
    yield from asked_by_place(values.numbers)
    yield from ((code, escape(" ".join(words.split()[:5]))) for code, words in values.texts)


def asked_by_token(tokens):
    for code, system, token in tokens:
        if code.endswith(":of-type"):
            of, _, value = token.partition("|")
            if system:
                yield code, f"{escape(system)}|{escape(of)}|{escape(value)}"
        elif system or token:
            yield code, f"{escape(system)}|{escape(token)}"


def asked_by_reference(parameters, references):
    """References as Type/id or by address; one to a type that the parameter does not refer to cannot be asked."""
    for code, type_, id_ in references:
        if not type_:
            yield code, escape(id_)
        elif not parameters[code].targets or type_ in parameters[code].targets:
            yield code, f"{type_}/{id_}"


def asked_by_place(numbers):
    coordinates = dict(numbers)
    if "near:x" in coordinates:
        x, y, z = (coordinates[f"near:{axis}"] for axis in "xyz")
        north, east = math.degrees(math.asin(z)), math.degrees(math.atan2(y, x))
        yield "near", f"{north:.7f}|{east:.7f}|1|m"


def asked_by_composite(kinds, composites):
    for code, (system, token), second in composites:
        first = f"{escape(system)}|{escape(token)}"
        match kinds[code], second:
            case "token", (system, token) if system or token:
                yield code, f"{first}${escape(system)}|{escape(token)}"
            case "string", (folded, text) if folded:
                yield code, f"{first}${escape(text)}"
            case "quantity", (system, unit, value) if is_asked(system, unit, value):
                yield code.removesuffix(":canonical"), f"{first}${quantity(system, unit, value)}"


def is_asked(system, unit, value):
    """Whether a quantity can be asked for just so; the unit 1 stands for itself alone, and is no part of a whole."""
    return math.isfinite(value) and (system, unit) != (UCUM, "1")


def quantity(system, unit, value):
    return f"{value!r}|{escape(system)}|{escape(unit)}"


def codes(values):
    """The codes of plain parameters that have values: what is derived of one says that it has some too."""
    kinds = (values.tokens, values.references, values.strings, values.dates, values.numbers)
    kinds += (values.quantities, values.uris)
    return sorted({value[0].partition(":")[0] for kind in kinds for value in kind})


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official R4 examples are not at hand")
@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_official_example_is_found_by_its_own_values(registry, extractor, file):
    resource = codec.decode(file.read_bytes())
    type_ = resource["resourceType"]
    if type_ not in registry.served:
        pytest.skip(f"{type_} is not kept here")
    around = neighbours([resource], extractor, [UPDATED])
    (candidate,) = around.candidates.values()
    for name, value in asked(registry, type_, candidate.values):
        search = parse(
            Setting(registry, BASE, now=0),
            type_,
            [(name, value)],
            count_default=1,
            count_limit=1,
            lenient=False,
        )
        assert around.found(search.query) == {resource["id"]}, (name, value)

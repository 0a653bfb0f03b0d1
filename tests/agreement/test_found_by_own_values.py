"""Every resource is found by the values that it has itself: extraction, grammar and matching agree."""

import math
from pathlib import Path

import pytest

from service.fhir import codec
from service.fhir.search.escapes import escape
from service.fhir.search.grammar import parse
from tests.agreement.neighbours import neighbours

BASE = "http://127.0.0.1:8080/fhir"
EXAMPLES = Path(__file__).parents[3] / "shared" / "suites" / "r4-examples"
UPDATED = 1_700_000_000_000_000


def asked(parameters, values):
    """Searches, as a client would write them, that ask for the values."""
    yield from (
        (code, f"{escape(system)}|{escape(token)}")
        for code, system, token in values.tokens
        if system or token
    )
    yield from ((code, escape(uri)) for code, uri in values.uris)
    yield from asked_by_reference(parameters, values.references)
    yield from ((f"{code}:exact", escape(text)) for code, _, text in values.strings if code != "phonetic")
    yield from ((code, escape(text)) for code, folded, text in values.strings if folded)
    for code, system, unit, value in values.quantities:
        if math.isfinite(value):
            yield code, f"{value!r}|{escape(system)}|{escape(unit)}"
            yield code, f"ge{value!r}"
    yield from ((f"{code}:missing", "false") for code in codes(values))


def asked_by_reference(parameters, references):
    """References as Type/id or by address; one to a type that the parameter does not refer to cannot be asked."""
    for code, type_, id_ in references:
        if not type_:
            yield code, escape(id_)
        elif not parameters[code].targets or type_ in parameters[code].targets:
            yield code, f"{type_}/{id_}"


def codes(values):
    kinds = (values.tokens, values.references, values.strings, values.dates, values.quantities, values.uris)
    return sorted({value[0] for kind in kinds for value in kind})


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official R4 examples are not at hand")
@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_official_example_is_found_by_its_own_values(registry, extractor, file):
    resource = codec.decode(file.read_bytes())
    type_ = resource["resourceType"]
    if type_ not in registry.served:
        pytest.skip(f"{type_} is not kept here")
    around = neighbours([resource], extractor, [UPDATED])
    (candidate,) = around.candidates.values()
    for name, value in asked(registry.search_parameters(type_), candidate.values):
        search = parse(
            registry,
            type_,
            [(name, value)],
            base_url=BASE,
            count_default=1,
            count_limit=1,
            lenient=False,
            now=0,
        )
        assert around.found(search.query) == {resource["id"]}, (name, value)

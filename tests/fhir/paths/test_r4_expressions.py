"""R4's own search expressions and invariants: which compile, and which cannot and why."""

from __future__ import annotations

import pytest

from service.fhir.paths import Dialect, PathError, compile_path

# Slips of R4 itself, corrected in later releases.
SLIPS = {"ChargeItemDefinition cid-0": "it speaks of ChargeItemDefinition.name, which R4 does not have"}


def test_every_search_expression_compiles(registry, model):
    for type_ in registry.served:
        for parameter in registry.search_parameters(type_).values():
            compile_path(parameter.expression, model, type_)


def test_search_expressions_tell_what_they_read(registry, model):
    silent = {
        (type_, parameter.code)
        for type_ in registry.served
        for parameter in registry.search_parameters(type_).values()
        if parameter.type != "composite" and compile_path(parameter.expression, model, type_).roots is None
    }
    assert silent == {("Patient", "deceased")}  # false where nothing is said, so it can never be skipped


def test_every_invariant_of_a_type_compiles(registry, model):
    for type_ in {*registry.served, *registry.resource_types}:
        for rule in registry.definition(type_).invariants:
            if f"{type_} {rule.key}" in SLIPS:
                with pytest.raises(PathError):
                    compile_path(rule.expression, model, type_)
            else:
                compile_path(rule.expression, model, type_)


def test_every_invariant_of_an_element_compiles(registry, model):
    for type_ in registry.served:
        dialect = Dialect(resource_type=type_)
        for element in registry.definition(type_).elements.values():
            for rule in element.invariants:
                compile_path(rule.expression, model, frozenset(element.types), dialect=dialect)

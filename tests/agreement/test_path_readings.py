"""A path reads a resource in three ways, and finds the same in each.

Raw JSON under a known type (fast), nodes that know their place (for patches), and nodes of a
type met only at run time: one meaning, three closures.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.fhir.definitions import TypeDefinition
from service.fhir.paths import Dialect, Environment, EvaluationError, Node, Path, PathError, compile_path
from service.fhir.paths.types import TypeModel
from service.fhir.registry import Registry, load
from tests.fhir.validation.instances import instance
from tests.fhir.validation.mutations import mutated

REGISTRY = load()
MODEL = TypeModel(REGISTRY)
LOCATED = Dialect(located=True)


def expressions(registry: Registry, type_: str) -> list[str]:
    """The search expressions and invariants of a resource type."""
    definition: TypeDefinition = registry.definition(type_)
    searched = [parameter.expression for parameter in registry.search_parameters(type_).values()]
    return sorted({*searched, *(rule.expression for rule in definition.invariants)} - {""})


def readings(type_: str) -> list[tuple[str, list[Path]]]:
    """Each expression of the type compiled in the three ways."""
    found = []
    for expression in expressions(REGISTRY, type_):
        try:
            fast = compile_path(expression, MODEL, type_)
        except PathError:  # R4's own slips (cid-0) are told of in tests/fhir/paths/test_r4_expressions.py
            continue
        located = compile_path(expression, MODEL, type_, dialect=LOCATED)
        found.append((expression, [fast, located, compile_path(expression, MODEL, None)]))
    return found


READINGS = {type_: readings(type_) for type_ in sorted(REGISTRY.served)}


def result(path: Path, resource: dict[str, Any]) -> Any:
    try:
        return [(node.type, node.value, node.sibling) for node in path.values(resource, Environment())]
    except EvaluationError as fault:
        return str(fault)


@given(st.sampled_from(sorted(READINGS)), st.integers(0, 2**32))
def test_three_readings_agree_on_sound_resources(type_: str, seed: int):
    resource = instance(REGISTRY, type_, Random(seed))
    for expression, (fast, located, untyped) in READINGS[type_]:
        expected = result(fast, resource)
        assert result(located, resource) == expected, expression
        assert result(untyped, resource) == expected, expression
        if fast.roots is not None and fast.roots.isdisjoint(resource):
            assert expected == [], expression


@given(st.sampled_from(sorted(READINGS)), st.integers(0, 2**32))
def test_no_reading_breaks_on_broken_resources(type_: str, seed: int):
    random = Random(seed)
    resource = mutated(instance(REGISTRY, type_, random), random)
    for _, paths in READINGS[type_]:
        for path in paths:
            result(path, resource)


def element_rules() -> list[tuple[str, str, Path, Path]]:
    """The invariants of datatypes and backbone elements, compiled in both ways that elements are read."""
    found = []
    for name in MODEL_TYPES:
        for rule in REGISTRY.definition(name).invariants:
            located = compile_path(rule.expression, MODEL, name, dialect=LOCATED)
            found.append((name, rule.key, compile_path(rule.expression, MODEL, name), located))
    return found


MODEL_TYPES = [
    "Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Dosage", "Duration", "Extension", "HumanName",
    "Identifier", "Period", "Quantity", "Range", "Ratio", "Reference", "SampledData", "Timing.repeat", "Bundle.entry",
    "Goal.target", "Observation.component", "Observation.referenceRange", "Patient.contact", "Questionnaire.item",
    "CarePlan.activity", "Consent.provision", "ValueSet.compose.include", "ElementDefinition",
]  # fmt: skip
RULES = element_rules()
AROUND = Environment(resource={"resourceType": "Patient", "id": "around"})


def holds(path: Path, item: Any) -> Any:
    try:
        return path.holds(item, AROUND)
    except EvaluationError as fault:
        return str(fault)


@given(st.sampled_from(RULES), st.integers(0, 2**32))
def test_both_readings_agree_on_elements(rule: tuple[str, str, Path, Path], seed: int):
    name, key, fast, located = rule
    random = Random(seed)
    element = instance(REGISTRY, name, random)
    assert holds(fast, element) == holds(located, Node(name, element)), key
    broken = mutated(element, random)
    holds(fast, broken)
    holds(located, Node(name, broken))

from __future__ import annotations

import pytest

from service.interactions.elements import child_element, element_type


@pytest.mark.parametrize(
    ("holder", "name", "element"),
    [
        ("Observation", "subject", ("subject", "Reference")),
        ("Observation", "valueQuantity", ("value", "Quantity")),
        ("Observation", "component", ("component", "Observation.component")),
        ("Extension", "valueReference", ("value", "Reference")),
        ("Goal", "outcomeReference", ("outcomeReference", "Reference")),
        ("Annotation", "authorReference", ("author", "Reference")),
        ("Observation", "contained", ("contained", "Resource")),
        ("Observation", "_status", ("_status", "Element")),
        ("Observation", "colour", ("colour", "")),
        ("Observation", "valueColour", ("valueColour", "")),
        ("Nonsense", "subject", ("subject", "")),
    ],
)
def test_elements_by_their_json_names(registry, holder, name, element):
    assert child_element(registry, holder, name) == element


@pytest.mark.parametrize(
    ("trail", "types"),
    [
        (["subject", "reference"], ("Reference", "string")),
        (["extension", 0, "valueUri"], ("Extension", "uri")),
        (["contained", 0, "target", 0, "reference"], ("Reference", "string")),
        (["colour", "reference"], ("Observation", "")),
    ],
)
def test_types_along_a_trail(registry, trail, types):
    resource = {
        "resourceType": "Observation",
        "subject": {"reference": "x"},
        "extension": [{"valueUri": "x"}],
        "contained": [{"resourceType": "Provenance", "target": [{"reference": "x"}]}],
        "colour": {"reference": "x"},
    }
    assert element_type(registry, resource, trail) == types

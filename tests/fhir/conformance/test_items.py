from __future__ import annotations

import pytest

from service.fhir.conformance.items import Item, gathering

ROWS = [
    # type, element, object, items as value, type, position, sibling
    ("Observation", "status", {"status": "final"}, [("final", "code", None, None)]),
    ("Observation", "status", {"status": "final", "_status": {"id": "a"}}, [("final", "code", None, {"id": "a"})]),
    ("Observation", "issued", {"_issued": {"id": "a"}}, [(None, "instant", None, {"id": "a"})]),
    ("Observation", "status", {}, []),
    ("Observation", "subject", {"subject": {"reference": "a"}}, [({"reference": "a"}, "Reference", None, None)]),
    ("Observation", "focus", {"focus": [{"reference": "a"}, {"reference": "b"}]},
     [({"reference": "a"}, "Reference", 0, None), ({"reference": "b"}, "Reference", 1, None)]),
    ("Observation", "value", {"valueInteger": 0}, [(0, "integer", None, None)]),
    ("Observation", "value", {"valueQuantity": {"value": 1}}, [({"value": 1}, "Quantity", None, None)]),
    ("HumanName", "given", {"given": ["A", None], "_given": [None, {"id": "a"}]}, [("A", "string", 0, None), (None, "string", 1, {"id": "a"})]),
    # what has the wrong form is left out
    ("Observation", "subject", {"subject": "a"}, []),
    ("Observation", "focus", {"focus": ["a", {"reference": "b"}, None]}, [({"reference": "b"}, "Reference", 1, None)]),
    ("Observation", "status", {"status": {"a": 1}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "name", "node", "expected"), ROWS)
def test_the_values_under_an_element(registry, type_, name, node, expected):
    gather = gathering(registry, registry.definition(type_).elements[name])
    assert [tuple(item) for item in gather(node)] == expected


def test_the_members_of_an_item():
    assert Item({"a": 1}, "Coding", None, None).members == {"a": 1}
    assert Item("a", "code", None, {"id": "b"}).members == {"id": "b"}
    assert Item("a", "code", None, None).members == {}
    assert Item(None, "code", None, "a").members == {}

from __future__ import annotations

import pytest

from service.fhir.locations import child, item


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("status", "Goal.status"),
        ("_status", "Goal._status"),
        ("a1", "Goal.a1"),
        ("1a", "Goal.`1a`"),
        ("", "Goal.``"),
        ("x y", "Goal.`x y`"),
        ("a`b\\c\n", "Goal.`a\\`b\\\\c\\n`"),
        ("é", "Goal.`é`"),
    ],
)
def test_a_name_is_an_identifier_or_in_backquotes(name, expression):
    assert child("Goal", name) == expression


def test_items_have_an_index():
    assert child(item(child("Goal", "target"), 2), "dueDate") == "Goal.target[2].dueDate"

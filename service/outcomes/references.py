"""Whose a resource is, and what it is about: references as the rules see them.

Source: https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Type and id of a resource; an empty type and the whole address for one that is kept elsewhere.
Target = tuple[str, str]
# What a literal reference leads to; None where that cannot be told.
Locate = Callable[[str], Target | None]


def target(reference: Any, locate: Locate) -> Target | None:
    """What a Reference leads to; None where it is absent or names its target in another way than by address."""
    if not isinstance(reference, dict):
        return None
    text = reference.get("reference")
    return None if text is None else locate(text)


def child(resource: Mapping[str, Any], locate: Locate) -> Target | None:
    """The young person that a resource is about."""
    return target(resource.get("subject"), locate)

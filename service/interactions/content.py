"""The resource that a stored version holds.

Source: ADR 0002
"""

from __future__ import annotations

from typing import Any

from service.fhir import codec
from service.storage.store import Stored


def content(stored: Stored) -> dict[str, Any]:
    """The resource that a version holds, which is no deletion."""
    return codec.restore(stored.body)

"""Writes openapi/thrive-fhir.json from the registry.

Source: docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from service.fhir import codec, registry
from service.rest.openapi import document

TARGET = Path(__file__).parent.parent / "openapi" / "thrive-fhir.json"


def published() -> bytes:
    """The document as it is kept in the repository: one member a line."""
    return msgspec.json.format(codec.encode(document(registry.load())), indent=1) + b"\n"


if __name__ == "__main__":
    TARGET.write_bytes(published())
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")

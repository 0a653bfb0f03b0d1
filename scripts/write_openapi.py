"""Writes openapi/thrive-fhir.json from the registry, our own search parameters among it.

A server's own document, under /openapi.json, has those of its deployer as well.

Source: docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from service.fhir import artefacts, codec, registry
from service.fhir.search.definitions import in_force
from service.rest.openapi import document

TARGET = Path(__file__).parent.parent / "openapi" / "thrive-fhir.json"


def published() -> bytes:
    """The document as it is kept in the repository: one member a line."""
    served = in_force(registry.load(), artefacts.load()).registry
    return msgspec.json.format(codec.encode(document(served)), indent=1) + b"\n"


if __name__ == "__main__":
    TARGET.write_bytes(published())
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")

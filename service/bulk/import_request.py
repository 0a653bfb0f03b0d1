"""What an import was asked for, as it is kept with its job.

Source: ADR 0026
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from service.fhir import codec

IMPORT: Final = "import"
"""The kind of job that imports."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of NDJSON to be imported.

    `name` is what the caller calls it, and the error file names it by. `path` is where it lies in the file
    store; where that is empty, it is fetched from `address`.
    """

    name: str
    path: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """An import as it was understood: the files, and the address that it was asked for at (empty: by a command)."""

    sources: tuple[Source, ...]
    url: str = ""

    def encode(self) -> bytes:
        """This as JSON, to be kept with the job."""
        return codec.encode(asdict(self))


def import_request(raw: bytes) -> ImportRequest:
    """The request that `ImportRequest.encode` wrote."""
    kept = codec.restore(raw)
    return ImportRequest(tuple(Source(**each) for each in kept["sources"]), kept["url"])

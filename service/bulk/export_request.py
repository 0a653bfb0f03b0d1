"""What an export was asked for, as it is kept with its job.

It is made once, when the export is asked for, and read by whoever carries the job out: so it holds what was
decided then (which types, which filters), and nothing that would be decided anew.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, https://hl7.org/fhir/uv/bulkdata/en/export.html (3.0.0)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from service.fhir import codec
from service.fhir.problems import Issue

Level = Literal["system", "Patient", "Group"]
Method = Literal["GET", "POST"]
Pairs = tuple[tuple[str, str], ...]

EXPORT: Final = "export"
"""The kind of job that exports."""
NDJSON: Final = "application/fhir+ndjson"
"""The format of files: a resource a line."""

LATEST_PROVENANCE: Final = "LatestProvenanceResources"
RELEVANT_PROVENANCE: Final = "RelevantProvenanceResources"
ASSOCIATED: Final = (LATEST_PROVENANCE, RELEVANT_PROVENANCE)
"""What can be asked for as associated data, that which returns least first.

Source: http://hl7.org/fhir/uv/bulkdata/ValueSet/include-associated-data
"""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An export as it was understood.

    `level` is where it was asked for, `group` the id of the Group where that is "Group". `url` and `method`
    are how. `types` are the resource types to export, sorted, never none. Of a type that is in the compartment
    of a Patient, Patient and Group level take what is in a compartment; a type that is in none (about nobody,
    such as Organization) is taken whole at any level.

    `since` and `until` are milliseconds since 1970, None where they were not given: what changed after `since`
    (not in it) and up to `until` (in it). `filters` are a type and a query as `_typeFilter` gave it, without the
    percent-encoding of the kick-off; several of a type are alternatives. `elements` are a type (empty: every
    type) and an element's name. `patients` are ids of Patients, none where all are meant. `associated` is at most
    one of `ASSOCIATED`. `organized_by` is a resource type, empty where files hold a type each.

    `partial`: manifests may be given out before all files are there. `deidentified`: what identifies is
    replaced. `gzip`: files are kept compressed. `strict`: what was not understood was refused, so `faults` is
    empty; else it tells what was passed over, for the error file. `ballot`: the manifest has the shape of the
    ballot of version 4. `apart`: the status of the job is told apart from that of the request
    (`Prefer: separate-export-status`).
    """

    level: Level
    group: str
    url: str
    method: Method
    types: tuple[str, ...]
    since: int | None = None
    until: int | None = None
    filters: Pairs = ()
    elements: Pairs = ()
    patients: tuple[str, ...] = ()
    associated: tuple[str, ...] = ()
    organized_by: str = ""
    partial: bool = False
    deidentified: bool = False
    gzip: bool = False
    strict: bool = True
    faults: tuple[Issue, ...] = ()
    ballot: bool = False
    apart: bool = False

    def encode(self) -> bytes:
        """This as JSON, to be kept with the job."""
        return codec.encode({name: value for name, value in asdict(self).items() if value is not None})


def export_request(raw: bytes) -> ExportRequest:
    """The request that `ExportRequest.encode` wrote."""
    kept = codec.restore(raw)
    for name in ("types", "patients", "associated"):
        kept[name] = tuple(kept[name])
    for name in ("filters", "elements"):
        kept[name] = tuple((type_, text) for type_, text in kept[name])
    kept["faults"] = tuple(Issue(**cast("dict[str, Any]", each)) for each in kept["faults"])
    return ExportRequest(**kept)

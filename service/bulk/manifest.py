"""The manifest of a job: which files it has, where they are, and of which moment they tell.

Its shape follows how the job was asked for. By GET: that of Bulk Data Access 2 and 3, with `request` and
`error`. By POST: the same, and `outcome` beside `error`, as the ballot of version 4 calls it. By POST with
something that only that ballot has: its shape alone.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status,
https://hl7.org/fhir/uv/bulkdata/4.0.0-202609-ballot/en/StructureDefinition-BulkDataManifest.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.bulk.export_request import EXPORT, NDJSON, Method, export_request
from service.bulk.import_request import IMPORT, import_request
from service.fhir import stamping
from service.storage.jobs import File, Job

Json = dict[str, Any]

JOBS: Final = "jobs"
"""Where jobs are, below the FHIR base."""
PAGE: Final = "_page"
"""The parameter that numbers the pages of a manifest, from 1 on."""
MANIFEST_TYPE: Final = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest"

FIRST_PAGES: Final = (1, 4, 16, 64, 256)
LATER_PAGES: Final = 1000
"""Files a page: the first comes as soon as there is one, and later ones do not come in dribs and drabs."""

_LISTED: Final = ("output", "deleted")
_MESSAGES: Final = ("error", "report")
_PLANNING: Final = 0  # the task whose messages are known before any file is
_NAME: Final = re.compile(r"(\d{1,9})-(\d{1,9})\.[A-Za-z]{1,64}\.ndjson", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """What the client of a job is told of what it asked for, whatever kind of job it is.

    `types` are the resource types whose data is in the files. The rest is as in `ExportRequest`.
    """

    url: str
    method: Method = "POST"
    types: tuple[str, ...] = ()
    organized_by: str = ""
    partial: bool = False
    ballot: bool = False
    apart: bool = False
    deidentified: bool = False


def _of_export(raw: bytes) -> Told:
    asked = export_request(raw)
    return Told(
        asked.url,
        asked.method,
        asked.types,
        asked.organized_by,
        asked.partial,
        asked.ballot,
        asked.apart,
        asked.deidentified,
    )


def _of_import(raw: bytes) -> Told:
    return Told(import_request(raw).url)


TELLING: Final[Mapping[str, Callable[[bytes], Told]]] = {EXPORT: _of_export, IMPORT: _of_import}
"""How each kind of job tells what it was asked; a kind that is not in it tells nothing."""


def told(job: Job) -> Told:
    """What the job was asked."""
    read = TELLING.get(job.kind)
    return Told("") if read is None else read(job.request)


def name(file: File) -> str:
    """What the file is called in its address; no other of the job is called so."""
    return f"{file.task}-{file.ordinal}.{file.type or file.kind}.ndjson"


def numbers(text: str) -> tuple[int, int] | None:
    """Task and ordinal of the file of that name; None where no file can be called so."""
    found = _NAME.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))


def pages(files: Sequence[File], *, whole: bool) -> list[tuple[File, ...]]:
    """The pages of the files of output and deletions, one at least where they are `whole`.

    While more are to come, only those pages that are full: what was once on a page stays so.
    """
    listed = [file for file in files if file.kind in _LISTED]
    made: list[tuple[File, ...]] = []
    start = 0
    while start < len(listed):
        size = FIRST_PAGES[len(made)] if len(made) < len(FIRST_PAGES) else LATER_PAGES
        if start + size > len(listed) and not whole:
            break
        made.append(tuple(listed[start : start + size]))
        start += size
    return made or ([()] if whole else [])


def manifest(
    job: Job, asked: Told, files: Sequence[File], base_url: str, *, page: int = 1, whole: bool = True
) -> Json | None:
    """That page of the manifest; None where there is none yet, or none at all.

    `files` are those of the job that a client may have. Unless they are `whole`, more are to come.
    """
    address = f"{base_url}/{JOBS}/{job.id}"
    if asked.partial:
        found = pages(files, whole=whole)
    else:
        found = [tuple(file for file in files if file.kind in _LISTED)] if whole else []
    if not 1 <= page <= len(found):
        return None
    is_last = whole and page == len(found)
    messages = [file for file in files if file.kind in _MESSAGES and (file.task == _PLANNING or is_last)]
    shown: Json = {"manifestType": MANIFEST_TYPE} if asked.ballot else {}
    shown["transactionTime"] = stamping.instant(job.at)
    if not asked.ballot:
        shown["request"] = asked.url
    shown["requiresAccessToken"] = True
    if asked.ballot:
        shown["outputFormat"] = NDJSON
    if asked.organized_by:
        shown["outputOrganizedBy"] = asked.organized_by
    listed = {
        kind: [_item(each, asked, address) for each in found[page - 1] if each.kind == kind]
        for kind in _LISTED
    }
    shown |= listed
    said = [_item(each, asked, address) for each in messages]
    if not asked.ballot:
        shown["error"] = said
    if asked.method == "POST":
        shown["outcome"] = said
    if page < len(found):
        shown["link"] = [{"relation": "next", "url": f"{address}?{PAGE}={page + 1}"}]
    return shown


def _item(file: File, asked: Told, address: str) -> Json:
    shown: Json = {}
    if not (asked.organized_by and file.kind == "output") and not (asked.ballot and file.kind != "output"):
        shown["type"] = file.type
    shown |= {"url": f"{address}/{name(file)}", "count": file.count}
    if asked.method == "POST":
        shown["fileSize"] = file.size
    return shown


def progress(job: Job) -> str:
    """How far the job is, in words that begin with the hundredths where these are known; under a hundred characters."""
    if job.state == "queued" and not job.done:
        return "waiting to begin"
    if not job.total:
        return f"in progress, {job.done} resources so far"
    return f"{min(99, job.done * 100 // job.total)}% complete, {job.done} of {job.total} resources"

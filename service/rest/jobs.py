"""What answers requests about jobs: how one is, that it shall end, and the files that it made.

A job is of the client that asked for it, for the same agency, user and young person; to all others it is as
if it were not there.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, https://hl7.org/fhir/uv/bulkdata/en/export.html (3.0.0),
docs/bulk.md
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from service.access.needs import Need, insufficient
from service.access.pseudonymised import is_bound
from service.bulk import acting, manifest
from service.bulk.export_request import NDJSON
from service.bulk.manifest import JOBS, Told, told
from service.bulk.withdrawing import require_seen
from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.problems import OURS, Gone, Issue, Malformed, Missing, operation_outcome
from service.interactions.context import Context
from service.interactions.searching import setting_of
from service.rest.conditions import http_date
from service.rest.downloads import Named, file_reply
from service.rest.requests import Request
from service.rest.responses import SECURITY, Header, Reply
from service.storage import audit
from service.storage.jobs import File, Job

__all__ = ["JOBS", "NDJSON", "cancel", "download", "download_head", "status"]

JSON: Final = "application/json"
GIVING: Final = frozenset({200, 206, 302})
"""The statuses of answers to a download by which somebody gets something of the file."""
# Whose data are in a file is told to the audit once a process. What this process has told waits in its own memory
# to be written down; so whatever is lost of that is forgotten here too, and told again.
_NAMED: Final = Named()

LONGEST_WAIT: Final = 30
"""Units: seconds between two looks at a job, at most; at first it is one."""
PART_OF_AGE: Final = 10
"""A look is worth while after this part of the time that the job has taken so far."""

_SECOND: Final = 1000  # milliseconds
_FHIR: Final = f"{FHIR_JSON}; charset=utf-8".encode()
# To a client it means that this request failed and the job may not have: RFC 9110 section 15.6.4, IG, error status.
_TRANSIENT: Final = "transient"


async def status(context: Context, request: Request) -> Reply:
    """202 while the job is under way, 200 with the manifest when it is done, 4xx or 5xx when it failed.

    Raises:
        Missing: there is no such job, or page of its manifest.
        Gone: its time is over.
        InsufficientScope: the token does not cover what the job exports.
    """
    job, asked = await _covered(context, request)
    page = _page(request)
    if job.state == "failed":
        return _failed(job, asked)
    files = await _files(context, job, asked)
    shown = manifest.manifest(job, asked, files, context.base_url, page=page, whole=not job.is_open)
    if shown is None and page > 1:
        raise Missing("manifest-page-missing", "There is no such page of the manifest, or not yet.")
    headers: list[Header] = [*SECURITY]
    if job.is_open:
        headers += [
            (b"x-progress", manifest.progress(job).encode()),
            (b"retry-after", b"%d" % _wait(context.clock() - job.created)),
        ]
    else:
        headers.append((b"expires", http_date(job.expires)))
    if shown is not None:
        headers.append((b"content-type", JSON.encode()))
    body = b"" if shown is None else codec.encode(shown)
    return _apart(Reply(202 if job.is_open else 200, headers, body), asked)


async def cancel(context: Context, request: Request) -> Reply:
    """202: the job ends, and its files are removed.

    Raises:
        Missing: there is no such job.
        Gone: its time is over.
    """
    job = await _own(context, request)
    if not await context.store.jobs.cancel(job.locality, job.id):
        raise _missing()
    said = Issue(
        "information", "informational", "job-cancelled", "The job is cancelled and its files removed."
    )
    body = codec.encode(operation_outcome([said]))
    return Reply(202, [(b"content-type", _FHIR), *SECURITY], body)


async def download(context: Context, request: Request) -> Reply:
    """200 or 206 with the file, as it was made; 302 to where it lies, if that is elsewhere; 304 and 416.

    Raises:
        Missing: there is no such job or file.
        Gone: its time is over, or something in the file is not to be seen any more.
        InsufficientScope: the token does not cover what is in the file.
        Unavailable: the files cannot be reached.
    """
    job, file = await _file(context, request)
    await require_seen(context, request.act.caller, job, file)
    reply = await file_reply(context.files, job, file, request.fields)
    key = (job.id, file.task, file.ordinal)
    if reply.status not in GIVING or key in _NAMED:
        return reply
    for child, ground in audit.unpacked(file.children):
        context.seen.note(child, ground)
    return reply if reply.stream is None else replace(reply, stream=_NAMED.once(key, reply.stream))


async def download_head(context: Context, request: Request) -> Reply:
    """As `download`, for who wants to know about the file and sees nothing of it."""
    job, file = await _file(context, request)
    await require_seen(context, request.act.caller, job, file)
    return await file_reply(context.files, job, file, request.fields, head=True)


async def _own(context: Context, request: Request) -> Job:
    """The job of the request, if it is the caller's.

    Raises:
        Missing: it is not there, or was cancelled.
        Gone: its time is over.
    """
    caller = request.act.caller
    job = await context.store.jobs.find(caller.locality, request.id)
    if job is None or not acting.owns(caller, job.caller):
        raise _missing()
    if job.state == "cancelled":
        raise Missing("job-cancelled", "This job was cancelled.")
    if job.state == "expired":
        raise Gone("job-expired", "The time of this job is over, and its files are removed.")
    return job


def _missing() -> Missing:
    return Missing("job-missing", "There is no such job, or it is not one of this client's.")


async def _covered(context: Context, request: Request) -> tuple[Job, Told]:
    """The caller's job, and what was asked, where the token covers all of it.

    Raises:
        InsufficientScope: it does not read a type, or less of it than the one that the job was asked for with.
    """
    job = await _own(context, request)
    asked = told(job)
    if is_bound(request.act.caller) and not asked.deidentified:
        raise _missing()
    if asked.types and request.act.caller.scopes is not None:
        then = acting.decode(job.caller, setting_of(context))
        lacking = acting.covers(request.act.caller, then, asked.types)
        if lacking is not None:
            raise insufficient(request.act.caller.scopes, Need(lacking, acting.READING))
    return job, asked


async def _file(context: Context, request: Request) -> tuple[Job, File]:
    """The file of the request, where it may be had by now.

    Raises:
        Missing: there is none.
    """
    job, asked = await _covered(context, request)
    found = manifest.numbers(request.version)
    if found is not None and job.state != "failed":
        file = await context.store.jobs.file(job.locality, job.id, *found)
        if file is not None and file.kind != "input" and manifest.name(file) == request.version:
            ready = not job.is_open or (asked.partial and file.task < await _reached(context, job))
            if ready:
                return job, file
    raise Missing("job-file-missing", "The job has no such file, or not yet.")


async def _files(context: Context, job: Job, asked: Told) -> tuple[File, ...]:
    """The files that a client may have by now, in their order."""
    if job.is_open and not asked.partial:
        return ()
    files = await context.store.jobs.files(job.locality, job.id)
    if not job.is_open:
        return files
    # Tasks end in any order; what is shown before all have ended is what comes first in any case.
    reached = await _reached(context, job)
    return tuple(file for file in files if file.task < reached)


async def _reached(context: Context, job: Job) -> int:
    return await context.store.jobs.reached(job.locality, job.id)


def _page(request: Request) -> int:
    """Which page of the manifest is wanted.

    Raises:
        Malformed: it is no number, or something else is asked for.
    """
    page = "1"
    for name, value in request.pairs:
        if name != manifest.PAGE:
            raise Malformed("job-parameter-unknown", f"A job is asked with {manifest.PAGE} at most.")
        page = value
    if not (page.isascii() and page.isdigit() and len(page) <= _DIGITS and int(page) >= 1):
        raise Malformed("job-page", f"{manifest.PAGE} is the number of a page, from 1 on.")
    return int(page)


_DIGITS: Final = 6


def _wait(age: int) -> int:
    """After how many seconds it is worth to look again at a job of that age in milliseconds."""
    return max(1, min(LONGEST_WAIT, age // _SECOND // PART_OF_AGE))


def _failed(job: Job, asked: Told) -> Reply:
    """What a failed job tells: 4xx where the client can do something about it, else 500."""
    outcome: dict[str, Any] = codec.restore(job.fault) if job.fault else operation_outcome([_UNEXPLAINED])
    issues = outcome["issue"]
    is_ours = any(issue["code"] in OURS for issue in issues)
    for issue in issues:
        if issue["code"] == _TRANSIENT:
            issue["code"] = "exception"
    reply = Reply(500 if is_ours else 400, [(b"content-type", _FHIR), *SECURITY], codec.encode(outcome))
    return _apart(reply, asked)


_UNEXPLAINED: Final = Issue("error", "exception", "job-failed", "The job failed for a reason of ours.")


def _apart(reply: Reply, asked: Told) -> Reply:
    """The reply, the status of the job told apart from its own where that was preferred.

    Source: https://hl7.org/fhir/uv/bulkdata/en/export.html (3.0.0), Prefer: separate-export-status
    """
    if not asked.apart:
        return reply
    job_status = HTTPStatus(reply.status)
    said = (b"x-export-status", f"{job_status.value} {job_status.phrase}".encode())
    return Reply(200, [*reply.headers, said], reply.body)

"""Whether a file of an export may still be given out: what it holds must be seen by who fetches it, now.

A file is refused whole: what is taken out of it would be missing without a word, and its bytes, its size and its
count would not be those of its manifest. Of a de-identified file nobody can tell which line is whose; there a young
person is looked at as a whole.

Source: ADR 0027
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from service.access.callers import Caller
from service.access.pseudonymised import unbound
from service.bulk import acting
from service.bulk.export_request import EXPORT, ExportRequest, export_request
from service.fhir.problems import Gone, Missing
from service.fhir.search.sight import Sight
from service.interactions.context import Context
from service.outcomes.deidentification_keys import SECRET, Keyring
from service.outcomes.sharing import SPEAKING
from service.storage import audit
from service.storage.jobs import File, FileKind, Job
from service.storage.store import Key
from service.storage.withdrawals import Given, Suspects

_OF_PEOPLE: Final[frozenset[FileKind]] = frozenset({"output", "deleted"})
_TOGETHER: Final = 5_000
"""Units: resources that are asked about at a time."""


async def require_seen(context: Context, caller: Caller, job: Job, file: File) -> None:
    """Lets the file be given to the caller, whose job it is.

    Raises:
        Gone: something in it is not to be seen any more.
        Missing: the file was removed meanwhile.
        Unavailable: the store or the files cannot be reached.
    """
    if job.kind != EXPORT or file.kind not in _OF_PEOPLE:
        return
    asked = export_request(job.request)
    sight = acting.eyes(context.registry, unbound(caller) if asked.deidentified else caller)
    if sight is None or sight.every:
        return
    given = _given(job, file, asked)
    suspects = await context.store.withdrawals.suspects(job.locality, given, SPEAKING)
    if caller.sectors != acting.sectors(job.caller):
        # What is said of a sector is said of the caller only now.
        suspects = suspects._replace(children=frozenset(given.children))
    if not suspects:
        return
    if asked.deidentified:
        is_hidden = await _is_any_closed(context, sight, job, given, suspects)
        is_hidden = is_hidden or await _is_any_there(context, job, file, suspects)
    else:
        is_hidden = await _is_any_hidden(context, sight, job, file, given, suspects)
    if is_hidden:
        raise Gone(
            "file-withdrawn",
            "Something in this file may not be seen any more, so it is not given out. Ask for the export again.",
        )


def _given(job: Job, file: File, asked: ExportRequest) -> Given:
    at = job.at if asked.until is None else min(job.at, asked.until)
    types = (file.type,) if file.kind == "output" and file.type else asked.types
    return Given(types, frozenset(child for child, _ in audit.parts(file.children)), at, job.at)


async def _is_any_hidden(
    context: Context, sight: Sight, job: Job, file: File, given: Given, suspects: Suspects
) -> bool:
    """Whether a resource in the file is not seen any more."""
    withdrawals = context.store.withdrawals
    keys: set[Key] = set()
    async for line in _lines(context, file):
        keys.update(_keys(file, line))
        if len(keys) >= _TOGETHER:
            if await withdrawals.hidden(job.locality, sight, given, suspects, keys):
                return True
            keys.clear()
    return await withdrawals.hidden(job.locality, sight, given, suspects, keys)


async def _is_any_closed(context: Context, sight: Sight, job: Job, given: Given, suspects: Suspects) -> bool:
    """Whether a young person whose lines may be in a de-identified file is not seen whole any more."""
    children = suspects.children
    return await context.store.withdrawals.closed(job.locality, sight, given.types, children)


async def _is_any_there(context: Context, job: Job, file: File, suspects: Suspects) -> bool:
    """Whether one of the resources is in the de-identified file."""
    if not suspects.keys:
        return False
    keyring = Keyring(await context.store.secret(SECRET), job.locality, job.agency)
    hidden = {keyring.pseudonym(*key) for key in suspects.keys}
    async for line in _lines(context, file):
        if any(id_ in hidden for _, id_ in _keys(file, line)):
            return True
    return False


class _Request(msgspec.Struct):
    url: str = ""


class _Entry(msgspec.Struct):
    request: _Request


class _Line(msgspec.Struct):
    """What of a line says which resource it is; the header of a block has no id."""

    resourceType: str = ""  # noqa: N815 - FHIR's name
    id: str = ""


class _Bundle(msgspec.Struct):
    entry: list[_Entry]


_line: Final[Callable[[bytes], _Line]] = msgspec.json.Decoder(_Line).decode
_bundle: Final[Callable[[bytes], _Bundle]] = msgspec.json.Decoder(_Bundle).decode


def _keys(file: File, line: bytes) -> list[Key]:
    """The resources that a line of the file tells of."""
    if file.kind == "deleted":
        urls = [entry.request.url.partition("/") for entry in _bundle(line).entry]
        return [(type_, id_) for type_, _, id_ in urls]
    said = _line(line)
    return [(said.resourceType, said.id)] if said.id else []


async def _lines(context: Context, file: File) -> AsyncIterator[bytes]:
    """The lines of the file.

    Raises:
        Missing: it was removed.
    """
    rest = b""
    try:
        async for piece in context.files.read(file.path):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line:
                    yield line
    except FileNotFoundError:
        raise Missing("job-file-missing", "The file was removed.") from None
    if rest:
        yield rest

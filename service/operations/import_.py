"""import: a job is started that stores resources out of files of NDJSON, sent here or fetched.

Source: docs/operations/import.md, ADR 0026
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from service.access.grants import ALL
from service.bulk.export_request import NDJSON
from service.bulk.import_fetching import is_allowed, named
from service.bulk.import_request import IMPORT, ImportRequest, Source
from service.bulk.importing import FIRST
from service.fhir.parameters import PARTS, Input
from service.fhir.problems import Issue, Malformed, TooLarge, TooMany
from service.interactions.context import Act, Answer, Context
from service.operations.beginning import accepted, begin, job_of, require_room
from service.operations.operation import Call, Operation
from service.storage.jobs import Job, folder

MOST_SOURCES: Final = 1_000
"""Of so many files an import can be asked for at once."""
SENT: Final = "body"
"""What the error file calls a file that was sent as the body of the request."""
SENDING: Final = 4
"""Files that a client may send to a process at once: there are threads for four times as many."""
# How many each client is sending to this process, by locality and client.
_SENDING: Final[Counter[tuple[str, str]]] = Counter()

INPUTS: Final = (Input("input", PARTS, repeats=True), Input("inputFormat", "code"))
_FORMATS: Final = frozenset({NDJSON, "application/ndjson", "ndjson"})
_BEGUN: Final = Issue(
    "information",
    "informational",
    "import-begun",
    "The import has begun; Content-Location says where to look.",
)

Json = dict[str, Any]


async def import_(context: Context, act: Act, call: Call) -> Answer:
    """202 with the address of the job in Content-Location.

    Raises:
        Malformed: there is no file, or an address from which none is fetched.
        TooLarge: the file that is sent is over the limit.
        TooMany: the client has as many jobs under way as it may, or sends as many files.
        TooSlow: the file comes too slowly.
        Unavailable: the file cannot be kept.
    """
    for name, _ in call.inputs.criteria:
        raise Malformed("operation-parameter-unknown", f"$import takes no parameter {name}.")
    await require_room(context, act)
    job = job_of(context, act, IMPORT, b"", context.clock())
    if call.lines is None:
        sources = _named(context, call)
    else:
        with _sending(act):
            sources = (Source(SENT, await _received(context, job, call.lines)),)
    request = ImportRequest(sources, f"{context.base_url}/$import")
    try:
        await begin(context, replace(job, request=request.encode()), (FIRST,))
    except TooMany:
        await context.files.delete_all(folder(job))
        raise
    return accepted(context, job, _BEGUN)


@contextmanager
def _sending(act: Act) -> Iterator[None]:
    """A block in which the caller sends a file.

    Raises:
        TooMany: it sends as many already as it may.
    """
    key = (act.caller.locality, act.caller.client)
    if _SENDING[key] >= SENDING:
        raise TooMany("import-sends-too-many", f"A client sends {SENDING} files at once at most; wait.")
    _SENDING[key] += 1
    try:
        yield
    finally:
        _SENDING[key] -= 1
        if not _SENDING[key]:
            del _SENDING[key]


async def _received(context: Context, job: Job, lines: AsyncIterator[bytes]) -> str:
    """Where the file that is sent was put; nothing is left of one that breaks off.

    Raises:
        TooLarge: it is over the limit.
        Malformed: there is nothing in it.
    """
    path = f"{folder(job)}input-0"
    if not await context.files.receive(path, _bounded(lines, context.limits.import_bytes)):
        await context.files.delete_all(folder(job))
        raise Malformed("body-missing", "The request has no body.")
    return path


async def _bounded(lines: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in lines:
        size += len(piece)
        if size > most:
            text = f"A file that is sent has {most} bytes at most; send it in parts, or let it be fetched."
            raise TooLarge("import-too-large", text)
        yield piece


def _named(context: Context, call: Call) -> tuple[Source, ...]:
    """The files that are to be fetched.

    Raises:
        Malformed: there are none or too many, one is of no format that is read, or may not be fetched.
    """
    format_ = call.inputs.one("inputFormat")
    if format_ is not None and format_ not in _FORMATS:
        raise Malformed("import-format", f"Files are read as {NDJSON}.", "Parameters.parameter")
    given = call.inputs.all("input")
    if not 0 < len(given) <= MOST_SOURCES:
        text = f"$import takes 1 to {MOST_SOURCES} parameters input, or a body of {NDJSON}."
        raise Malformed("import-inputs", text, "Parameters.parameter")
    addresses = [_address(parts) for parts in given]
    for address in addresses:
        if not is_allowed(address, context.import_sources):
            text = "From this address no file is fetched here: it is in none of the places that are allowed."
            raise Malformed("import-source", text, "Parameters.parameter.part")
    return tuple(Source(named(address), "", address) for address in addresses)


def _address(parts: list[Json]) -> str:
    """The address in the parts of an `input`; they may say a type as well, which each line says itself."""
    for part in parts:
        if part.get("name") in {"url", "inputUrl"}:
            found = next((value for name, value in part.items() if name.startswith("value")), None)
            if isinstance(found, str):
                return found
    raise Malformed(
        "import-inputs", "An input says in its part url where the file is.", "Parameters.parameter"
    )


OPERATION: Final = Operation(
    name="import",
    definition="https://thrive-fhir.example/OperationDefinition/import",
    summary="Store resources out of files of NDJSON.",
    types=frozenset(),
    levels=frozenset({"system"}),
    readable=frozenset(),
    inputs=INPUTS,
    perform=import_,
    starts=True,
    receives=True,
    needs=((ALL, "u"),),
)

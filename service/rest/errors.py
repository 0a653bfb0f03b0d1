"""Faults in HTTP: the one place where a Problem, or an unknown exception, becomes an answer.

Source: https://hl7.org/fhir/R4/http.html#Status-Codes, https://hl7.org/fhir/R4/operationoutcome.html, docs/adr/0003-faults-are-values.md
"""

from __future__ import annotations

import traceback
from pathlib import Path

from service.fhir import codec
from service.fhir.problems import Issue, Problem, operation_outcome
from service.rest.responses import Header, Reply, outcome

RETRY_AFTER = b"1"  # seconds: a database that changes over is back in about that

# What a status tells the client beyond the outcome. 405 brings its Allow with it.
_HEADERS: dict[int, tuple[Header, ...]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    429: ((b"retry-after", RETRY_AFTER),),
    503: ((b"retry-after", RETRY_AFTER),),
}

_UNEXPECTED = Issue(
    "fatal",
    "exception",
    "unexpected",
    "Something went wrong on our side. Give the X-Request-Id of this answer to those who run the server.",
)


def refusal(problem: Problem, *headers: Header) -> Reply:
    """A problem as its status, with every issue in an OperationOutcome."""
    body = codec.encode(operation_outcome(problem.issues))
    return outcome(problem.status, body, *_HEADERS.get(problem.status, ()), *headers)


def failure() -> Reply:
    """What goes out when a fault of ours stopped the act: 500, and no detail."""
    return outcome(500, codec.encode(operation_outcome([_UNEXPECTED])))


def detail(fault: BaseException) -> list[str]:
    """The exception and those behind it, innermost last: type, and every frame as file, line and function.

    Messages are left out on purpose: they quote values, and values are goals, names and answers.
    """
    lines: list[str] = []
    seen: BaseException | None = fault
    while seen is not None and len(lines) < DETAIL_LINES:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += [
            f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(seen.__traceback__)
        ]
        seen = seen.__cause__ or seen.__context__
    return lines[:DETAIL_LINES]


DETAIL_LINES = 200  # a runaway recursion shows itself in fewer

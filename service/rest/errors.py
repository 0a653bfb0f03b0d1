"""Faults in HTTP: the one place where a Problem, or an unknown exception, becomes an answer.

Source: https://hl7.org/fhir/R4/http.html#Status-Codes, https://hl7.org/fhir/R4/operationoutcome.html, docs/adr/0003-faults-are-values.md
"""

from __future__ import annotations

import traceback
from pathlib import Path

from service.access.needs import InsufficientScope
from service.access.tokens import TOKEN_MISSING
from service.fhir import codec
from service.fhir.problems import Issue, Problem, TooMany, Unauthorized, operation_outcome
from service.rest.responses import Header, Reply, outcome

RETRY_AFTER = b"1"  # seconds: a database that changes over is back in about that

# What a status tells the client beyond the outcome. 405 brings its Allow with it.
_HEADERS: dict[int, tuple[Header, ...]] = {
    408: (
        (b"connection", b"close"),
    ),  # what else comes of the body is not waited for: RFC 9110 section 15.5.9
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
    if isinstance(problem, TooMany):
        headers = (*headers, (b"retry-after", b"%d" % problem.retry_after))
    if isinstance(problem, Unauthorized):
        headers = (*headers, (b"www-authenticate", _unauthorized(problem)))
    if isinstance(problem, InsufficientScope):
        headers = (*headers, (b"www-authenticate", _insufficient(problem.needed)))
    return outcome(problem.status, body, *_HEADERS.get(problem.status, ()), *headers)


def _unauthorized(problem: Unauthorized) -> bytes:
    """What says that a token is wanted, and where one was sent, that it will not do.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-3
    """
    first = problem.issues[0]
    if first.slug == TOKEN_MISSING:
        return b'Bearer realm="FHIR"'  # of the parameters of a challenge there must be one
    return f'Bearer error="invalid_token", error_description="{first.text}"'.encode()


def _insufficient(needed: str) -> bytes:
    """What says that a token does not allow something, and which scopes would.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-3
    """
    scope = f', scope="{needed}"' if needed else ""
    return f'Bearer error="insufficient_scope"{scope}'.encode()


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

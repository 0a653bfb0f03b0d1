"""Logs: JSON lines of ids and counts. Never a query string, a header, a name or a body.

Source: docs/logging.md
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from service.rest.errors import detail

REQUEST_ANSWERED = "request_answered"
REQUEST_ABANDONED = "request_abandoned"
REQUEST_FAILED = "request_failed"
WORKER_STARTED = "worker_started"
WORKER_STOPPED = "worker_stopped"
WORKER_DIED = "worker_died"
RUNNER_STARTED = "runner_started"
RUNNER_STOPPED = "runner_stopped"
AUDIT_FAILED = "audit_failed"
SERVER_NOTED = "server_noted"

_SECOND = 1_000_000_000  # nanoseconds
_MICROSECOND = 1000  # nanoseconds
# Methods of a logger that are called otherwise than the level of what they log.
_LEVELS = {"warn": "warning", "exception": "error"}
_encode = msgspec.json.Encoder().encode


def logger(level: str, stream: BinaryIO) -> FilteringBoundLogger:
    """A logger that writes one JSON line an event to the stream, from that level on."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        processors=[
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log.bind()  # what is asked for at every line is not looked up at every line


def _render(_logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    """The line; time and level are put in here and by no processor of their own, because every request has one."""
    seconds, rest = divmod(time.time_ns(), _SECOND)
    return _encode(
        {
            "time": f"{_second(seconds)}.{rest // _MICROSECOND:06}Z",
            "level": _LEVELS.get(method, method),
            "event": event.pop("event"),
            **event,
        }
    )


@lru_cache(2)  # lines of a second share it
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def take_over(log: FilteringBoundLogger) -> None:
    """Sends what libraries log by the standard library, the HTTP server above all, the same way."""
    root = logging.getLogger()
    root.handlers = [_Forward(log)]
    root.setLevel(logging.WARNING)


class _Forward(logging.Handler):
    """Passes on where and how bad, and the frames of an exception. The message stays behind: it may quote anything."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        event: dict[str, Any] = {"source": record.name, "where": f"{record.module}:{record.lineno}"}
        if record.exc_info and record.exc_info[1] is not None:
            event["detail"] = detail(record.exc_info[1])
        self._log.log(record.levelno, SERVER_NOTED, **event)

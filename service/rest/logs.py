"""Logs: JSON lines of ids and counts. Never a query string, a header, a name or a body.

Source: docs/logging.md
"""

from __future__ import annotations

import logging
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
AUDIT_FAILED = "audit_failed"
SERVER_NOTED = "server_noted"

_encode = msgspec.json.Encoder().encode


def logger(level: str, stream: BinaryIO) -> FilteringBoundLogger:
    """A logger that writes one JSON line an event to the stream, from that level on."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", key="time"),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return _encode(
        {"time": event.pop("time"), "level": event.pop("level"), "event": event.pop("event"), **event}
    )


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

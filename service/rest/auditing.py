"""What a request did, as the audit is told of it: by its route, its method and its query.

Source: ADR 0020, docs/audit.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from service.interactions.context import Act
from service.interactions.noting import DOWNLOAD, OPERATION, Deed, note
from service.rest import calls, handlers, jobs
from service.rest.handlers import Handler
from service.rest.security import ANYBODY

if TYPE_CHECKING:
    from litestar.types import HTTPScope

    from service.fhir.problems import Problem
    from service.interactions.context import Context
    from service.rest.exchanges import Exchange
    from service.rest.requests import Pairs
    from service.rest.routes import Route, Target

FAILED: Final = 500
"""The status of what a fault of ours stopped."""
UNKNOWN: Final = "unknown"
"""What was done where the path leads nowhere, or the method is not offered there."""

STRANGERS_QUERY: Final = 200
"""Units: characters of a query that are kept of whoever was not let in: nobody shall fill the audit from outside."""

JOB: Final = "job-"
"""What is done with jobs begins so."""
STATUS: Final = f"{JOB}status"
"""A look at how a job is. It shows nothing of anybody, and clients look every second: only a refusal is told."""
CANCEL: Final = f"{JOB}cancel"
OF_JOBS: Final = frozenset({STATUS, CANCEL, DOWNLOAD})
"""What is done with jobs."""

_TOO_MANY: Final = 429
_FIRST_REFUSAL: Final = 400
_BASE: Final = "/fhir/"
# Those that are told of by the resource that they are about.
_ADDRESSED: Final = frozenset(
    {"create", "read", "vread", "update", "patch", "delete", "batch", "capabilities", "unknown"}
)
_CODES: Final[Mapping[Handler, str]] = {
    handlers.create: "create",
    handlers.read: "read",
    handlers.vread: "vread",
    handlers.update: "update",
    handlers.conditional_update: "update",
    handlers.patch: "patch",
    handlers.conditional_patch: "patch",
    jobs.cancel: CANCEL,
    jobs.download: DOWNLOAD,
    jobs.download_head: DOWNLOAD,
    jobs.status: STATUS,
    handlers.delete: "delete",
    handlers.conditional_delete: "delete",
    # Which of the two it was says each entry that it has.
    handlers.bundle: "batch",
}


async def tell(
    context: Context,
    scope: HTTPScope,
    target: Target,
    seen: Exchange,
    status: int,
    problem: Problem | None = None,
) -> None:
    """Tells the audit of a request, unless it asked for what is public.

    Who asks too often is told so and not noted: a flood must not fill the audit.
    """
    if target.route.public or status == _TOO_MANY:
        return
    act = seen.act
    if act is None:
        client = scope.get("client")
        act = Act(ANYBODY, seen.request_id, client[0] if client else "")
    done = deed(target, scope["method"], scope["query_string"], seen.form)
    if done.what == STATUS and status < _FIRST_REFUSAL:
        return
    if act.caller is ANYBODY and len(done.query) > STRANGERS_QUERY:
        done = done._replace(query=f"{done.query[:STRANGERS_QUERY]}…")
    await note(seen.context or context, act, done, status, problem)


def deed(target: Target, method: str, query: bytes, sent: Pairs = ()) -> Deed:
    """What a request asks for; `sent` are the parameters of the form in its body, where there was one."""
    route = target.route
    what = code(route, method)
    asked = query.decode("latin-1")
    if sent:
        asked = "&".join(filter(None, (asked, urlencode(sent))))
    shown = ""
    if asked or what not in _ADDRESSED:
        shown = _address(target)
        if asked:
            shown = f"{shown}?{asked}"
    if what.startswith(JOB):  # what is kept of a job is no resource, and has no reference
        return Deed(what, query=shown)
    return Deed(what, route.type, target.id, target.version, shown)


def code(route: Route, method: str) -> str:
    """The code of the interaction, or `$` and the operation's name."""
    handler = route.methods.get(method)
    if handler is None:
        return UNKNOWN
    if method == "OPTIONS":
        return "capabilities"
    if route.operation is not None:
        return f"{OPERATION}{route.operation.name}"
    if route.member:
        return "search-system" if route.member == calls.ALL else "search-type"
    if handler is handlers.search:
        return "search-type" if route.type else "search-system"
    if handler is handlers.history:
        level = "system" if not route.type else "instance" if "{id}" in route.template else "type"
        return f"history-{level}"
    return _CODES.get(handler, UNKNOWN)


def _address(target: Target) -> str:
    """The path below the base, with the ids that were in it."""
    path = target.route.template.removeprefix(_BASE.rstrip("/")).removeprefix("/")
    named = (
        path.replace("{id}", target.id).replace("{version}", target.version).replace("{file}", target.version)
    )
    return named.removesuffix("_search").removesuffix("/")

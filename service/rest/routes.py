"""Which request goes where: a table built for every type from the registry.

A path is looked up by its type first, so that an unknown type (404) and an interaction that
a known type does not have (405) are told apart, and nothing generic can shadow a type.

Source: https://hl7.org/fhir/R4/http.html#summary, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from service.access import needs
from service.access.needs import Needs
from service.fhir.problems import Missing, Unoffered
from service.fhir.registry import Registry
from service.fhir.search.compartments import members
from service.interactions import identity
from service.interactions.identity import is_id
from service.operations.operation import Level, Operation
from service.rest import calls, handlers, jobs
from service.rest.handlers import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """A shape of path: its methods, the value of Allow, and whether anybody may come in.

    `template` is what logs and OpenAPI call it, such as `/fhir/Goal/{id}`; `form` says that the
    body is a form of search parameters. `methods` has HEAD wherever it has GET. `operation` is
    the one that is asked for here, where it is one. `member` is the type that is searched for in the
    compartment of the resource in the path, `*` for all. `needs` are the scopes that each method takes.
    `media` are the media types that are answered in, best first, where these are not FHIR's JSON alone.
    """

    template: str
    type: str
    methods: Mapping[str, Handler]
    form: bool = False
    public: bool = False
    allow: bytes = b""
    operation: Operation | None = None
    member: str = ""
    needs: Mapping[str, Needs] = field(default_factory=dict)
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A route found, and what of the path was variable."""

    route: Route
    id: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class TypeRoutes:
    """The routes of one resource type; those of its operations by name, such as `$validate`.

    Those of its compartment are by what follows the id in the path, such as `("Goal", "_search")`.
    """

    type: Route
    search: Route
    history: Route
    instance: Route
    instance_history: Route
    version: Route
    operations: Mapping[str, Route] = field(default_factory=dict)
    instance_operations: Mapping[str, Route] = field(default_factory=dict)
    compartment: Mapping[tuple[str, ...], Route] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Route]:
        yield from (
            self.type,
            self.search,
            self.history,
            self.instance,
            self.instance_history,
            self.version,
            *self.operations.values(),
            *self.instance_operations.values(),
            *self.compartment.values(),
        )


BASE = "/fhir"
UNKNOWN = Route("unknown", "", {})
"""Where a path leads nowhere; the log calls it so, because a path may hold anything."""

# Interaction codes of CapabilityStatement, and what answers them. A conditional interaction is
# offered wherever the plain one is.
_TYPE: tuple[tuple[str, str, Handler], ...] = (
    ("search-type", "GET", handlers.search),
    ("create", "POST", handlers.create),
    ("update", "PUT", handlers.conditional_update),
    ("patch", "PATCH", handlers.conditional_patch),
    ("delete", "DELETE", handlers.conditional_delete),
)
_INSTANCE: tuple[tuple[str, str, Handler], ...] = (
    ("read", "GET", handlers.read),
    ("update", "PUT", handlers.update),
    ("patch", "PATCH", handlers.patch),
    ("delete", "DELETE", handlers.delete),
)


_CONDITIONAL: frozenset[Handler] = frozenset(
    {handlers.conditional_update, handlers.conditional_patch, handlers.conditional_delete}
)
_NONE_WANTED: Mapping[str, Needs] = MappingProxyType({})


def type_routes(
    type_: str, served: frozenset[str], operations: Iterable[Operation] = (), held: Sequence[str] = ()
) -> TypeRoutes:
    """The routes of a type that offers the interactions in `served`, and of the operations that are of it.

    `held` are the types that can be in its compartment, none where it has none.
    """
    root = f"{BASE}/{type_}"
    offered = tuple(operations)

    def built(path: str, table: tuple[tuple[str, str, Handler], ...], *, form: bool = False) -> Route:
        offers = [each for each in table if each[0] in served]
        methods = {method: handler for _, method, handler in offers}
        wanted = {
            method: needs.of(code, type_, conditional=handler in _CONDITIONAL)
            for code, method, handler in offers
        }
        return route(root + path, type_, methods, wanted, form=form)

    return TypeRoutes(
        type=built("", _TYPE),
        search=built("/_search", (("search-type", "POST", handlers.search),), form=True),
        history=built("/_history", (("history-type", "GET", handlers.history),)),
        instance=built("/{id}", _INSTANCE),
        instance_history=built("/{id}/_history", (("history-instance", "GET", handlers.history),)),
        version=built("/{id}/_history/{version}", (("vread", "GET", handlers.vread),)),
        operations=operation_routes(offered, type_, "type"),
        instance_operations=operation_routes(offered, type_, "instance"),
        compartment=compartment_routes(type_, held),
    )


def served_routes(registry: Registry, type_: str, operations: Iterable[Operation] = ()) -> TypeRoutes:
    """The routes of a served type, with those of its compartment."""
    return type_routes(type_, registry.served[type_], operations, members(registry, type_))


def compartment_routes(type_: str, held: Sequence[str]) -> dict[tuple[str, ...], Route]:
    """The routes by which the compartments of a type are searched for resources of the types held, or of all.

    Source: https://hl7.org/fhir/R4/search.html#2.21.1.2, https://hl7.org/fhir/R4/http.html#vsearch
    """
    root = f"{BASE}/{type_}/{{id}}"
    found: dict[tuple[str, ...], Route] = {}
    for member in (calls.ALL, *held) if held else ():
        handler = calls.belonging(member)
        wanted = needs.of("search-type", "" if member == calls.ALL else member)
        asked = route(f"{root}/{member}", type_, {"GET": handler}, {"GET": wanted})
        sent = route(f"{root}/{member}/_search", type_, {"POST": handler}, {"POST": wanted}, form=True)
        found[member,] = replace(asked, member=member)
        found[member, "_search"] = replace(sent, member=member)
    return found


def operation_routes(operations: Iterable[Operation], type_: str, level: Level) -> dict[str, Route]:
    """The routes of the operations that can be asked of the type (empty: of the system) at this level, by name."""
    root = {"system": BASE, "type": f"{BASE}/{type_}", "instance": f"{BASE}/{type_}/{{id}}"}[level]
    return {
        f"${each.name}": _operation_route(f"{root}/${each.name}", type_, each, level)
        for each in operations
        if each.is_of(type_, level)
    }


def _operation_route(template: str, type_: str, operation: Operation, level: Level) -> Route:
    methods = {"POST": calls.operated(operation)}
    if level in operation.readable:
        methods["GET"] = calls.asked(operation)
    wanted = dict.fromkeys(methods, operation.needed(type_, level))
    made = replace(route(template, type_, methods, wanted), operation=operation)
    return _without_head(made) if operation.starts else made


def _without_head(made: Route) -> Route:
    """The route without HEAD: who asks for the head of an answer means to start nothing."""
    kept = {method: handler for method, handler in made.methods.items() if method != "HEAD"}
    return replace(made, methods=kept, allow=", ".join(sorted(kept)).encode())


def route(
    template: str,
    type_: str,
    methods: Mapping[str, Handler],
    wanted: Mapping[str, Needs] = _NONE_WANTED,
    *,
    form: bool = False,
    public: bool = False,
) -> Route:
    """A route with HEAD wherever it has GET, and the value of its Allow header.

    `wanted` are the scopes that each method takes; a method that is not in it is answered to nobody
    whose token has scopes, unless the route is public.
    """
    whole = dict(methods)
    taken = dict(wanted)
    if "GET" in whole:
        whole["HEAD"] = whole["GET"]
    if "GET" in taken:
        taken["HEAD"] = taken["GET"]
    allow = ", ".join(sorted(whole)).encode()
    return Route(template, type_, whole, form=form, public=public, allow=allow, needs=taken)


def job_routes() -> tuple[Route, Route]:
    """The routes of a job and of one of its files.

    Any token will do for the scopes: whose a job is, and what of it the token covers, its handlers look into.
    """
    status = route(
        f"{BASE}/{jobs.JOBS}/{{id}}",
        "",
        {"GET": jobs.status, "DELETE": jobs.cancel},
        {"GET": needs.NOTHING, "DELETE": needs.NOTHING},
    )
    file = route(f"{BASE}/{jobs.JOBS}/{{id}}/{{file}}", "", {"GET": jobs.download}, {"GET": needs.NOTHING})
    methods = {**file.methods, "HEAD": jobs.download_head}
    return status, replace(file, methods=methods, media=(jobs.NDJSON,))


class Table:
    """All routes under the base, found by path."""

    __slots__ = ("_jobs", "_system", "_types")

    def __init__(
        self, registry: Registry, system: Mapping[str, Route], operations: Sequence[Operation] = ()
    ) -> None:
        """Takes the routes of the system by path relative to the base, such as `metadata`, and all operations."""
        self._system = dict(system) | operation_routes(operations, "", "system")
        self._jobs = job_routes()
        self._types = {type_: served_routes(registry, type_, operations) for type_ in registry.served}
        for type_ in beside(registry, operations):
            for name, found in operation_routes(operations, type_, "type").items():
                self._system[f"{type_}/{name}"] = found

    def find(self, path: str) -> Target:
        """The route of a path relative to the base; UNKNOWN where there is none.

        A slash at the end changes nothing.
        """
        parts = path.strip("/").split("/")
        routes = self._types.get(parts[0])
        if routes is None:
            return self._find_job(parts) or Target(self._system.get("/".join(parts), UNKNOWN))
        return _find_operation(routes, parts) if parts[-1].startswith("$") else _find(routes, parts)

    def _find_job(self, parts: list[str]) -> Target | None:
        """The route of a job or of one of its files; None where the path is of neither.

        No type begins in lower case, so none is called so.
        """
        match parts:
            case [jobs.JOBS, id_]:
                return Target(self._jobs[0], id_)
            case [jobs.JOBS, id_, name]:
                return Target(self._jobs[1], id_, name)
            case _:
                return None

    def missing(self, path: str) -> Missing:
        """Why a path leads nowhere."""
        first, *rest = path.strip("/").split("/")
        if first.startswith("$") or (first in self._types and any(part.startswith("$") for part in rest)):
            return self._operation_missing("" if first.startswith("$") else first)
        if first not in self._types:
            return Missing(
                "type-not-served", f"This server has no resources of type {first!r}; see /fhir/metadata."
            )
        held = sorted({found.member for found in self._types[first].compartment.values()})
        shown = f"; in its compartment there are {', '.join(held)}" if held else ""
        return Missing("path-unknown", f"There is nothing under this path of {first}{shown}.")

    def _operation_missing(self, type_: str) -> Missing:
        """What operations there are, where one was asked for that is not, or not at this level."""
        routes = self._types[type_] if type_ else self._system.values()
        known = [found.template for found in routes if found.operation is not None and found.type == type_]
        shown = f"; there are {', '.join(known)}" if known else ""
        return Missing("operation-unknown", f"There is no such operation under this path{shown}.")

    @property
    def routes(self) -> list[Route]:
        """Every route, those of the system first."""
        return [
            *self._system.values(),
            *self._jobs,
            *(found for routes in self._types.values() for found in routes),
        ]


def _find(routes: TypeRoutes, parts: list[str]) -> Target:
    """The route of an interaction with the type that the path begins with."""
    match parts:
        case [_]:
            return Target(routes.type)
        case [_, "_search"]:
            return Target(routes.search)
        case [_, "_history"]:
            return Target(routes.history)
        case [_, id_] if id_[:1] not in _RESERVED:
            return Target(routes.instance, id_)
        case [_, id_, "_history"] if id_[:1] not in _RESERVED:
            return Target(routes.instance_history, id_)
        case [_, id_, "_history", version] if id_[:1] not in _RESERVED:
            return Target(routes.version, id_, version)
        case [_, id_, *rest] if id_[:1] not in _RESERVED and tuple(rest) in routes.compartment:
            return Target(routes.compartment[tuple(rest)], id_)
        case _:
            return Target(UNKNOWN)


def _find_operation(routes: TypeRoutes, parts: list[str]) -> Target:
    match parts:
        case [_, name]:
            return Target(routes.operations.get(name, UNKNOWN))
        case [_, id_, name] if id_[:1] not in _RESERVED and name in routes.instance_operations:
            return Target(routes.instance_operations[name], id_)
        case _:
            return Target(UNKNOWN)


def beside(registry: Registry, operations: Iterable[Operation]) -> list[str]:
    """The types that operations are of by name and that are not served otherwise, such as Bundle."""
    named = {type_ for each in operations for type_ in each.further}
    return sorted(named - registry.served.keys())


_RESERVED = frozenset({"_", "$", ""})  # FHIR's own names in a path start so, and no id does


def unoffered(route: Route, method: str) -> Unoffered:
    """Why a method cannot be used on a route that is there."""
    shown = method if method.isascii() and method.isalpha() else "This method"
    return Unoffered("interaction-not-offered", f"{shown} is not offered for {route.template}.")


def require_id(target: Target, method: str) -> None:
    """Lets an id pass that FHIR allows; no other reaches a database.

    Raises:
        Malformed: a resource cannot be put under this id.
        Missing: no resource can be under this id.
    """
    if is_id(target.id):
        return
    if method == "PUT":
        identity.require_id(target.route.type, target.id)
    what = target.route.type or "job"
    raise Missing("resource-missing", f"There is no {what} with this id: no id looks like it.")

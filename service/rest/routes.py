"""Which request goes where: a table built for every type from the registry.

A path is looked up by its type first, so that an unknown type (404) and an interaction that
a known type does not have (405) are told apart, and nothing generic can shadow a type.

Source: https://hl7.org/fhir/R4/http.html#summary, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.fhir.problems import Missing, Unoffered
from service.fhir.registry import Registry
from service.interactions import identity
from service.interactions.identity import is_id
from service.rest import handlers
from service.rest.handlers import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """A shape of path: its methods, the value of Allow, and whether anybody may come in.

    `template` is what logs and OpenAPI call it, such as `/fhir/Goal/{id}`; `form` says that the
    body is a form of search parameters. `methods` has HEAD wherever it has GET.
    """

    template: str
    type: str
    methods: Mapping[str, Handler]
    form: bool = False
    public: bool = False
    allow: bytes = b""


@dataclass(frozen=True, slots=True)
class Target:
    """A route found, and what of the path was variable."""

    route: Route
    id: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class TypeRoutes:
    """The routes of one resource type."""

    type: Route
    search: Route
    history: Route
    instance: Route
    instance_history: Route
    version: Route


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


def type_routes(type_: str, served: frozenset[str], base: str = "/fhir") -> TypeRoutes:
    """The routes of a type that offers the interactions in `served`."""
    root = f"{base}/{type_}"

    def built(path: str, table: tuple[tuple[str, str, Handler], ...], *, form: bool = False) -> Route:
        methods = {method: handler for code, method, handler in table if code in served}
        return route(root + path, type_, methods, form=form)

    return TypeRoutes(
        type=built("", _TYPE),
        search=built("/_search", (("search-type", "POST", handlers.search),), form=True),
        history=built("/_history", (("history-type", "GET", handlers.history),)),
        instance=built("/{id}", _INSTANCE),
        instance_history=built("/{id}/_history", (("history-instance", "GET", handlers.history),)),
        version=built("/{id}/_history/{version}", (("vread", "GET", handlers.vread),)),
    )


def route(
    template: str, type_: str, methods: Mapping[str, Handler], *, form: bool = False, public: bool = False
) -> Route:
    """A route with HEAD wherever it has GET, and the value of its Allow header."""
    whole = dict(methods)
    if "GET" in whole:
        whole["HEAD"] = whole["GET"]
    return Route(template, type_, whole, form=form, public=public, allow=", ".join(sorted(whole)).encode())


class Table:
    """All routes under the base, found by path."""

    __slots__ = ("_system", "_types")

    def __init__(self, registry: Registry, system: Mapping[str, Route]) -> None:
        """Takes the routes of the system by path relative to the base, such as `metadata`."""
        self._system = dict(system)
        self._types = {type_: type_routes(type_, served) for type_, served in registry.served.items()}

    def find(self, path: str) -> Target:
        """The route of a path relative to the base; UNKNOWN where there is none.

        A slash at the end changes nothing.
        """
        parts = path.strip("/").split("/")
        routes = self._types.get(parts[0])
        if routes is None:
            return Target(self._system.get("/".join(parts), UNKNOWN))
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
            case _:
                return Target(UNKNOWN)

    def missing(self, path: str) -> Missing:
        """Why a path leads nowhere."""
        first, *rest = path.strip("/").split("/")
        if first not in self._types:
            return Missing(
                "type-not-served", f"This server has no resources of type {first!r}; see /fhir/metadata."
            )
        if any(part.startswith("$") for part in rest):
            return Missing("operation-unknown", f"This server has no such operation on {first}.")
        return Missing("path-unknown", f"There is nothing under this path of {first}.")

    @property
    def routes(self) -> list[Route]:
        """Every route, those of the system first."""
        return [
            *self._system.values(),
            *(
                found
                for routes in self._types.values()
                for found in (
                    routes.type,
                    routes.search,
                    routes.history,
                    routes.instance,
                    routes.instance_history,
                    routes.version,
                )
            ),
        ]


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
    raise Missing("resource-missing", f"There is no {target.route.type} with this id: no id looks like it.")

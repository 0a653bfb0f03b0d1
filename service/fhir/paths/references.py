"""References: which type they point to, and the resource behind them.

The type is read off the text of a literal reference (`Patient/1`, an absolute URL) or
the contained resource; only where neither tells is anything looked up.

Source: https://hl7.org/fhir/R4/fhirpath.html#functions (resolve), https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from service.fhir.paths.compiled import Compiled, of_many, of_one
from service.fhir.paths.compiler import Compiler, Invocation
from service.fhir.paths.nodes import Item, Items, Node, Scope, resource_type
from service.fhir.paths.types import BOOLEAN

Resolve = Callable[[str], dict[str, Any] | None]

# `Patient/1`, `http://server/fhir/Patient/1`, `Patient/1/_history/2`; the type is the group.
# Source: https://hl7.org/fhir/R4/references.html#literal
_LITERAL = re.compile(
    r"(?:https?://[^\s?#]+/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?"
)


def literal_type(reference: str) -> str | None:
    """The resource type that the text of a reference names, None where it names none."""
    type_, slash, id_ = reference.partition("/")
    if slash and "/" not in id_ and type_.isalpha() and type_[0].isupper():
        return type_
    match = _LITERAL.fullmatch(reference)
    return None if match is None else match.group(1)


def refers_to(compiler: Compiler, references: Compiled, wanted: str) -> Compiled:
    """Whether the only reference points to a resource of the wanted type; nothing where that cannot be told."""
    model, resolve = compiler.model, compiler.services.resolve
    one = references.one

    def tests(this: Item, scope: Scope) -> bool | None:
        item = one(this, scope)
        if item is None:
            return None
        type_ = _target_type(_json(item), scope, resolve)
        return None if type_ is None else model.is_a(type_, wanted)

    return of_one(tests, BOOLEAN)


def resolved(call: Invocation) -> Compiled:
    """The resources behind references; those that cannot be found are left out."""
    call.compiler.scoped = call.compiler.outward = True
    source, resolve = call.target.many, call.compiler.services.resolve

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        for item in source(this, scope):
            text = _text(_json(item))
            resource = None if text is None else _resource(text, scope, resolve)
            if resource is not None:
                found.append(Node(resource_type(resource, "Resource"), resource))
        return found

    return of_many(many, None, None)


def _json(item: Item) -> Any:
    return item.value if item.__class__ is Node else item


def _text(value: Any) -> str | None:
    """The text of a reference: of a Reference element, or of a uri or canonical."""
    if isinstance(value, dict):
        value = value.get("reference")
    return value if isinstance(value, str) else None


def _target_type(value: Any, scope: Scope, resolve: Resolve | None) -> str | None:
    """The type that a reference points to: as its text says, as the resource behind it says, or as it states."""
    text = _text(value)
    if text is not None:
        type_ = literal_type(text)
        if type_ is None and (resource := _resource(text, scope, resolve)) is not None:
            type_ = resource_type(resource, "Resource")
        if type_ is not None:
            return type_
    stated = value.get("type") if isinstance(value, dict) else None
    return stated if isinstance(stated, str) else None


def _resource(text: str, scope: Scope, resolve: Resolve | None) -> dict[str, Any] | None:
    """The resource that the text points to: contained, in the same Bundle, or found by the service."""
    container = scope.root
    if text.startswith("#"):
        return _contained(text[1:], scope.resource) or _contained(text[1:], container)
    if isinstance(container, dict) and container.get("resourceType") == "Bundle":
        found = _bundled(text, container)
        if found is not None:
            return found
    return None if resolve is None else resolve(text)


def _contained(id_: str, container: Any) -> dict[str, Any] | None:
    """The contained resource of that id; of no id, the container."""
    if not isinstance(container, dict) or not id_:
        return container if isinstance(container, dict) else None
    contained = container.get("contained", ())
    return next(
        (resource for resource in contained if isinstance(resource, dict) and resource.get("id") == id_), None
    )


def _bundled(text: str, bundle: dict[str, Any]) -> dict[str, Any] | None:
    """The resource of the Bundle entry whose fullUrl is, or ends in, the reference."""
    for entry in bundle.get("entry", ()):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        if isinstance(url, str) and isinstance(resource, dict) and (url == text or url.endswith(f"/{text}")):
            return resource
    return None

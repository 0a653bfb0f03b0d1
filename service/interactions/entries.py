"""The entries of a batch or transaction, read: what each asks for, with all that is wrong with it.

Source: https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry, https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from service.access import needs
from service.access.needs import Needs
from service.fhir import codec
from service.fhir.problems import Invalid, Issue, Malformed, Problem
from service.fhir.search.dates import MILLISECOND, instant
from service.interactions.context import Context
from service.interactions.etags import tagged_version
from service.interactions.faults import Faults, entry_path, located
from service.interactions.patch import JsonPatch, Patch, PathPatch
from service.interactions.pauses import breathe
from service.interactions.targets import Target, read_target

_WITH_RESOURCE = frozenset({"POST", "PUT", "PATCH"})
_AT_ONCE = 100  # entries that are asked about together
_FIRST = entry_path(0)
_CONDITIONS = frozenset({"ifNoneExist", "ifMatch", "ifNoneMatch", "ifModifiedSince"})
_CONDITIONS_OF_READING = frozenset({"ifNoneMatch", "ifModifiedSince"})
_KNOWN = {
    "create": frozenset({"ifNoneExist"}),
    "update": frozenset({"ifMatch"}),
    "patch": frozenset({"ifMatch"}),
    "delete": frozenset({"ifMatch"}),
}
_JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    `resource` is the client's own object. `criteria` are those of ifNoneExist, or of the
    address of a change. `if_modified_since` is in milliseconds since 1970.
    """

    index: int
    method: str
    target: Target
    resource: dict[str, Any] | None = None
    full_url: str | None = None
    criteria: str | None = None
    if_match: int | None = None
    if_none_match: int | None = None
    if_modified_since: int | None = None

    @property
    def changes(self) -> bool:
        """Whether it is to change something, rather than to look."""
        return self.method not in {"GET", "HEAD"}

    @property
    def needs(self) -> Needs:
        """The scopes that it takes."""
        return needs.of(self.target.interaction, self.target.type, conditional=self.criteria is not None)

    @property
    def body(self) -> dict[str, Any]:
        """The resource, for interactions that have one."""
        return self.resource or {}


@dataclass(frozen=True, slots=True)
class Reading:
    """All entries that could be read, in order; what is wrong with the others is in `faults`."""

    count: int
    entries: tuple[Entry, ...]
    faults: Faults


async def read_entries(context: Context, bundle: dict[str, Any]) -> Reading:
    """The entries of the Bundle.

    Raises:
        Invalid: the Bundle around its entries breaks rules.
    """
    given = bundle.get("entry", [])
    frame = {name: value for name, value in bundle.items() if name != "entry"}
    issues = context.validator.check(frame if isinstance(given, list) else bundle)
    if any(issue.is_fault for issue in issues):
        raise Invalid.of(issues)
    faults = Faults()
    entries = []
    sound = False
    for index, raw in enumerate(given):
        if index % _AT_ONCE == 0:
            sound = _are_sound(context, frame["type"], given[index : index + _AT_ONCE])
        entry = faults.attempt(index, partial(_read_entry, context, frame["type"], index, raw, sound=sound))
        if entry is not None:
            entries.append(entry)
        await breathe(index)
    return Reading(len(given), tuple(entries), faults)


def _are_sound(context: Context, bundle_type: str, given: list[Any]) -> bool:
    """Whether all is well with entries around their resources: of most Bundles that is so, and asked at once."""
    bare = [_bare(raw) for raw in given]
    found = context.validator.check({"resourceType": "Bundle", "type": bundle_type, "entry": bare})
    return not found and all(isinstance(raw.get("resource", {}), dict) for raw in given)


def _bare(raw: Any) -> Any:
    """An entry without its resource, which is checked when its references are known."""
    return (
        {name: value for name, value in raw.items() if name != "resource"} if isinstance(raw, dict) else raw
    )


def _read_entry(context: Context, bundle_type: str, index: int, raw: Any, *, sound: bool) -> Entry:
    issues = [] if sound else _check_shape(context, bundle_type, index, raw)
    if issues:
        raise Invalid.of(issues)
    request = raw.get("request")
    if request is None:
        raise Malformed(
            "entry-request-absent", "An entry says in request what to do.", entry_path(index, "request")
        )
    method = request["method"]
    resource = raw.get("resource")
    if resource is None and method in _WITH_RESOURCE:
        path = entry_path(index, "resource")
        raise Malformed("entry-resource-absent", f"{method} needs a resource in its entry.", path)
    try:
        target = read_target(context.registry, context.base_url, method, request["url"])
    except Problem as fault:
        raise located(fault, index, "request.url") from None
    return Entry(
        index,
        method,
        target,
        resource,
        raw.get("fullUrl"),
        _criteria(request, target, index),
        _version(request, "ifMatch", index),
        _version(request, "ifNoneMatch", index),
        _milliseconds(request.get("ifModifiedSince")),
    )


def _criteria(request: dict[str, Any], target: Target, index: int) -> str | None:
    """What says which resource is meant, where the entry does not name one.

    Raises:
        Malformed: the request has a condition that its interaction does not know, and passing over it
            could change what the client wanted guarded.
    """
    by_address = (
        target.query if target.interaction in {"update", "patch", "delete"} and not target.id else None
    )
    for condition in _CONDITIONS & request.keys():
        known = condition in _KNOWN.get(target.interaction, _CONDITIONS_OF_READING)
        if not known or (target.interaction == "delete" and by_address is not None):
            text = f"{condition} is no condition of this interaction."
            raise Malformed("entry-condition", text, entry_path(index, f"request.{condition}"))
    return request.get("ifNoneExist", by_address)


def _check_shape(context: Context, bundle_type: str, index: int, raw: Any) -> list[Issue]:
    """What is wrong with an entry around its resource."""
    bare = _bare(raw)
    issues: list[Issue] = []
    if isinstance(raw, dict) and not isinstance(raw.get("resource", {}), dict):
        path = entry_path(index, "resource")
        issues.append(
            Issue("error", "structure", "entry-resource-not-object", "A resource is a JSON object.", path)
        )
    if bare != {}:
        found = context.validator.check({"resourceType": "Bundle", "type": bundle_type, "entry": [bare]})
        issues += [_renumbered(issue, index) for issue in found if issue.is_fault]
    return issues


def _renumbered(issue: Issue, index: int) -> Issue:
    """An issue found in an entry that was checked alone, with its own index."""
    expression = issue.expression
    if expression is None or not expression.startswith(_FIRST):
        return replace(issue, expression=entry_path(index))
    return replace(issue, expression=entry_path(index) + expression[len(_FIRST) :])


def _version(request: dict[str, Any], name: str, index: int) -> int | None:
    tag = request.get(name)
    if tag is None:
        return None
    try:
        return tagged_version(tag)
    except Malformed as fault:
        raise located(fault, index, f"request.{name}") from None


def _milliseconds(text: str | None) -> int | None:
    """The instant in milliseconds since 1970; its form was checked with the Bundle's."""
    range_ = None if text is None else instant(text)
    return None if range_ is None else range_[0] // MILLISECOND


def read_patch(entry: Entry) -> Patch:
    """The patch that an entry carries: FHIRPath Patch as Parameters, or JSON Patch in a Binary.

    Raises:
        Malformed: it carries neither.
    """
    resource = entry.body
    if resource.get("resourceType") == "Parameters":
        return PathPatch(resource)
    if resource.get("resourceType") == "Binary" and resource.get("contentType") == _JSON_PATCH:
        return JsonPatch(read_operations(resource.get("data")))
    text = f"PATCH carries a Parameters resource, or a Binary of {_JSON_PATCH}."
    raise Malformed("entry-patch", text, entry_path(entry.index, "resource"))


def read_operations(data: Any) -> list[Any]:
    """The operations of a JSON Patch document in base64.

    Raises:
        Malformed: there is none that can be read.
    """
    try:
        raw = binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, TypeError, ValueError):
        raise Malformed(
            "entry-patch", "Binary.data of a PATCH is a JSON Patch document in base64.", "Binary.data"
        ) from None
    # The codec reads objects, as every other body is one.
    document = codec.decode(b'{"operations":' + raw + b"}")
    operations = document["operations"]
    if len(document) != 1 or not isinstance(operations, list):
        raise Malformed("entry-patch", "A JSON Patch document is an array of operations.", "Binary.data")
    return operations

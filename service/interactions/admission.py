"""What a resource must pass before it is stored.

The type must be that of the address; the server sets id, version and time; then the
structure and every profile that is due are checked. What hangs on other resources is
`standing`'s. Only faults refuse; warnings travel with the answer.

Source: https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.fhir.problems import Invalid, Issue
from service.fhir.search.subsets import SUBSETTED
from service.fhir.validation.faults import MISSHAPEN
from service.interactions.context import Context
from service.interactions.identity import require_type
from service.outcomes.deidentification import PSEUDED

_SET_BY_SERVER = frozenset({"versionId", "lastUpdated", "_versionId", "_lastUpdated"})


class Admitted(NamedTuple):
    """A resource that may be stored, without version and time; `issues` are warnings."""

    resource: dict[str, Any]
    issues: tuple[Issue, ...] = ()


class Unfit(Invalid):
    """A body that breaks rules. `resource`: as it would have been stored; None where its JSON has not R4's form."""

    resource: dict[str, Any] | None = None


def admit(
    context: Context, type_: str, body: dict[str, Any], id_: str | None, profiles: Sequence[str] = ()
) -> Admitted:
    """The body as it may be stored under `id_` (None: the id is decided later; one in the body is kept).

    It is held to `profiles` besides those that are due.

    The body itself is left as it is, and shares what is not changed.

    Raises:
        Malformed: it is not of `type_`.
        Invalid: it is marked as a part of a resource only, or as de-identified.
        Unfit: it breaks rules; carries every issue found, warnings too.
    """
    require_type(body, type_)
    _require_whole(body)
    _require_original(body)
    resource = _set_by_server(body, id_)
    issues = context.validator.check(resource, profiles)
    first = next((issue for issue in issues if issue.is_fault), None)
    if first is not None:
        unfit = Unfit(first.slug, first.text, first.expression, issues=list(issues))
        if not any(issue.slug in MISSHAPEN for issue in issues):
            unfit.resource = resource
        raise unfit
    return Admitted(resource, tuple(issues))


def _require_whole(body: dict[str, Any]) -> None:
    """Lets a body go on that is a whole resource: to store what a search showed of one would lose the rest.

    Source: https://hl7.org/fhir/R4/search.html#elements
    """
    meta = body.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and SUBSETTED.items() <= tag.items():
            raise Invalid(
                "resource-subsetted",
                "The resource is marked SUBSETTED: elements are missing from it. Read it whole, then change it.",
                f"{body['resourceType']}.meta.tag",
            )


def _require_original(body: dict[str, Any]) -> None:
    """Lets a body go on that is not de-identified: what bears the label is shown to those who may know nobody."""
    meta = body.get("meta")
    labels = meta.get("security") if isinstance(meta, dict) else None
    for label in labels if isinstance(labels, list) else ():
        if isinstance(label, dict) and PSEUDED.items() <= label.items():
            raise Invalid(
                "label-pseudonymised",
                "The resource is labelled PSEUDED: that label is only of what a de-identified export makes.",
                f"{body['resourceType']}.meta.security",
            )


def _set_by_server(body: dict[str, Any], id_: str | None) -> dict[str, Any]:
    resource = dict(body)
    if id_ is not None:
        resource["id"] = id_
    meta = resource.get("meta")
    if isinstance(meta, dict) and not _SET_BY_SERVER.isdisjoint(meta):
        kept = {name: value for name, value in meta.items() if name not in _SET_BY_SERVER}
        if kept:
            resource["meta"] = kept
        else:
            del resource["meta"]
    return resource

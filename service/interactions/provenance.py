"""X-Provenance: a Provenance that arrives beside a change and is stored with it.

Source: https://hl7.org/fhir/R4/provenance.html#header
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.fhir.problems import Issue
from service.interactions.admission import admit
from service.interactions.context import Context
from service.storage.store import Change


def next_version(change: Change) -> int:
    """The number that the change's version gets when it is stored."""
    return 1 if change.before is None else change.before.version + 1


def attest(
    context: Context, provenance: dict[str, Any], changes: Sequence[Change]
) -> tuple[Change, tuple[Issue, ...]]:
    """The change that stores the provenance with the changes' new versions as its targets, and its warnings.

    Raises:
        Malformed: it is no Provenance.
        Invalid: it breaks rules.
    """
    id_ = context.ids()
    admitted = admit(context, "Provenance", {**provenance, "target": _targets(changes)}, id_)
    return Change("Provenance", id_, "POST", None, None, admitted.resource), admitted.issues


def attesting(change: Change, further: Sequence[Change]) -> Change:
    """The change that stores a provenance, which attests these further versions as well."""
    resource = change.resource or {}
    return change._replace(resource={**resource, "target": resource["target"] + _targets(further)})


def _targets(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"reference": f"{one.type}/{one.id}/_history/{next_version(one)}"} for one in changes]

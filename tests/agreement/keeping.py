"""Labels stay on what was written: they go where somebody says that it is open, and not by being left out.

Source: docs/sharing.md («Who writes what»)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.agreement.oracle import Oracle, labels
from tests.agreement.worlds import Step

Json = dict[str, Any]


def all_kept(steps: list[tuple[int, Step]], oracles: Mapping[str, Oracle], tally: Counter[str]) -> list[str]:
    """The faults found: versions whose labels are not those they were given and those they had before.

    `steps` are what was written and when, in order.
    """
    faults: list[str] = []
    had: dict[tuple[str, str, str], frozenset[str]] = {}
    for at, step in steps:
        for type_, id_, resource in step.changes:
            if resource is None:
                continue
            key = (step.locality, type_, id_)
            due = labels(resource) | (frozenset() if _is_open(resource) else had.get(key, frozenset()))
            had[key] = due
            record = oracles[step.locality].records[type_, id_]
            # What was written as it was already is no version more.
            then = [each for each in record.versions if each.at <= at]
            tally["labels"] += 1
            found = labels(record.said(then[-1]))
            if found != due:
                faults.append(f"{key} at {at}: labelled {set(found)}, not {set(due)}")
    return faults


def _is_open(resource: Json) -> bool:
    return any(each["code"] == "N" for each in resource.get("meta", {}).get("security", ()))

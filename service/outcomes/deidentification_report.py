"""The report of a de-identified export: what was done to which elements, and how often; never a value.

Source: docs/deidentification.md; domain facts section 8 (suppression)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from service.fhir.problems import Issue, operation_outcome
from service.outcomes.deidentification import LEFT_OUT
from service.outcomes.deidentification_rules import FEWEST

Counts = Mapping[tuple[str, str], int]
"""By type (or type of a part of one) and what was done to what: how often."""

_BEFORE: Final = Issue(
    "information",
    "informational",
    "export-deidentified",
    "The resources are pseudonymised: they are still data about people, to be kept and used as agreed."
    " Each line below tells of one type what was done to it.",
)


def joined(parts: Iterable[Counts]) -> dict[tuple[str, str], int]:
    """The counts of several tasks, put together."""
    found: dict[tuple[str, str], int] = {}
    for part in parts:
        for key, count in part.items():
            found[key] = found.get(key, 0) + count
    return found


def report(counts: Counts) -> Iterator[dict[str, Any]]:
    """OperationOutcomes: what it is, and then one for each resource type."""
    yield operation_outcome([_BEFORE])
    for _, keys in groupby(sorted(counts), lambda key: key[0].partition(".")[0]):
        yield operation_outcome(list(_of_type({key: counts[key] for key in keys})))


def _of_type(counts: Counts) -> Iterator[Issue]:
    """What is said of one resource type.

    Of what was left out whole neither the reason nor the number is told: forty scores may be of one young person,
    of whom it would be known that they are restricted.
    """
    left_out = {type_ for type_, what in counts if what.startswith(LEFT_OUT)}
    for type_ in left_out:
        yield _said(f"{type_}, some left out: restricted, labelled, or not about one young person")
    for (type_, what), count in counts.items():
        if not what.startswith(LEFT_OUT):
            element, _, how = what.partition(": ")
            number = f"fewer than {FEWEST}" if count < FEWEST else str(count)
            yield _said(f"{type_}.{element} {how}: {number}")


def _said(text: str) -> Issue:
    return Issue("information", "informational", "export-deidentified", f"{text}.")

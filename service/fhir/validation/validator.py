"""Structural validation: every resource against R4's base definitions, all faults in one pass.

The acceptor says in microseconds whether there is anything to say; only if there is, the
walker says it. A test holds the two to one opinion. Profiles, terminology beyond the
value sets that the registry can enumerate, and FHIRPath invariants (ele-1 and ref-1 among
them) are the next issue's; `acceptor` and `walker` say where they join.

Source: https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from service.fhir.validation import faults
from service.fhir.validation.acceptor import Acceptor
from service.fhir.validation.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.fhir.problems import Issue
    from service.fhir.registry import Registry

# A body of 10 MiB can hold millions of faults or warnings. Nobody mends more than these at
# once, and no sound resource has as many warnings.
ISSUES_LISTED: Final = 1000


class Validator:
    """Checks resources of any R4 type, served or not."""

    def __init__(self, registry: Registry) -> None:
        """Takes the registry whose definitions hold."""
        self._acceptor = Acceptor(registry)
        self._walker = Walker(registry, self._acceptor)

    def check(self, resource: dict[str, Any]) -> list[Issue]:
        """Every fault and warning, in the order of the document; empty if there is none."""
        try:
            if self._acceptor.accepts(resource):
                return []
            return listed(self._walker.issues(resource))
        except RecursionError:  # only where the configured depth of JSON is far above its default
            return [faults.nesting_depth()]


def listed(issues: Iterator[Issue]) -> list[Issue]:
    """The issues; if there are more than `ISSUES_LISTED`, that is a fault, and the walk ends there."""
    kept = list(islice(issues, ISSUES_LISTED))
    return kept if next(issues, None) is None else [*kept, faults.issues_cut(ISSUES_LISTED)]

"""Validation: a resource against R4's base definitions and every profile that is due, all faults in one pass.

The acceptor says in microseconds whether the base definitions leave anything to say; only
if they do, the walker says it. A test holds the two to one opinion. Then the resource is
held to profiles, and answers to their Questionnaire.

Source: https://hl7.org/fhir/R4/validation.html, design.md section 6
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance.extensions import Extensions
from service.fhir.conformance.profiles import Profiles
from service.fhir.conformance.resources import Conformance
from service.fhir.guide import Guide
from service.fhir.profiles.snapshots import Structures
from service.fhir.validation import faults
from service.fhir.validation.acceptor import Acceptor
from service.fhir.validation.walker import Walker

if TYPE_CHECKING:
    from service.fhir.problems import Issue
    from service.fhir.registry import Registry
    from service.fhir.terminology import Terminology

# A body of 10 MiB can hold millions of faults or warnings. Nobody mends more than these at
# once, and no sound resource has as many warnings.
ISSUES_LISTED: Final = 1000


class Validator:
    """Checks resources of any R4 type, served or not, one at a time."""

    def __init__(
        self, registry: Registry, guide: Guide | None = None, terminology: Terminology | None = None
    ) -> None:
        """Takes R4's definitions, and the guide whose profiles, extensions and questionnaires hold beside them.

        Raises:
            Uncompilable, SnapshotError: the guide says what cannot be checked.
        """
        guide = guide or Guide()
        self.profiles = Profiles(registry, Structures(registry, guide).find, terminology)
        extensions = Extensions(self.profiles, guide) if len(guide) else None
        self._acceptor = Acceptor(registry, self.profiles.invariants, extensions)
        self._walker = Walker(self._acceptor, extensions)
        self._conformance = Conformance(self.profiles, guide)

    def check(self, resource: dict[str, Any], profiles: Sequence[str] = ()) -> list[Issue]:
        """Every fault and warning; those of the structure in the order of the document; empty if there is none.

        The resource is held to the profiles asked, to those it claims, and to those that it
        must conform to as what it is.
        """
        self.profiles.invariants.containment.forget()
        try:
            found = [] if self._acceptor.accepts(resource) else listed(self._walker.issues(resource))
            is_sound = not any(issue.slug in faults.MISSHAPEN for issue in found)
            further = self._conformance.issues(resource, profiles, sound=is_sound, most=ISSUES_LISTED)
            return listed(iter([*found, *further])) if found or further else []
        except RecursionError:  # only where the configured depth of JSON is far above its default
            return [faults.nesting_depth()]


def listed(issues: Iterator[Issue]) -> list[Issue]:
    """The issues; if there are more than `ISSUES_LISTED`, that is a fault, and the walk ends there."""
    kept = list(islice(issues, ISSUES_LISTED))
    return kept if next(issues, None) is None else [*kept, faults.issues_cut(ISSUES_LISTED)]

"""What in a guide cannot be used: profiles without snapshot, rules that do not compile.

A service starts with all of its guide or not at all. So before artefacts are added, each is
tried here, and everything that stands in the way is named at once.

Source: design.md section 6
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.fhir.conformance.invariants import Uncompilable
from service.fhir.conformance.profiles import Profiles
from service.fhir.profiles.snapshots import SnapshotError, Structures
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator

if TYPE_CHECKING:
    from service.fhir.guide import Guide
    from service.fhir.registry import Registry

# What an artefact that is not even of its own type's form can bring about, wherever it is read first.
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


def unusable(registry: Registry, guide: Guide) -> list[str]:
    """A sentence for each artefact of the guide that keeps it from being used; none where it can be."""
    terminology = Terminology(registry, guide)
    found = list(_uncompilable(Profiles(registry, Structures(registry, guide).find, terminology), guide))
    if found:
        return found
    try:
        Validator(registry, guide, terminology)
    except (Uncompilable, SnapshotError) as fault:
        return [str(fault)]
    except _MALFORMED as fault:
        return [f"The guide cannot be read ({type(fault).__name__})."]
    return []


def _uncompilable(profiles: Profiles, guide: Guide) -> Iterator[str]:
    """Each profile and extension that cannot be compiled by itself, and why."""
    for url in guide.all("StructureDefinition"):
        try:
            profiles.profile(url)
        except (Uncompilable, SnapshotError) as fault:
            yield str(fault)
        except _MALFORMED as fault:
            yield f"{url} cannot be read ({type(fault).__name__})."

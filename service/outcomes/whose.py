"""Whose a resource is: the one young person that it is about, nobody, or several or unknown people.

What is about young people and does not say one Patient of this server is closed: kept by its
author alone. What is about another resource is whose that one is.

Source: ADR 0022, https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from service.outcomes.recognition import Resource
from service.outcomes.references import Locate, Target, target

PATIENT: Final = "Patient"

# Types that are about no young person. Every other type is about one, or closed.
DIRECTORY: Final = frozenset(
    {
        *("Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService"),
        *("Questionnaire", "Measure", "StructureDefinition", "ValueSet", "CodeSystem"),
        *("SearchParameter", "OperationDefinition", "ViewDefinition"),
    }
)

# The elements that say whom or what a resource is about; the first that is there does.
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "RelatedPerson": ("patient",),
    "EpisodeOfCare": ("patient",),
    "Consent": ("patient",),
    "Task": ("for", "focus"),
    "Communication": ("subject", "about"),
    "Provenance": ("target",),
    "Binary": ("securityContext",),
}
_SUBJECT: Final = ("subject",)
# Elements that say what a resource is about, and by that whose it is; the others name the young person.
_INDIRECT: Final = frozenset({"about", "focus", "securityContext", "target"})


class Whose(NamedTuple):
    """`child` is the id of the Patient; without one, `closed` says whether it is about several or unknown people.

    `through` are the resources of this server that it is about besides: it is theirs whose these are.
    Until that is looked up, it is closed.
    """

    child: str | None = None
    closed: bool = False
    through: tuple[Target, ...] = ()


NOBODY: Final = Whose()
CLOSED: Final = Whose(closed=True)


def whose(resource: Resource, locate: Locate) -> Whose:
    """Whose the resource is, as far as it says so itself."""
    type_ = resource.get("resourceType", "")
    if type_ == PATIENT:
        id_ = resource.get("id")
        return Whose(id_) if id_ else CLOSED
    if type_ in DIRECTORY:
        return NOBODY
    for element in _ABOUT.get(type_, _SUBJECT):
        said = resource.get(element)
        if isinstance(said, dict) and element not in _INDIRECT:
            # What is about one, as nearly everything is, is told without a list.
            one = target(said, locate)
            if one is not None and one[0] == PATIENT:
                return Whose(one[1])
        if said:
            return _of([target(each, locate) for each in _each(said)], element in _INDIRECT)
    return CLOSED


def _each(said: Any) -> Iterator[Any]:
    if isinstance(said, list):
        yield from said
    else:
        yield said


def _of(about: list[Target | None], is_indirect: bool) -> Whose:  # noqa: FBT001 - what kind of element said it
    """Whose something is that is about all of these."""
    known = tuple(dict.fromkeys(each for each in about if each is not None))
    if None in about or any(type_ == "" for type_, _ in known):
        return CLOSED
    if is_indirect or any(type_ != PATIENT for type_, _ in known):
        return Whose(closed=True, through=known)
    return Whose(known[0][1]) if len(known) == 1 else CLOSED


def joined(several: list[Whose]) -> Whose:
    """Whose something is that is about all of these: one child's, nobody's where all are, else closed."""
    if not several or any(each.closed for each in several):
        return CLOSED
    children = {each.child for each in several} - {None}
    if len(children) > 1:
        return CLOSED
    return Whose(children.pop()) if children else NOBODY

"""A resource, and those within it, held to every profile that is due, and answers to their Questionnaire.

Source: design.md section 6, https://hl7.org/fhir/R4/profiling.html#resources
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance import faults
from service.fhir.conformance.enforcement import Enforcement, claimed
from service.fhir.conformance.leaves import ANY_TYPE
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Json, Run
from service.fhir.guide import CANONICAL_BASE
from service.fhir.questionnaires import Form

if TYPE_CHECKING:
    from service.fhir.conformance.profiles import Profiles
    from service.fhir.guide import Guide
    from service.fhir.problems import Issue

RESPONSE: Final = "QuestionnaireResponse"
_HOLDERS: Final = ("Bundle", "Parameters")  # compared, as what stands for a type need not be a text


class Conformance:
    """The profiles and questionnaires of a guide, ready to be asked."""

    def __init__(self, profiles: Profiles, guide: Guide) -> None:
        """Takes the profiles, and the guide of which all are compiled here.

        Raises:
            Uncompilable: a profile says what cannot be checked.
        """
        self._profiles = profiles
        self._guide = guide
        self._forms: dict[str, Form] = {}
        self._enforcement = Enforcement(profiles, guide)
        for url in guide.all("StructureDefinition"):
            profiles.profile(url)

    def issues(
        self, resource: Json, asked: Sequence[str] = (), *, sound: bool = True, most: int = sys.maxsize
    ) -> list[Issue]:
        """What is wrong with the resource and those within it, each thing once.

        `asked` are profiles to which the outermost is held as well. `sound`: its JSON has the
        form that its definitions give it, so that expressions can be evaluated. Where there are more than `most`,
        resources further within it are not looked at.
        """
        found: dict[tuple[str, str | None, str], Issue] = {}
        for place, inner, root in _all(resource) if _holds_any(resource) else _alone(resource):
            run = Run(inner, root, sound=sound)
            self._hold(run, place, asked if inner is resource else ())
            for issue in run.issues:
                found.setdefault((issue.slug, issue.expression, issue.text), issue)
            if len(found) > most:
                break
        return list(found.values())

    def _hold(self, run: Run, place: Place, asked: Sequence[str]) -> None:
        """Adds what is wrong with the run's resource to the run."""
        resource = run.resource
        for url in self._enforcement.due(resource, asked, sound=run.sound):
            profile = self._profiles.profile(url)
            if profile is not None:
                self._profiles.check(profile, place, run)
            else:
                run.issues += self._of_other(url, place, resource, is_asked=url in asked)
        if resource.get("resourceType") == RESPONSE:
            form = self._form(run)
            if form is not None:
                terminology = self._profiles.terminology
                contains = terminology.contains if terminology is not None else _nobody_knows
                run.issues += (_moved(issue, place) for issue in form.issues(resource, contains))

    def _of_other(self, url: str, place: Place, resource: Json, *, is_asked: bool) -> Iterator[Issue]:
        """What is to be said of an address that is a type of R4, or nothing that is known here."""
        type_ = self._profiles.type_of(url)
        if type_ is None:
            urls = list(claimed(resource))
            at: Place = (((place, "meta"), "profile"), urls.index(url)) if url in urls else place
            fault = is_asked or url.startswith(CANONICAL_BASE)
            yield faults.profile_unknown(expression(at), url, fault=fault)
        elif type_ not in ANY_TYPE and type_ != resource.get("resourceType"):
            yield faults.profile_type_mismatch(expression(place), url, type_)

    def _form(self, run: Run) -> Form | None:
        """The form that a response answers, from the guide or contained in it; None where it is not known here."""
        canonical = run.resource.get("questionnaire")
        if not isinstance(canonical, str):
            return None
        if canonical.startswith("#"):
            inner = run.contained(canonical[1:])
            is_form = inner is not None and inner.get("resourceType") == "Questionnaire" and run.sound
            return Form(inner) if is_form and inner is not None else None
        if canonical not in self._forms:
            questionnaire = self._guide.find("Questionnaire", canonical)
            if questionnaire is None:
                return None
            self._forms[canonical] = Form(questionnaire, regexes=True)
        return self._forms[canonical]


def _holds_any(resource: Json) -> bool:
    """Whether there may be resources within one: hardly any has others, and every write asks."""
    return "contained" in resource or resource.get("resourceType") in _HOLDERS


def _alone(resource: Json) -> tuple[tuple[Place, Json, Json], ...]:
    """As `_all`, of a resource without others within it."""
    type_ = resource.get("resourceType")
    return ((type_, resource, resource),) if isinstance(type_, str) else ()


def _all(resource: Json) -> Iterator[tuple[Place, Json, Json]]:
    """The resource and all within it: its place, itself, and the resource around it where it is contained."""
    pending: list[tuple[Place, Json, Json]] = [(str(resource.get("resourceType")), resource, resource)]
    while pending:
        place, one, root = pending.pop()
        if isinstance(one.get("resourceType"), str):  # of what does not say what it is nothing can be asked
            yield place, one, root
        pending += reversed(list(_within(place, one)))


def _within(place: Place, resource: Json) -> Iterator[tuple[Place, Json, Json]]:
    """The resources directly within one: contained, or in the entries of a Bundle or Parameters."""
    for index, inner in _objects(resource.get("contained")):
        yield ((place, "contained"), index), inner, resource
    type_ = resource.get("resourceType")
    if type_ == "Bundle":
        for index, entry in _objects(resource.get("entry")):
            held = entry.get("resource")
            if isinstance(held, dict):
                yield (((place, "entry"), index), "resource"), held, held
    elif type_ == "Parameters":
        yield from _parameters(place, resource.get("parameter"), "parameter")


def _parameters(place: Place, given: Any, name: str) -> Iterator[tuple[Place, Json, Json]]:
    for index, parameter in _objects(given):
        at: Place = ((place, name), index)
        held = parameter.get("resource")
        if isinstance(held, dict):
            yield (at, "resource"), held, held
        yield from _parameters(at, parameter.get("part"), "part")


def _objects(given: Any) -> Iterable[tuple[int, Json]]:
    """The objects of what should be an array of them, with their indexes."""
    if not isinstance(given, list):
        return ()
    return ((index, one) for index, one in enumerate(given) if isinstance(one, dict))


def _moved(issue: Issue, place: Place) -> Issue:
    """The issue of a response with its expression from the outermost resource."""
    if place == RESPONSE or issue.expression is None:
        return issue
    return replace(issue, expression=f"{expression(place)}{issue.expression.removeprefix(RESPONSE)}")


def _nobody_knows(_value_set: str, _system: str | None, _code: str) -> bool | None:
    """Where no value set is held, nothing can be said of any code."""
    return None

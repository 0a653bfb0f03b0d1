"""Membership: whether a code is right: in a value set or code system, its display the concept's.

Source: https://hl7.org/fhir/R4/valueset-operation-validate-code.html,
https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.fhir.problems import Invalid
from service.fhir.terminology.descriptions import Described, describe, of_concept

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystem, CodeSystems
    from service.fhir.terminology.extents import Extent

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what was given is right; `message` says why not, or what to heed; `display` is a right one."""

    result: bool
    message: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged: codings, any of which may do; `plain` says that the one coding lacks its system for good.

    `abstract` False refuses concepts that only group others; `language` is that of the display shown.
    """

    codings: Sequence[Json]
    plain: bool = False
    abstract: bool | None = None
    language: str | None = None


def in_value_set(code_systems: CodeSystems, extent: Extent, asked: Asked) -> Verdict:
    """Whether one of the codings is in the value set and right in all that it says.

    Raises:
        Invalid: that cannot be told, since the value set draws on what is not held here.
    """

    def judged(coding: Json) -> Verdict | None:
        return _in_extent(code_systems, extent, coding, asked)

    return _best(
        asked, judged, slug="value-set-not-told", text="The value set draws on what is not held here."
    )


def in_code_system(system: CodeSystem, asked: Asked) -> Verdict:
    """Whether one of the codings is of the code system and right in all that it says.

    Raises:
        Invalid: that cannot be told, since the code system is held in part only.
    """

    def judged(coding: Json) -> Verdict | None:
        return _in_system(system, coding, asked)

    return _best(asked, judged, slug="code-system-in-part", text="The code system is held here in part only.")


def _best(asked: Asked, judged: Callable[[Json], Verdict | None], *, slug: str, text: str) -> Verdict:
    """The verdict on the first coding that is right, else on the first one."""
    verdicts = [judged(coding) for coding in asked.codings]
    for verdict in verdicts:
        if verdict is not None and verdict.result:
            return verdict
    if None in verdicts:
        raise Invalid(slug, text)
    # The most is said of a coding that has its code right and something else wrong.
    said = [verdict for verdict in verdicts if verdict is not None]
    shown = next((verdict for verdict in said if verdict.display is not None), None)
    return shown or next(iter(said), Verdict(result=False, message="There is no coding in it."))


def _in_extent(code_systems: CodeSystems, extent: Extent, coding: Json, asked: Asked) -> Verdict | None:
    code = coding.get("code")
    if code is None:
        return Verdict(result=False, message="The coding has no code.")
    system = coding.get("system", "")
    if asked.plain and not system:
        systems = [other for other, own in extent.sure if own == code]
        if len(systems) > 1:
            return Verdict(result=False, message="Several code systems have the code; say which is meant.")
        if not systems:
            return None if extent.has(None, code) is None else Verdict(result=False, message=NOT_IN_VALUE_SET)
        system = systems[0]
    if not system:
        return Verdict(result=False, message="The coding has no system.")
    held = code_systems.find(system)
    if (wrong := _of_other_version(held, coding)) is not None:
        return wrong
    concept = None if held is None else held.find(code)
    pair = (system, code if concept is None else concept.code)
    has = extent.has(*pair)
    if has:
        described = describe(code_systems, pair, extent.sure[pair], asked.language)
        return _in_all(described, coding, asked, folds_case=held is not None and held.folds_case)
    if held is not None and held.is_whole and concept is None:
        return Verdict(result=False, message=NOT_IN_CODE_SYSTEM)
    return None if has is None else Verdict(result=False, message=NOT_IN_VALUE_SET)


NOT_IN_VALUE_SET = "The code is not in the value set."
NOT_IN_CODE_SYSTEM = "The code system has no such code."


def _in_system(system: CodeSystem, coding: Json, asked: Asked) -> Verdict | None:
    code = coding.get("code")
    if code is None:
        return Verdict(result=False, message="The coding has no code.")
    if coding.get("system", system.url) != system.url:
        return Verdict(result=False, message="The coding is of another code system.")
    if (wrong := _of_other_version(system, coding)) is not None:
        return wrong
    concept = system.find(code)
    if concept is None:
        return Verdict(result=False, message=NOT_IN_CODE_SYSTEM) if system.is_whole else None
    described = of_concept(system, concept, asked.language)
    return _in_all(described, coding, asked, folds_case=system.folds_case)


def _of_other_version(system: CodeSystem | None, coding: Json) -> Verdict | None:
    """The verdict on a coding that is of another version of the code system than the one held."""
    version = coding.get("version")
    if system is None or version is None or system.version in {None, version}:
        return None
    return Verdict(
        result=False, message=f"Of the code system, version {system.version} is held here, no other."
    )


def _in_all(concept: Described, coding: Json, asked: Asked, *, folds_case: bool) -> Verdict:
    """The verdict on a coding, the code of which is right."""
    if concept.abstract and asked.abstract is False:
        return Verdict(
            result=False,
            message="The concept only groups others; choose one of those.",
            display=concept.display,
        )
    display = coding.get("display")
    if display is not None and concept.displays and not concept.is_called(display, folds_case=folds_case):
        return Verdict(
            result=False,
            message=f'The display is not one of the concept; "{concept.display or concept.displays[0]}" is.',
            display=concept.display,
        )
    hints = []
    if concept.inactive:
        hints.append("The concept is inactive.")
    if display is not None and not concept.displays:
        hints.append("The display was not checked: none is held here.")
    return Verdict(result=True, message=" ".join(hints) or None, display=concept.display)

"""Extraction: what a completed response says, and the Observations that it brings.

A response to one of our forms is the record of what somebody said; the scores in it are
what is counted. So each rated goal, and each complete CollaboRATE response, is an
Observation as well: taken from the response, of the same day, encounter and person, under
an id that is a function of the response, so that taking it twice makes one.

Who answered decides the code. A score under one of SNOMED CT's goal codes counts nationally
as the young person's own voice, so that nobody else's is ever given one of these.

Source: ADR 0016; domain facts sections 1, 2.1, 2.4 and 4 (scales, codes, raters), 6.5 (extraction),
9 (0 is a score; corrected answers take their observations with them)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from service.fhir.problems import Issue
from service.outcomes.collaborate_scores import Scored, score_of
from service.outcomes.recognition import (
    COLLABORATE,
    GOAL_SCORES,
    GOAL_SESSION,
    LOINC,
    OURS,
    SCALES,
    SNOMED,
    Resource,
)
from service.outcomes.references import Locate, Target, child, target
from service.outcomes.responses import items
from service.outcomes.series import (
    BASELINE_LEVEL,
    CLINICIAN,
    LEVEL,
    LEVEL_OF_ANSWER,
    OTHER,
    PARENT_OR_CARER,
    RATERS,
    SCORE,
    YOUNG_PERSON,
    Rater,
    rater_of_performer,
)

Json = dict[str, Any]
Kind = Literal["score", "level", "collaborate"]
CodeSet = Literal["goal-tool", "progress-chart"]

COLLABORATE_SCORE: Final = "collaborate"
CODE_SETS: Final[tuple[CodeSet, ...]] = ("goal-tool", "progress-chart")

_SOURCE: Final = "QuestionnaireResponse.source"

# A response is said for good; what is in progress, stopped or void brings nothing. Source: domain facts section 6.5
AMENDED: Final = "amended"
SAID_FOR_GOOD: Final = frozenset({"completed", AMENDED})

# The form that a response answers: goals, or CollaboRATE by the top of its scale.
_TOPS: Final[Mapping[str, int]] = {
    f"{OURS}/Questionnaire/collaborate-{name}": top for name, top in SCALES.items()
}
FORMS: Final = frozenset({GOAL_SESSION, *_TOPS})

# The young person's own score, by code set and slot. Source: domain facts section 2.1
_OWN_CODES: Final[Mapping[CodeSet, tuple[str, Mapping[int, str]]]] = {
    "goal-tool": (
        "Goal-Based Outcomes tool goal progress chart - goal {} score",
        {1: "1638531000000102", 2: "1638541000000106", 3: "1638551000000109"},
    ),
    "progress-chart": (
        "Goal Progress Chart - Child/Young Person - goal {} score",
        {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"},
    ),
}
# Anybody else's. Source: CodeSystem goal-score
_OTHERS_CODES: Final[Mapping[Rater, tuple[str, str]]] = {
    PARENT_OR_CARER: ("parent-rated-goal-score", "Goal score rated by a parent or carer"),
    CLINICIAN: ("clinician-rated-goal-score", "Goal score rated by a clinician"),
    OTHER: ("other-rated-goal-score", "Goal score rated by somebody else"),
}
# A goal's level after its first. LOINC has none for raters beside these. Source: domain facts section 2.4
_FOLLOW_UPS: Final[Mapping[Rater, str]] = {
    YOUNG_PERSON: "107334-5",
    PARENT_OR_CARER: "107331-1",
    CLINICIAN: "107333-7",
}
_ANSWER_OF_LEVEL: Final[Mapping[int, str]] = {level: code for (_, code), level in LEVEL_OF_ANSWER.items()}

# The items of CollaboRATE by linkId, and what else its score says. Source: CodeSystem collaborate
_ITEMS: Final[Mapping[str, str]] = {
    "understand": "Effort to help understand the issue",
    "listen": "Effort to listen to what matters most",
    "include": "Effort to include what matters most in what happens next",
}
_SCALES: Final[Mapping[int, tuple[str, str]]] = {
    9: ("scale-0-9", "Ten points from 0 to 9"),
    4: ("scale-0-4", "Five points from 0 to 4"),
}

_SURVEY: Final = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "survey",
            "display": "Survey",
        }
    ]
}
# Source: domain facts section 2.5
_UNIT: Final = {"unit": "score", "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"}
# Where a goal's rating stands, by the ending of its question and its kind.
_ELEMENTS: Final[tuple[tuple[Kind, str], ...]] = ((SCORE, "valueDecimal"), (LEVEL, "valueInteger"))
# Whom an address elsewhere leads to. Source: https://hl7.org/fhir/R4/references.html#literal
_PERSON: Final = re.compile(r"(?:^|/)(Patient|RelatedPerson|Practitioner|PractitionerRole)/[^/]+\Z", re.ASCII)
# What is kept of a Reference: a display may hold a name or a goal's words, and is in the response.
_KEPT: Final = ("reference", "type", "identifier")


class Saying(NamedTuple):
    """One thing that a response says and that is counted: a goal's rating, or a CollaboRATE score.

    `about` names the goal (its address, or `system|value`), and is empty for CollaboRATE; `goal`
    is where its address leads. `by` is the person who said it, None where nobody can be told. `value` has the digits that were written; 0 is a value.
    `place` is where the response says it.
    """

    kind: Kind
    about: str
    rater: Rater
    by: Target | None
    place: str
    value: Decimal | int | Scored
    goal: Target | None = None
    focus: Resource | None = None
    slot: int | None = None
    items: tuple[int, ...] = ()


def is_ours(response: Resource) -> bool:
    """Whether a QuestionnaireResponse answers one of the forms that Observations are taken from."""
    return form_of(response) in FORMS


def form_of(response: Resource) -> str:
    """The address of the form that a response answers, without its version; empty where it says none."""
    form = response.get("questionnaire")
    return form.partition("|")[0] if isinstance(form, str) else ""


def sayings(response: Resource, locate: Locate) -> tuple[Saying, ...]:
    """What a response says that is counted, in its order; () where it is not said for good or is no form of ours."""
    if response.get("status") not in SAID_FOR_GOOD:
        return ()
    form = form_of(response)
    if form == GOAL_SESSION:
        return tuple(_ratings(response, locate))
    if form in _TOPS:
        return tuple(_scored(response, _TOPS[form], locate))
    return ()


def rater_of(response: Resource, locate: Locate) -> tuple[Rater, Target | None]:
    """Who answered, by their part and as a person: `source`, else `author`."""
    return rater({"performer": _answered_by(response)}, locate)


def rater(resource: Resource, locate: Locate) -> tuple[Rater, Target | None]:
    """Who an Observation's performer is; the part of somebody kept elsewhere is known by their address."""
    found, person = rater_of_performer(resource, locate)
    elsewhere = _PERSON.search(person[1]) if found == OTHER and person is not None else None
    if elsewhere is not None:
        found = rater_of_performer({"performer": [{"type": elsewhere[1]}]}, locate)[0]
    return found, person


def _answered_by(response: Resource) -> list[Resource]:
    by = response.get("source", response.get("author"))
    return [] if by is None else [by]


def address(reference: Any, locate: Locate) -> str:
    """What tells one goal from another: its address, else `system|value`; empty where there is neither."""
    leads_to = target(reference, locate)
    if leads_to is not None:
        return "/".join(filter(None, leads_to))
    identifier = reference.get("identifier") if isinstance(reference, dict) else None
    if not identifier or "value" not in identifier:
        return ""
    return f"{identifier.get('system', '')}|{identifier['value']}"


def _ratings(response: Resource, locate: Locate) -> Iterator[Saying]:
    answers = _answers(response)
    rater, by = rater_of(response, locate)
    for slot in (1, 2, 3):
        focus, _ = answers.get(f"goal-{slot}.goal", ({}, ""))
        reference = focus.get("valueReference")
        about = address(reference, locate)
        for kind, element in _ELEMENTS:
            answer, place = answers.get(f"goal-{slot}.{kind}", ({}, ""))
            if about and element in answer:
                goal = target(reference, locate)
                yield Saying(kind, about, rater, by, place, answer[element], goal, reference, slot)


def _answers(response: Resource) -> dict[str, tuple[Resource, str]]:
    """The first answer to each question that is answered, with its place."""
    return {
        item["linkId"]: (item["answer"][0], f"{place}.answer[0].value")
        for item, place in items(response, "QuestionnaireResponse")
        if item.get("answer")
    }


def _scored(response: Resource, top: int, locate: Locate) -> Iterator[Saying]:
    answers = _answers(response)
    given = [answers.get(link, ({}, ""))[0].get("valueInteger") for link in _ITEMS]
    scored = score_of(given, top)
    if scored is not None:
        rater, by = rater_of(response, locate)
        answered = tuple(item for item in given if item is not None)
        yield Saying(COLLABORATE_SCORE, "", rater, by, "QuestionnaireResponse", scored, items=answered)


def can_be_taken(response: Resource, said: Sequence[Saying], locate: Locate) -> list[Issue]:
    """What keeps the Observations of a response from saying what it says."""
    issues: list[Issue] = []
    if not said:
        return issues
    source, about = target(response.get("source"), locate), child(response, locate)
    if source is not None and source[0] == "Patient" and about is not None and source != about:
        text = (
            "A Patient who answers is the young person that this is about; anybody else is a RelatedPerson."
        )
        issues.append(_refused(slug="response-of-another-child", text=text, place=_SOURCE))
    if any(saying.kind == LEVEL and saying.rater not in _FOLLOW_UPS for saying in said):
        text = "A level's code says who gave it: say in source.type whether a Patient, RelatedPerson or Practitioner."
        issues.append(_refused(slug="level-rater-unknown", text=text, place=_SOURCE))
    rated: set[str] = set()
    for saying in said:
        if saying.about in rated:
            text = "The goal is rated twice in this response; one person rates a goal once at a time."
            issues.append(_refused(slug="goal-rated-twice", text=text, place=saying.place))
        rated.add(saying.about)
    return issues


def _refused(*, slug: str, text: str, place: str) -> Issue:
    return Issue("error", "business-rule", slug, text, place)


def observation(response: Resource, saying: Saying, codes: CodeSet, *, is_first: bool = False) -> Json:
    """The Observation, without id, of what a response says.

    `codes` is the set that a young person's own scores are coded in; `is_first`: it is the
    goal's first level.

    Source: profiles gbo-score, gas-score and collaborate-score
    """
    made: Json = {"resourceType": "Observation"}
    security = response.get("meta", {}).get("security")
    if security:
        # Whoever may not see the answers may not see what was taken from them.
        made["meta"] = {"security": security}
    made["status"] = AMENDED if response.get("status") == AMENDED else "final"
    made["category"] = [_SURVEY]
    made["code"] = _code(saying, codes, is_first=is_first)
    for element in ("subject", "encounter"):
        if element in response:
            made[element] = _kept(response[element])
    if saying.focus is not None:
        made["focus"] = [_kept(saying.focus)]
    if "authored" in response:
        made["effectiveDateTime"] = response["authored"]
    by = [_kept(reference) for reference in _answered_by(response)]
    if by:
        made["performer"] = by
    made |= value_of(saying)
    if "id" in response:
        made["derivedFrom"] = [{"reference": f"QuestionnaireResponse/{response['id']}"}]
    return made


def _kept(reference: Resource) -> Json:
    return {name: reference[name] for name in _KEPT if name in reference}


def _code(saying: Saying, codes: CodeSet, *, is_first: bool) -> Json:
    if saying.kind == COLLABORATE_SCORE:
        return _concept(COLLABORATE, "collaborate-mean", "CollaboRATE mean of three items")
    if saying.kind == LEVEL:
        code = BASELINE_LEVEL[1] if is_first else _FOLLOW_UPS.get(saying.rater, _FOLLOW_UPS[PARENT_OR_CARER])
        return {"coding": [{"system": LOINC, "code": code}]}
    if saying.rater == YOUNG_PERSON and saying.slot is not None:
        display, by_slot = _OWN_CODES[codes]
        return _concept(SNOMED, by_slot[saying.slot], display.format(saying.slot))
    return _concept(GOAL_SCORES, *_OTHERS_CODES.get(saying.rater, _OTHERS_CODES[OTHER]))


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def value_of(saying: Saying) -> Json:
    """The elements of an Observation that say the value of what was said."""
    match saying.value:
        case Scored() as scored:
            components: list[Json] = [
                {"code": _concept(COLLABORATE, item, _ITEMS[item]), "valueInteger": given}
                for item, given in zip(_ITEMS, saying.items, strict=True)
            ]
            top = _concept(COLLABORATE, "all-at-top", "All three items at the top of the scale")
            components.append({"code": top, "valueBoolean": scored.all_at_top})
            return {
                "valueQuantity": {"value": scored.mean, **_UNIT},
                "method": _concept(COLLABORATE, *_SCALES[scored.top]),
                "component": components,
            }
        case level if saying.kind == LEVEL:
            answer = {"system": LOINC, "code": _ANSWER_OF_LEVEL[int(level)]}
            return {"valueCodeableConcept": {"coding": [answer]}}
        case score:
            return {"valueQuantity": {"value": score, **_UNIT}}


def order(saying: Saying) -> int:
    """Where a rater stands among those who rate at the same time: the young person is first."""
    return RATERS.index(saying.rater)


def id_of(response_id: str, kind: str, *parts: str, generation: int = 0) -> str:
    """The id of what is taken from a response: a UUID of version 8, the same whenever it is taken.

    `parts` tell it from others of its kind, such as the goal. `generation` counts those before it
    that were entered in error, which stay so.

    Source: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
    """
    # No part can hold the separator: ids, codes and addresses have no control characters.
    text = "\0".join((response_id, kind, *parts, str(generation)))
    return uuid_of(hashlib.sha256(text.encode()).digest())


def uuid_of(digest: bytes) -> str:
    """A UUID of version 8 of the first 122 bits that the digest gives.

    Source: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
    """
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def observation_id(response_id: str, saying: Saying, generation: int = 0) -> str:
    """The id of the Observation of what a response says."""
    return id_of(response_id, saying.kind, saying.about, generation=generation)

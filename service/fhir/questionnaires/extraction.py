"""Observation-based extraction: the Observations that the answers to a Questionnaire are.

The Questionnaire says which: `observationExtract` on it, on an item or on one of the item's
codes, with the code and, where a number has one, the unit. A flag or category holds for the
items below until one of them says otherwise.

Source: https://hl7.org/fhir/uv/sdc/extraction.html#observation-based-extraction, docs/interpretations.md
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from service.fhir.problems import Issue
from service.fhir.questionnaires.extensions import Json, extensions, first, of_kind
from service.fhir.questionnaires.extractable import CATEGORY, EXTRACT, UNIT, as_value

Relation = Literal["", "component", "member"]
# Source: CodeSystem observation-extract-relationship of SDC
RELATIONS: Final[frozenset[str]] = frozenset({"component", "member"})

# What an Observation may be part of, of what a response may be part of.
# Source: https://hl7.org/fhir/R4/observation-definitions.html#Observation.partOf
_PARTS: Final = frozenset({"Procedure"})
# Whoever answers or writes down may be a device, which performs no Observation.
# Source: https://hl7.org/fhir/R4/observation-definitions.html#Observation.performer
_NO_PERFORMERS: Final = frozenset({"Device"})
# issued is an instant: a dateTime to the second, with its offset.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Spot:
    """Which answer an Observation is: the item's linkId, its how-manieth item in the response, and its answer."""

    link: str
    item: int
    answer: int


IdOf = Callable[[Spot], str]


@dataclass(frozen=True, slots=True)
class Extraction:
    """The Observations of a response, each with the spot that it comes from; and what could not be taken."""

    observations: tuple[tuple[Spot, Json], ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is taken of an item: `codes` is empty where nothing is. `within` are the items in it, by linkId."""

    codes: tuple[Json, ...]
    categories: tuple[Json, ...]
    relation: Relation
    unit: Json | None
    is_group: bool
    within: Mapping[str, Question]


def extract(questionnaire: Json, response: Json, id_of: IdOf) -> Extraction:
    """The Observations of a complete response to the Questionnaire, in the order of the response.

    `id_of` says under which id the Observation of a spot goes. The response is sound, and fits
    the Questionnaire; items that this does not have are passed over.
    """
    taking = _Taking(_shared(response), id_of)
    taking.walk(questions_of(questionnaire), response, "QuestionnaireResponse", None)
    return Extraction(tuple(taking.made), tuple(taking.issues))


def spots(questionnaire: Json, response: Json) -> dict[Spot, None]:
    """The answers, and groups, of a response that are Observations, in order: the keys, without values."""
    found = extract(questionnaire, response, lambda spot: f"{spot.link} {spot.item} {spot.answer}")
    return dict.fromkeys(spot for spot, _ in found.observations)


def questions_of(questionnaire: Json) -> Mapping[str, Question]:
    """What is taken of the items at the top of a Questionnaire, by linkId."""
    given = extensions(questionnaire)
    flag, categories = _flag(given), tuple(of_kind(given, dict, CATEGORY))
    return _questions(questionnaire, flag, categories)


def _questions(holder: Json, flag: str, categories: tuple[Json, ...]) -> dict[str, Question]:
    """The questions of the items in a Questionnaire or item; of two with one linkId, which R4 forbids, the first."""
    found: dict[str, Question] = {}
    for item in holder.get("item", ()):
        found.setdefault(item.get("linkId", ""), _question(item, flag, categories))
    return found


_NOT: Final = "false"
_ALONE: Final = "true"


def _flag(given: Mapping[str, list[Any]]) -> str:
    """What observationExtract says: true, false, component or member; empty where it is absent."""
    said = next(iter(given.get(EXTRACT, ())), None)
    match said:
        case bool():
            return _ALONE if said else _NOT
        case str() if said in RELATIONS:
            return said
        case _:
            return ""


def _question(item: Json, above: str, categories: tuple[Json, ...]) -> Question:
    given = extensions(item)
    # What stands within an item that is not extracted is not, whatever it says itself.
    flag = _NOT if above == _NOT else _flag(given) or above
    own = tuple(of_kind(given, dict, CATEGORY)) or categories
    tagged = [code for code in item.get("code", ()) if _flag(extensions(code)) not in {"", _NOT}]
    said = flag or (_flag(extensions(tagged[0])) if tagged else _NOT)
    codes = () if said == _NOT else tuple(map(_coding, tagged or item.get("code", ())))
    relation: Relation = "component" if said == "component" else "member" if said == "member" else ""
    return Question(
        codes=codes,
        categories=own,
        relation=relation,
        unit=first(given, dict, UNIT),
        is_group=item.get("type") == "group",
        within=_questions(item, flag, own),
    )


def _coding(code: Json) -> Json:
    """The code without what it says about extraction."""
    kept = [each for each in code.get("extension", ()) if each.get("url") != EXTRACT]
    plain = {name: value for name, value in code.items() if name != "extension"}
    return {"extension": kept, **plain} if kept else plain


@dataclass(slots=True)
class _Taking:
    """One extraction under way; `shared` is what all its Observations have in common."""

    shared: Json
    id_of: IdOf
    made: list[tuple[Spot, Json]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def walk(self, questions: Mapping[str, Question], holder: Json, place: str, parent: Json | None) -> None:
        """Takes the items of the response, a group or an answer; `parent` is the Observation that they are within."""
        for number, item in enumerate(holder.get("item", ())):
            link = item.get("linkId", "")
            question = questions.get(link)
            if question is None:
                continue
            self.seen[link] += 1
            spot, here = Spot(link, self.seen[link], 0), f"{place}.item[{number}]"
            if question.is_group:
                self._group(question, item, here, spot, parent)
            else:
                self._answers(question, item, here, spot, parent)

    def _group(self, question: Question, item: Json, place: str, spot: Spot, parent: Json | None) -> None:
        """A group is an Observation only where others are its components or members."""
        if not question.codes:
            self.walk(question.within, item, place, parent)
            return
        index = len(self.made)
        whole = self._observation(question, None)
        self.walk(question.within, item, place, whole)
        if "component" in whole or "hasMember" in whole:
            self._place(question, spot, whole, parent, index)

    def _answers(self, question: Question, item: Json, place: str, spot: Spot, parent: Json | None) -> None:
        for number, answer in enumerate(item.get("answer", ())):
            here = f"{place}.answer[{number}]"
            value = as_value(answer, question.unit) if question.codes else None
            if question.codes and value is None and any(name.startswith("value") for name in answer):
                text = "An answer of this type is no value of an Observation; it is not extracted."
                self.issues.append(
                    Issue("warning", "not-supported", "extract-value-type", text, f"{here}.value")
                )
            at = Spot(spot.link, spot.item, number)
            if value is None:
                self.walk(question.within, answer, here, parent)
            elif question.relation == "component" and parent is not None:
                parent.setdefault("component", []).append({"code": {"coding": list(question.codes)}, **value})
                self.walk(question.within, answer, here, parent)
            else:
                index = len(self.made)
                one = self._observation(question, value)
                self.walk(question.within, answer, here, one)
                self._place(question, at, one, parent, index)

    def _observation(self, question: Question, value: Json | None) -> Json:
        categories = {"category": list(question.categories)} if question.categories else {}
        code = {"code": {"coding": list(question.codes)}}
        return {
            "resourceType": "Observation",
            "id": "",  # it has one once it is sure to be kept
            **self.shared,
            **categories,
            **code,
            **(value or {}),
        }

    def _place(self, question: Question, spot: Spot, one: Json, parent: Json | None, index: int) -> None:
        """Keeps an Observation before what was found within it, and names it where it is a member."""
        one["id"] = self.id_of(spot)
        self.made.insert(index, (spot, one))
        if parent is not None and question.relation:
            parent.setdefault("hasMember", []).append({"reference": f"Observation/{one['id']}"})


def _shared(response: Json) -> Json:
    """What every Observation of the response has from it.

    Source: https://hl7.org/fhir/uv/sdc/extraction.html#observation-based-extraction; the performer is
    who answered, who may be another than wrote it down: docs/interpretations.md
    """
    found: Json = {"status": "final"}
    for name in ("basedOn", "subject", "encounter"):
        if name in response:
            found[name] = response[name]
    if parts := [each for each in response.get("partOf", ()) if _type_of(each) in _PARTS]:
        found["partOf"] = parts
    authored = response.get("authored")
    if authored is not None:
        found["effectiveDateTime"] = authored
        if _INSTANT.fullmatch(authored):
            found["issued"] = authored
    performer = response.get("source") or response.get("author")
    if performer is not None and _type_of(performer) not in _NO_PERFORMERS:
        found["performer"] = [performer]
    return found | _source(response)


def _source(response: Json) -> Json:
    """Where the Observations come from: the response by its id, else by its identifier."""
    if "id" in response:
        return {"derivedFrom": [{"reference": f"QuestionnaireResponse/{response['id']}"}]}
    if "identifier" in response:
        return {"derivedFrom": [{"type": "QuestionnaireResponse", "identifier": response["identifier"]}]}
    return {}


def _type_of(reference: Json) -> str:
    literal = reference.get("reference", "").partition("/_history/")[0].rsplit("/", 2)
    return literal[-2] if len(literal) > 1 else str(reference.get("type", ""))

"""CollaboRATE: ten points from 0 to 9 or five from 0 to 4, never both in one response.

No conversion between the two is published, and their tops do not mean the same.

Source: domain facts section 4 (the two scales may not be mixed)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from service.fhir.problems import Issue
from service.outcomes.recognition import COLLABORATE, Resource, codings, named_scales
from service.outcomes.references import Locate, Target
from service.outcomes.responses import items
from service.outcomes.scores import targets
from service.outcomes.statuses import IN_ERROR


@dataclass(frozen=True, slots=True)
class Answers:
    """What the rules look at in a response: the scales that it says, by their top, and where it says a second one."""

    scales: frozenset[int]
    place: str
    is_in_error: bool = False


@dataclass(frozen=True, slots=True)
class CollaborateScore:
    """What the rules look at in a CollaboRATE score: the scales that it says, and the responses it comes from."""

    id: str
    scales: frozenset[int]
    sources: tuple[Target, ...] = ()
    is_in_error: bool = False


def read_answers(resource: Resource) -> Answers:
    """What the rules look at in a QuestionnaireResponse.

    A scale is said by the form (its address), or by an item: its linkId, or the address of its definition.
    """
    scales = named_scales([resource.get("questionnaire", "")])
    place = "QuestionnaireResponse.questionnaire"
    for item, here in items(resource, "QuestionnaireResponse"):
        said = named_scales([item.get("linkId", ""), item.get("definition", "")])
        if len(scales | said) > len(scales) and scales:
            place = here
        scales |= said
    return Answers(scales, place, resource.get("status") == IN_ERROR)


def read_collaborate_score(resource: Resource, locate: Locate) -> CollaborateScore:
    """What the rules look at in an Observation that is a CollaboRATE score."""
    return CollaborateScore(
        id=resource.get("id", ""),
        scales=named_scales(_codes(resource)),
        sources=tuple(source for source, _ in targets(resource, "derivedFrom", locate)),
        is_in_error=resource.get("status") == IN_ERROR,
    )


def _codes(resource: Resource) -> Iterator[str]:
    for system, code in codings(resource.get("method")):
        if system == COLLABORATE:
            yield code


def one_scale_a_response(answers: Answers) -> list[Issue]:
    """The issue of a response that holds answers on both scales."""
    if answers.is_in_error or len(answers.scales) < 2:
        return []
    text = "A response is given on one CollaboRATE scale, 0 to 9 or 0 to 4; this one mixes the two."
    return [Issue("error", "business-rule", "collaborate-scales-mixed", text, answers.place)]


def scored_as_answered(
    score: CollaborateScore, responses: Mapping[Target, Answers], siblings: Iterable[CollaborateScore]
) -> list[Issue]:
    """The issue of a score on another scale than its response, or than another score of the same response."""
    if score.is_in_error:
        return []
    answered = [responses[source] for source in score.sources if source in responses]
    others = [sibling.scales for sibling in siblings if _is_sibling(score, sibling)]
    said = [answers.scales for answers in answered if not answers.is_in_error] + others
    if len(score.scales.union(*said)) < 2:
        return []
    text = "The response that this comes from was given, or scored, on the other CollaboRATE scale."
    return [Issue("error", "business-rule", "collaborate-scales-mixed", text, "Observation.method")]


def _is_sibling(score: CollaborateScore, other: CollaborateScore) -> bool:
    return other.id != score.id and not other.is_in_error and not set(score.sources).isdisjoint(other.sources)


def keeps_its_scores(answers: Answers, scores: Iterable[CollaborateScore]) -> list[Issue]:
    """The issue of a response that, as it shall be, is on another scale than the scores that came from it."""
    if answers.is_in_error or not answers.scales:
        return []
    if all(score.is_in_error or score.scales <= answers.scales for score in scores):
        return []
    text = "There are scores of this response on the other CollaboRATE scale."
    return [Issue("error", "business-rule", "response-scored-on-another-scale", text, answers.place)]

"""What becomes of a response's Observations when it, or one of them, is written.

A response that stands has one Observation for each thing that it says: one that was taken
from it, or one that a client wrote itself with `derivedFrom` the response, which then is the
one. What is corrected in the response is corrected in its Observation; what the response no
longer says is retracted, and stays readable as entered in error.

Source: ADR 0016; domain facts section 9 (corrected answers retract their observations),
https://hl7.org/fhir/R4/valueset-observation-status.html
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeGuard

from service.fhir.problems import Issue
from service.outcomes.extraction import (
    AMENDED,
    COLLABORATE_SCORE,
    SAID_FOR_GOOD,
    CodeSet,
    Kind,
    Saying,
    address,
    observation,
    rater,
    sayings,
    value_of,
)
from service.outcomes.recognition import LOINC, Resource, codings, is_collaborate_score, is_goal_score
from service.outcomes.references import Locate, Target
from service.outcomes.scores import targets
from service.outcomes.series import BASELINE_LEVEL, CLINICIAN, LEVEL, RATER_OF_CODE, SCORE, YOUNG_PERSON
from service.outcomes.statuses import IN_ERROR

Json = dict[str, Any]

RESPONSE: Final = "QuestionnaireResponse"

# An Observation says for good what it says. Source: https://hl7.org/fhir/R4/valueset-observation-status.html
_FOR_GOOD: Final = frozenset({"final", AMENDED, "corrected"})
_AMENDED_ALREADY: Final = frozenset({AMENDED, "corrected"})

# Raters who are one series together, whoever the person is. Source: service/outcomes/series.py
_ONE_VOICE: Final = frozenset({YOUNG_PERSON, CLINICIAN})

# What an Observation says beside its value, element by element, as it is taken from a response.
_TAKEN: Final = (
    "code",
    "subject",
    "focus",
    "encounter",
    "effectiveDateTime",
    "performer",
)
_VALUES: Final = ("valueQuantity", "valueCodeableConcept", "method", "component")
# What is no longer true of another value.
_OTHER_VALUES: Final = ("dataAbsentReason", "interpretation")


class Taken(NamedTuple):
    """An Observation that is derived from a response and rates a goal, or is a CollaboRATE score.

    `about`, `rater` and `by` as in `Saying`. `sources` are the responses that it is derived from.
    """

    id: str
    kind: Kind
    about: str
    rater: str
    by: Target | None
    sources: frozenset[Target]
    resource: Resource

    @property
    def is_in_error(self) -> bool:
        """Whether it was retracted."""
        return self.resource.get("status") == IN_ERROR

    def rates(self, about: str) -> bool:
        """Whether it rates that goal, and was not retracted."""
        return self.about == about and not self.is_in_error

    @property
    def is_for_good(self) -> bool:
        """Whether it counts: it is neither unfinished nor taken back."""
        return self.resource.get("status") in _FOR_GOOD


@dataclass(frozen=True, slots=True)
class Writing:
    """A client's own change of an Observation: what it was taken for before, and what it will be (None: nothing)."""

    id: str
    before: Taken | None
    after: Taken | None

    def is_about(self, saying: Saying) -> bool:
        """Whether it was, or will be, about what a response says."""
        return any(
            each is not None and _is_about(each, saying, {each.rater}) for each in (self.before, self.after)
        )

    @property
    def keeps_its_link(self) -> bool:
        """Whether it says of the same responses, by the same person, what it did before."""
        before, after = self.before, self.after
        if before is None or after is None or before.is_in_error or after.is_in_error:
            return False
        return (before.about, before.rater, before.sources) == (after.about, after.rater, after.sources)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a response's Observations come to.

    `revised` are new contents of those that are stored; the others of them stand as they are.
    `missing` is what the response says that no Observation does. `issues` are faults of the
    client's own Observations, by their ids.
    """

    revised: tuple[Json, ...] = ()
    missing: tuple[Saying, ...] = ()
    issues: tuple[tuple[str, Issue], ...] = ()


def read_taken(resource: Resource | None, locate: Locate) -> Taken | None:
    """What an Observation rates, or scores, and the responses that it comes from; None for any other."""
    if resource is None:
        return None
    if is_collaborate_score(resource):
        kind: Kind = COLLABORATE_SCORE
        about = ""
    elif is_goal_score(resource):
        kind = LEVEL if any(system == LOINC for system, _ in codings(resource.get("code"))) else SCORE
        about = next((found for each in resource.get("focus", ()) if (found := address(each, locate))), "")
    else:
        return None
    sources = frozenset(source for source, _ in targets(resource, "derivedFrom", locate))
    responses = frozenset(source for source in sources if source[0] == RESPONSE)
    by_code = (RATER_OF_CODE.get(coding) for coding in codings(resource.get("code")))
    by_performer, by = rater(resource, locate)
    rated = next((each for each in by_code if each is not None), by_performer)
    return Taken(resource["id"], kind, about, rated, by, responses, resource)


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it was and as it will be; None where there is none, or it is deleted.

    `said` is what it will say.
    """

    id: str
    before: Resource | None
    after: Resource | None
    said: Sequence[Saying]

    @property
    def then(self) -> Resource:
        """What it was; nothing at all where it was not."""
        return self.before or {}

    @property
    def now(self) -> Resource:
        """What it will be; nothing at all where it will not be."""
        return self.after or {}

    def is_source_of(self, taken: Taken | None) -> bool:
        """Whether an Observation is derived from it."""
        return taken is not None and (RESPONSE, self.id) in taken.sources

    @property
    def is_void(self) -> bool:
        """Whether whatever was taken from it is no longer true: it is entered in error, or was deleted."""
        if self.after is None:
            return self.before is not None and self.before.get("status") in SAID_FOR_GOOD
        return self.after.get("status") == IN_ERROR


def reckon(
    response: Response,
    stored: Iterable[Taken],
    written: Sequence[Writing],
    codes: CodeSet,
    locate: Locate,
) -> Reckoning:
    """What becomes of the Observations of a response.

    `stored` are those in the store that no client writes along with it, `written` those that one does.
    """
    said_before = _once(sayings(response.then, locate))
    alive = sorted((each for each in stored if not each.is_in_error), key=lambda each: each.id)
    mine = [
        each for each in written if response.is_source_of(each.before) or response.is_source_of(each.after)
    ]
    reckoned = _Reckoning(response, said_before, alive, mine, codes)
    for saying in _once(response.said):
        reckoned.take(saying)
    reckoned.retract_the_rest()
    return Reckoning(tuple(reckoned.revised), tuple(reckoned.missing), tuple(reckoned.issues))


@dataclass(frozen=True, slots=True)
class _Reckoning:
    """A reckoning on its way, saying by saying."""

    response: Response
    said_before: Sequence[Saying]
    alive: Sequence[Taken]
    written: Sequence[Writing]
    codes: CodeSet
    used: set[str] = field(default_factory=set)
    revised: list[Json] = field(default_factory=list)
    missing: list[Saying] = field(default_factory=list)
    issues: list[tuple[str, Issue]] = field(default_factory=list)

    def take(self, saying: Saying) -> None:
        """Finds the Observation of one thing that the response says, and puts it right."""
        former = next((each for each in self.said_before if each.about == saying.about), None)
        raters = {each.rater for each in (saying, former) if each is not None}
        own = [each.after for each in self.written if self._says(each.after, saying, raters)]
        held = [each for each in self.alive if _is_about(each, saying, raters)]
        self.used.update(each.id for each in held)
        self.used.update(each.id for each in own)
        if own:
            self.issues.extend(_judge_own(own, held, saying))
            return
        lost = [each for each in self.written if self._says(each.before, saying, raters)]
        if lost and not held:
            self.issues.append((lost[0].id, _held()))
            return
        best = min(held, key=lambda each: _preference(each, saying), default=None)
        if best is None or best.kind != saying.kind:
            self.missing.append(saying)
            best = None
        else:
            new = _corrected(best, self.response, former, saying, self.codes)
            self.revised.extend([] if new is None else [new])
        self.revised.extend(_retracted(each) for each in held if each is not best)

    def retract_the_rest(self) -> None:
        """Retracts what the response says no longer; what a client writes of that is at fault."""
        for taken in self.alive:
            if taken.id not in self.used and self._is_no_longer_said(taken):
                self.revised.append(_retracted(taken))
        for writing in self.written:
            after = writing.after
            if after is None or after.is_in_error or writing.id in self.used:
                continue
            if self.response.is_source_of(after) and self._is_no_longer_said(after):
                self.issues.append((writing.id, _differs()))

    def _says(self, taken: Taken | None, saying: Saying, raters: Container[str]) -> TypeGuard[Taken]:
        """Whether an Observation says, or is to say, what this response does."""
        if taken is None or taken.is_in_error or not self.response.is_source_of(taken):
            return False
        return _is_about(taken, saying, raters)

    def _is_no_longer_said(self, taken: Taken) -> bool:
        """Whether an Observation that stands for nothing in the response came from what it said."""
        if self.response.is_void:
            return len(taken.sources) == 1
        return any(_is_about(taken, saying, {saying.rater}) for saying in self.said_before)


def _once(said: Sequence[Saying]) -> tuple[Saying, ...]:
    """What a response says, each goal once."""
    return tuple({saying.about: saying for saying in reversed(said)}.values())[::-1]


def _is_alike(one: Kind, other: Kind) -> bool:
    """Whether both rate a goal, in whichever way, or both are CollaboRATE scores."""
    return (one == COLLABORATE_SCORE) == (other == COLLABORATE_SCORE)


def _is_about(taken: Taken, saying: Saying, raters: Container[str]) -> bool:
    if taken.about != saying.about or not _is_alike(taken.kind, saying.kind):
        return False
    # A response has one CollaboRATE score, whoever it says answered.
    return saying.kind == COLLABORATE_SCORE or taken.rater in raters


def _judge_own(own: Sequence[Taken], held: Sequence[Taken], saying: Saying) -> Iterator[tuple[str, Issue]]:
    """What is wrong with the client's own Observations of one thing that the response says."""
    for number, taken in enumerate(own):
        if not _is_said(taken, saying):
            yield taken.id, _differs()
        if number or held:
            yield taken.id, _extracted_already()


def _is_said(taken: Taken, saying: Saying) -> bool:
    """Whether an Observation says for good what the response says."""
    return taken.is_for_good and _is_by(taken, saying) and _has_value(taken.resource, saying)


def _is_by(taken: Taken, saying: Saying) -> bool:
    """Whether an Observation is by who said it: two parents are two, and staff may stand for each other."""
    if taken.rater != saying.rater:
        return False
    are_told_apart = saying.rater not in _ONE_VOICE and None not in {taken.by, saying.by}
    return taken.by == saying.by or not are_told_apart


def _has_value(resource: Resource, saying: Saying) -> bool:
    wanted = value_of(saying)
    match saying.kind:
        case "collaborate":
            return _components(resource) == _components(wanted) and _codes(resource, "method") == _codes(
                wanted, "method"
            )
        case "level":
            return _codes(resource, "valueCodeableConcept") >= _codes(wanted, "valueCodeableConcept")
        case _:
            quantity = resource.get("valueQuantity", {})
            return "comparator" not in quantity and quantity.get("value") == saying.value


def _codes(resource: Resource, element: str) -> set[tuple[str, str]]:
    return set(codings(resource.get(element)))


def _components(resource: Resource) -> set[tuple[str, Any]]:
    """The items of a CollaboRATE score and what they were answered with."""
    return {
        (code, component["valueInteger"])
        for component in resource.get("component", ())
        for _, code in codings(component.get("code"))
        if "valueInteger" in component
    }


def _preference(taken: Taken, saying: Saying) -> tuple[bool, bool, bool, str]:
    """What decides between several Observations of one thing: the one that says it for good, in its kind, already."""
    return taken.kind != saying.kind, not taken.is_for_good, not _has_value(taken.resource, saying), taken.id


def _corrected(
    taken: Taken, response: Response, former: Saying | None, saying: Saying, codes: CodeSet
) -> Json | None:
    """The Observation with what was corrected in its response; None where it says that already.

    What the client wrote into it beside that, such as a note, stays, and so does the code set.
    """
    is_first = BASELINE_LEVEL in _codes(taken.resource, "code")
    after = observation(response.now, saying, codes, is_first=is_first)
    before = {} if former is None else observation(response.then, former, codes, is_first=is_first)
    elements = [] if former is None else [name for name in _TAKEN if before.get(name) != after.get(name)]
    if not _has_value(taken.resource, saying):
        elements += [name for name in _VALUES if name not in elements]
    if not _is_by(taken, saying):
        elements += ["code", "performer"]
    is_secured = _security(before) != _security(after)
    if not elements and not is_secured and taken.is_for_good:
        return None
    new = {name: value for name, value in taken.resource.items() if name not in elements}
    new |= {name: after[name] for name in elements if name in after}
    if not set(_VALUES).isdisjoint(elements):
        for name in _OTHER_VALUES:
            new.pop(name, None)
    if is_secured:
        new["meta"] = _with_security(new.get("meta", {}), _security(before), _security(after))
    new["status"] = _status_after(taken, after)
    return new


def _security(resource: Resource) -> list[Any]:
    found: list[Any] = resource.get("meta", {}).get("security", [])
    return found


def _with_security(meta: Json, before: list[Any], after: list[Any]) -> Json:
    """The meta with the response's labels; those that the client set itself stay."""
    own = [label for label in meta.get("security", ()) if label not in before and label not in after]
    kept = {name: value for name, value in meta.items() if name != "security"}
    labels = [*after, *own]
    return {**kept, "security": labels} if labels else kept


def _status_after(taken: Taken, after: Json) -> str:
    if not taken.is_for_good:
        status: str = after["status"]
        return status
    return taken.resource["status"] if taken.resource["status"] in _AMENDED_ALREADY else AMENDED


def _retracted(taken: Taken) -> Json:
    return {**taken.resource, "status": IN_ERROR}


def _differs() -> Issue:
    text = "The response that this is taken from says otherwise. Correct the response: its scores follow it."
    return _broken(slug="score-differs-from-response", text=text, place="Observation.value")


def _extracted_already() -> Issue:
    text = "There is a score of this goal from this response already, and it must not count twice."
    return _broken(slug="score-extracted-already", text=text, place="Observation.derivedFrom")


def _held() -> Issue:
    text = "The response that this was taken from stands. Correct the response: its scores follow it."
    return _broken(slug="score-held-by-response", text=text, place="Observation")


def _broken(*, slug: str, text: str, place: str) -> Issue:
    return Issue("error", "business-rule", slug, text, place)

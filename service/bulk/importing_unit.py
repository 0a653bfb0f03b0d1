"""One unit of an import: lines are resources that are put where their ids, or identifiers, say.

A line is validated, decided and permitted by the very functions of an update. What is wrong with some
lines is told of each, and they drop out; all others are stored together, or none of them. Where one that
dropped out is referred to by others, these drop out with it.

Source: ADR 0026, https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from service.access import needs
from service.access.seeing import sight
from service.fhir import codec
from service.fhir.problems import Conflict, Invalid, Malformed, Problem
from service.fhir.search.escapes import escape
from service.interactions.admission import Admitted, admit
from service.interactions.context import Act, Context
from service.interactions.criteria import find_one
from service.interactions.decisions import Decision, settle
from service.interactions.identity import is_id, require_offered
from service.interactions.pauses import breathe
from service.interactions.permission import require_choice, unfitting
from service.interactions.standing import Standing, examine
from service.interactions.update import brought_back, named, plan
from service.storage.store import Change, Expectation, Key, Notice, Stored

INTERACTION: Final = "import"
"""By what the audit tells of versions that were imported."""
NOT_THERE: Final = "reference-missing"
"""The slug of a reference to what is not here: what it leads to may still come with a later line."""

_CORE: Final = "http://hl7.org/fhir/StructureDefinition"
_READ_AT_ONCE: Final = 500
"""Units: keys. Databases bound the number of parameters in one statement; this stays far below."""

Json = dict[str, Any]
# By type, and whether an identifier says which resource is meant.
Allowed = dict[tuple[str, bool], Problem | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an NDJSON file. `file` counts the files from 0 on, `number` the lines of each from 1 on."""

    file: int
    number: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of the lines of a unit. `refused` are those with faults, in the order of the lines."""

    created: int
    updated: int
    unchanged: int
    refused: tuple[tuple[Line, Problem], ...] = ()

    @property
    def stored(self) -> int:
        """How many of the lines are in the store now."""
        return self.created + self.updated + self.unchanged


class _Sound(NamedTuple):
    """A line whose resource may be stored by itself. `id` is None where an identifier says which one is meant."""

    line: Line
    type: str
    id: str | None
    criteria: str
    admitted: Admitted
    new_id: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a unit comes to: the decisions of those lines that can stand, and the faults of the others."""

    decisions: tuple[Decision, ...]
    refused: Mapping[int, Problem]
    conditions: tuple[Expectation, ...] = ()
    relied_on: tuple[Stored, ...] = ()
    beside: tuple[Change, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all lines."""
        return tuple(change for decision in self.decisions for change in decision.changes)

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What every condition was decided on."""
        return self.conditions

    @property
    def notices(self) -> tuple[Notice, ...]:
        """None: what is imported is no news to anybody."""
        return ()


async def store(context: Context, act: Act, lines: Sequence[Line], at: int | None = None) -> Imported:
    """Stores what can be stored of the lines, all of it in one unit.

    The same lines stored again give no new versions. The lines are of the moment `at`, in milliseconds since
    1970: what somebody has changed since then, they do not change back. None: they are of now.

    Raises:
        Conflict: others keep changing the same resources; nothing was stored.
        Unavailable: the store cannot take it; nothing was stored.
    """
    unfit: dict[int, Problem] = {}
    sound: list[_Sound] = []
    allowed: Allowed = {}
    for done, line in enumerate(lines):
        try:
            sound.append(_sound(context, act, line, allowed))
        except Problem as problem:
            unfit[done] = problem
        await breathe(done)
    places = {id(line): place for place, line in enumerate(lines)}
    needed = needs.together(_needs(each) for each in sound)
    eyes = context.seen_by(act, sight(context.registry, act.caller, needed), context.seen)

    async def decide() -> _Plan:
        return await _decide(eyes, act, sound, at)

    # Nobody is told of it but by the end of its task, which waits for the disk, and brings there what came before.
    found, _ = await settle(eyes, act, INTERACTION, decide, awaited=False)
    refused = unfit | {places[id(sound[at].line)]: problem for at, problem in found.refused.items()}
    changed = [decision.changes[0] for decision in found.decisions if decision.changes]
    created = sum(change.before is None or change.former is None for change in changed)
    return Imported(
        created,
        len(changed) - created,
        len(found.decisions) - len(changed),
        tuple((lines[place], refused[place]) for place in sorted(refused)),
    )


def _sound(context: Context, act: Act, line: Line, allowed: Allowed) -> _Sound:
    """The line's resource, admitted; `allowed` remembers why the caller may not put any of a type.

    Raises:
        Problem: it is no resource, or none that may be stored here.
    """
    body = codec.decode(line.raw)
    type_ = body.get("resourceType")
    if not isinstance(type_, str):
        raise Malformed("import-no-resource", "The line is no resource: it has no resourceType.")
    id_ = body.get("id")
    asked = (type_, id_ is None)
    if asked not in allowed:
        allowed[asked] = _refusal_of(context, act, *asked)
    refusal = allowed[asked]
    if refusal is not None:
        raise refusal
    if id_ is None:
        criteria = _criteria(type_, body)
        return _Sound(line, type_, None, criteria, admit(context, type_, body, None), context.ids())
    if isinstance(id_, str) and not is_id(id_):
        text = "An id is 1 to 64 of the characters A-Z, a-z, 0-9, - and dot."
        raise Malformed("id-malformed", text, f"{type_}.id")
    return _Sound(line, type_, id_, "", admit(context, type_, body, None), "")


def _refusal_of(context: Context, act: Act, type_: str, conditional: bool) -> Problem | None:  # noqa: FBT001 - a key
    """Why the caller may not put resources of the type, `conditional` where an identifier says which."""
    try:
        require_offered(context.registry, type_, "update")
        needs.require(act.caller, needs.of("update", type_, conditional=conditional))
    except Problem as problem:
        return problem
    return None


def _needs(sound: _Sound) -> needs.Needs:
    return needs.of("update", sound.type, conditional=sound.id is None)


def _criteria(type_: str, body: Json) -> str:
    """The criteria that say which resource a line without id is: its first identifier.

    Raises:
        Invalid: it has none; put again, it would be stored again.
    """
    identifiers = body.get("identifier")
    if isinstance(identifiers, dict):
        identifiers = [identifiers]
    for each in identifiers if isinstance(identifiers, list) else ():
        if isinstance(each, dict) and isinstance(value := each.get("value"), str):
            system = each.get("system")
            said = f"{escape(system) if isinstance(system, str) else ''}|{escape(value)}"
            return f"identifier={quote(said, safe='')}"
    text = "A resource that is imported has an id, or an identifier with a value, by which it is found again."
    raise Invalid("import-unidentified", text, f"{type_}.id")


async def _decide(context: Context, act: Act, sound: Sequence[_Sound], at: int | None) -> _Plan:
    refused: dict[int, Problem] = {}
    conditions: list[Expectation] = []
    planned = await _planned(context, act, sound, refused, conditions)
    refused |= _overtaken(planned, at)
    while True:
        decisions = {place: decision for place, decision in planned.items() if place not in refused}
        changes = [change for decision in decisions.values() for change in decision.changes]
        standing = await examine(context, act, changes)
        broken = _broken(context, act, decisions, standing)
        if not broken:
            break
        refused |= broken
    return _Plan(
        tuple(decisions.values()),
        refused,
        (*conditions, *standing.expectations),
        standing.relied_on,
        standing.brought,
    )


def _broken(
    context: Context, act: Act, decisions: Mapping[int, Decision], standing: Standing
) -> dict[int, Problem]:
    """Why lines cannot stand beside what is there, and beside each other."""
    found: dict[int, Problem] = {}
    for place, decision in decisions.items():
        for change in decision.changes:
            issues = standing.of(change)
            problem = unfitting(context, act, change) or standing.refusals.get((change.type, change.id))
            if problem is not None:
                found[place] = problem
            elif any(issue.is_fault for issue in issues):
                found[place] = Invalid.of(list(issues))
    return found


async def _planned(
    context: Context,
    act: Act,
    sound: Sequence[_Sound],
    refused: dict[int, Problem],
    conditions: list[Expectation],
) -> dict[int, Decision]:
    """What becomes of each line, by its place."""
    current = await _current(context, act, [(each.type, each.id) for each in sound if each.id is not None])
    planned: dict[int, Decision] = {}
    taken: dict[Key, int] = {}
    for place, each in enumerate(sound):
        try:
            id_, before = await _meant(context, act, each, current, conditions)
            first = taken.setdefault((each.type, id_), place)
            if first != place:
                raise repeated(sound[first].line.file, sound[first].line.number)
            admitted = each.admitted if each.id is not None else named(each.admitted, id_)
            labelled = await brought_back(context, act, before, admitted)
            planned[place] = plan(each.type, id_, before, labelled, None)
        except Problem as problem:
            refused[place] = problem
        await breathe(place)
    return planned


def _overtaken(planned: Mapping[int, Decision], at: int | None) -> dict[int, Problem]:
    """The refusals of lines whose resources somebody has changed since the moment that the lines are of."""
    if at is None:
        return {}
    text = "Somebody has changed or deleted the resource since the import was asked for; it stays as it is."
    return {
        place: Conflict("import-overtaken", text)
        for place, decision in planned.items()
        if any(change.before is not None and change.before.updated > at for change in decision.changes)
    }


async def _current(context: Context, act: Act, keys: Sequence[Key]) -> dict[Key, Stored]:
    found: dict[Key, Stored] = {}
    for start in range(0, len(keys), _READ_AT_ONCE):
        found |= await context.store.read_many(act.caller.locality, keys[start : start + _READ_AT_ONCE])
    return found


async def _meant(
    context: Context, act: Act, sound: _Sound, current: Mapping[Key, Stored], conditions: list[Expectation]
) -> tuple[str, Stored | None]:
    """The id of the resource that a line is, and its version in the store.

    Raises:
        Precondition: several have its identifier.
        Missing, Conflict: nothing that the caller sees has the id, and they may not choose it.
    """
    if sound.id is None:
        match, expectation = await find_one(context, act, sound.type, sound.criteria)
        conditions.append(expectation)
        return (sound.new_id, None) if match is None else (match.id, match)
    before = current.get((sound.type, sound.id))
    if before is None:
        before = await require_choice(context, act, sound.type, sound.id)
    return sound.id, before


def repeated(file: int, number: int) -> Conflict:
    """The refusal of a line that is the resource of an earlier one, of which it takes the numbers."""
    text = f"Line {number} of file {file + 1} is the same resource."
    return Conflict("import-repeated", text)


def located(problem: Problem, line: Line, name: str) -> Json:
    """The OperationOutcome of a line's faults, each with where the line stands: the file's name, and its number.

    Source: https://hl7.org/fhir/extensions/StructureDefinition-operationoutcome-issue-line.html
    """
    place = [
        {"url": f"{_CORE}/operationoutcome-issue-source", "valueString": name},
        {"url": f"{_CORE}/operationoutcome-issue-line", "valueInteger": line.number},
    ]
    where = f"{name}, line {line.number}"
    issues = [
        {"extension": place, **issue.outcome(), "diagnostics": f"{where}: {issue.text}"}
        for issue in problem.issues
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}

"""hand-over: another person, or another agency, coordinates a young person's plan from a day on.

In one transaction the plan ends and its successor begins, the team around it has its new
coordinator, and a Communication and a notice tell both agencies. Of those who hand over the same
plan at once, or again, one succeeds.

Source: domain facts section 5, section 9 (trap 15), docs/operations/hand-over.md, ADR 0017
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.parameters import Input
from service.fhir.problems import Conflict, Forbidden, Invalid, Issue
from service.fhir.search.expressions import Reference
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.decisions import Decision, settle, stand
from service.interactions.holders import may_know
from service.interactions.preconditions import require_version
from service.interactions.read import require_current
from service.interactions.surroundings import Surroundings
from service.operations.operation import Call, Operation
from service.operations.succession import (
    Written,
    admitted,
    coordinated_teams,
    day_given,
    moved_on,
    permission_wanted,
    require_coordinator,
    shown,
    teams_of,
)
from service.outcomes import handovers, plans, recognition, successions
from service.outcomes.days import text_of_day, uk_day, uk_time
from service.outcomes.successions import Succession
from service.storage.store import Notice

if TYPE_CHECKING:
    from service.outcomes.plans import Plan
    from service.outcomes.references import Locate

CARE_PLAN: Final = "CarePlan"
_ORGANIZATION: Final = "Organization"
# What is new: the plan, and for each of two agencies at most a message and a notice.
_AGENCIES: Final = 2
_NAMES: Final = {"CareTeam": "care-team", "Communication": "communication"}

INPUTS: Final = (
    Input("coordinator", "Reference", required=True),
    Input("agency", "Reference", required=True),
    Input("date", "date"),
    Input("reviewDate", "date"),
    Input("reason", "string"),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for; the ids of what will be new stay the same however often it is decided.

    Units: `now` in milliseconds since 1970.
    """

    id: str
    if_match: int | None
    coordinator: Json
    agency: Json
    day: str
    review: str | None
    reason: str | None
    now: int
    plan_id: str
    message_ids: tuple[str, ...]
    notice_ids: tuple[str, ...]

    def succession(self, plan: Json) -> Succession:
        """Who coordinates from when on; the plan's own day of review stays where the call says none."""
        review = self.review or successions.review_date(plan) or ""
        return Succession(self.coordinator, self.agency, self.day, review)


async def hand_over(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the new plan, the one that ended, the team, and what the agencies are told.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such plan.
        Precondition: If-Match names another version of the plan.
        Conflict: the plan is not running any more, or others keep changing it.
        Invalid: it is no THRIVE plan, or the handover breaks rules.
        Forbidden: another agency coordinates the plan, or a part of it is withheld from the caller.
    """
    asked = read(context, call)

    async def decide() -> Decision:
        return await _decide(context, act, asked)

    decision, stored = await settle(context, act, "hand-over", decide)
    new, ended, *others = stored
    entries = [("plan", new), ("former-plan", ended), *((_NAMES[other.type], other) for other in others)]
    return Answer(200, document=codec.encode(shown(entries, decision.issues)))


def read(context: Context, call: Call) -> Asked:
    """What the call asks for.

    Raises:
        Malformed: a day is none, or a reference leads to nobody who can coordinate.
    """
    inputs = call.inputs
    [coordinator], [agency] = inputs.all("coordinator"), inputs.all("agency")
    require_coordinator(coordinator, agency, Addresses(context.registry, context.base_url).target)
    now = context.clock()
    return Asked(
        call.id,
        call.if_match,
        coordinator,
        agency,
        day_given(inputs, "date") or text_of_day(uk_day(now)),
        day_given(inputs, "reviewDate"),
        inputs.one("reason"),
        now,
        context.ids(),
        tuple(context.ids() for _ in range(_AGENCIES)),
        tuple(context.ids() for _ in range(_AGENCIES)),
    )


async def _decide(context: Context, act: Act, asked: Asked) -> Decision:
    locate = Addresses(context.registry, context.base_url).target
    current = await context.store.read(act.caller.locality, CARE_PLAN, asked.id)
    before = require_current(current, CARE_PLAN, asked.id)
    require_version(CARE_PLAN, asked.id, before, asked.if_match)
    resource = content(before)
    if not recognition.is_thrive_plan(resource):
        text = "Only a THRIVE plan is handed over: one that says who coordinates it."
        raise Invalid("hand-over-no-thrive-plan", text, "CarePlan.extension")
    plan = plans.read_plan(resource, locate)
    if before.withheld:
        # What is left of it would be written back, and answers would tell what was taken out.
        text = "A part of the plan is withheld from you, so that you cannot hand it over."
        raise Forbidden("withheld-unchanged", text)
    if not plan.is_running:
        raise await _ended(context, act, plan)
    _require_coordinating(context, act, plan)
    now = asked.succession(resource)
    faults = handovers.may_be_handed_over(plan, now, uk_day(asked.now), locate)
    if faults:
        raise Invalid.of(faults)
    teams = coordinated_teams(await teams_of(context, act, resource, locate), now, locate, plan.agency)
    ended = handovers.ended_plan(resource, now, asked.reason, uk_time(asked.now))
    new = successions.successor(resource, asked.plan_id, now, "replaces")
    messages, notices = await _told(context, act, asked, (ended, new), locate)
    written = [Written(new), Written(ended, before, resource), *teams, *map(Written, messages)]
    changes, issues = admitted(context, written)
    if not teams:
        issues = (*issues, _without_team())
    issues = (*issues, *await permission_wanted(context, act, new, locate))
    try:
        return await stand(context, act, Decision(200, changes, issues=issues, notices=notices))
    except Invalid:
        if await moved_on(context, act, before):
            return await _decide(context, act, asked)
        raise


def _require_coordinating(context: Context, act: Act, plan: Plan) -> None:
    """Lets the agency go on that coordinates the plan, and those who see everything.

    Raises:
        Forbidden: another agency coordinates it.
    """
    sight = context.store.sight
    if sight is None or sight.every or plan.agency == (_ORGANIZATION, act.caller.agency):
        return
    text = "The agency that coordinates a plan hands it over. Another one asks it to."
    raise Forbidden("hand-over-by-another-agency", text)


async def _ended(context: Context, act: Act, plan: Plan) -> Conflict:
    """The refusal of handing over a plan that is not followed, with its successor for those who may know of it."""
    text = "The plan is not active or on hold (any more), so that there is nothing to hand over."
    around = Surroundings(context, act, ())
    for successor in await around.glance(CARE_PLAN, Reference("replaces", CARE_PLAN, plan.id)):
        other = plans.read_plan(successor, around.addresses.target)
        if other.child == plan.child and await may_know(other.agency, other.child, around):
            text = f"{text} Another took its place. {plans.who_coordinates(other)}"
            break
    return Conflict("hand-over-plan-ended", text, "CarePlan.status")


async def _told(
    context: Context, act: Act, asked: Asked, ended_and_new: tuple[Json, Json], locate: Locate
) -> tuple[list[Json], tuple[Notice, ...]]:
    """The Communication to each agency, and the notice of it, where the agency is one of this server."""
    words = handovers.words(successions.agency_of(ended_and_new[0]), asked.agency, locate)
    own = await context.store.read(act.caller.locality, _ORGANIZATION, act.caller.agency)
    sender = None if own is None or own.deleted else {"reference": f"{_ORGANIZATION}/{own.id}"}
    at = uk_time(asked.now)
    messages, notices = [], []
    for word, message_id, notice_id in zip(words, asked.message_ids, asked.notice_ids, strict=False):
        messages.append(handovers.message(word, message_id, ended_and_new, sender, asked.reason, at))
        if word.target is not None and word.target[0] == _ORGANIZATION:
            notices.append(Notice(notice_id, word.target[1], word.event, ("Communication", message_id)))
    return messages, tuple(notices)


def _without_team() -> Issue:
    text = "The plan has no care team here that is at work, so that no coordinator changed in one."
    return Issue("information", "informational", "hand-over-without-team", text, "CarePlan.careTeam")


OPERATION: Final = Operation(
    name="hand-over",
    definition=f"{recognition.OURS}/OperationDefinition/hand-over",
    summary="Another person or agency coordinates the plan from a day on; both agencies are told.",
    types=frozenset({CARE_PLAN}),
    levels=frozenset({"instance"}),
    readable=frozenset(),
    needs=(("", "ru"),),
    inputs=INPUTS,
    perform=hand_over,
    guarded=True,
)

"""reopen: a re-referral takes an ended episode of care up again, and with it, if asked, an ended plan.

Source: issue 5 (re-referral that reopens rather than starts again), docs/operations/reopen.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.parameters import Input
from service.fhir.problems import Conflict, Forbidden, Invalid, Issue, Malformed
from service.fhir.search.expressions import And, Or, Reference, Token
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
    require_led_to,
    shown,
    teams_of,
)
from service.outcomes import episodes, plans, recognition, successions
from service.outcomes.days import days_of, text_of_day, uk_day
from service.outcomes.successions import Succession

if TYPE_CHECKING:
    from service.outcomes.episodes import Episode
    from service.outcomes.references import Locate, Target
    from service.storage.store import Stored

EPISODE: Final = "EpisodeOfCare"
_REFERRAL: Final = "ServiceRequest"
_PLAN: Final = "CarePlan"
_NAMES: Final = {EPISODE: "episode", _PLAN: "plan", "CareTeam": "care-team"}

INPUTS: Final = (
    Input("referral", "Reference", required=True),
    Input("date", "date"),
    Input("plan", "Reference"),
    Input("coordinator", "Reference"),
    Input("agency", "Reference"),
    Input("reviewDate", "date"),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for; the id of a plan that will be new stays the same however often it is decided.

    `referral` and `plan` are where the references lead. Units: `today` as Python's date ordinal.
    """

    call: Call
    referral: Target
    plan: Target | None
    day: str
    review: str | None
    today: int
    plan_id: str

    @property
    def ordinal(self) -> int:
        """The day as Python's date ordinal."""
        days = days_of(self.day)
        return 0 if days is None else days.first


async def reopen(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the episode, and the plan and team that were taken up again with it.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such episode.
        Precondition: If-Match names another version of the episode.
        Conflict: the episode has not ended, or others keep changing it.
        Invalid: reopening breaks rules.
        Forbidden: the caller may not change the episode, or a part of the plan is withheld from them.
    """
    asked = read(context, call)

    async def decide() -> Decision:
        return await _decide(context, act, asked)

    decision, stored = await settle(context, act, "reopen", decide)
    entries = [(_NAMES[each.type], each) for each in stored]
    return Answer(200, document=codec.encode(shown(entries, decision.issues)))


def read(context: Context, call: Call) -> Asked:
    """What the call asks for.

    Raises:
        Malformed: a day is none, a reference leads nowhere here, or is about a plan though none is named.
    """
    locate = Addresses(context.registry, context.base_url).target
    inputs = call.inputs
    [reference] = inputs.all("referral")
    referral = require_led_to(reference, "referral", (_REFERRAL,), locate)
    named = inputs.one("plan")
    plan = None if named is None else require_led_to(named, "plan", (_PLAN,), locate)
    review = day_given(inputs, "reviewDate")
    if plan is None:
        for name in ("coordinator", "agency", "reviewDate"):
            if name in inputs:
                text = f"The parameter {name} is about a plan that is taken up again: say which, in plan."
                raise Malformed("reopen-without-plan", text)
    elif review is None:
        raise Malformed("operation-parameter-missing", "A plan that is taken up again needs a reviewDate.")
    today = uk_day(context.clock())
    day = day_given(inputs, "date") or text_of_day(today)
    return Asked(call, referral, plan, day, review, today, context.ids())


async def _decide(context: Context, act: Act, asked: Asked) -> Decision:
    locate = Addresses(context.registry, context.base_url).target
    id_ = asked.call.id
    wanted = [key for key in (asked.referral, asked.plan) if key is not None]
    current = await context.store.read_many(act.caller.locality, [(EPISODE, id_), *wanted])
    before = require_current(current.get((EPISODE, id_)), EPISODE, id_)
    require_version(EPISODE, id_, before, asked.call.if_match)
    resource = content(before)
    episode = episodes.read_episode(resource, locate)
    if episode.status not in episodes.ENDED:
        text = "The episode is not finished or cancelled (any more), so that there is nothing to reopen."
        raise Conflict("reopen-episode-open", text, f"{EPISODE}.status")
    referral = _there(current.get(asked.referral), "referral")
    faults = episodes.may_be_reopened(
        episode, content(referral), asked.referral, asked.ordinal, asked.today, locate
    )
    if faults:
        raise Invalid.of(faults)
    [reference] = asked.call.inputs.all("referral")
    written = [Written(episodes.reopened(resource, reference, asked.day), before, resource)]
    issues: tuple[Issue, ...] = ()
    relied_on = [referral]
    if asked.plan is None:
        issues = await _hint(context, act, episode)
    else:
        earlier = _there(current.get(asked.plan), "plan")
        if earlier.withheld:
            # The new plan would have what is left of it.
            text = "A part of the plan is withheld from you, so that you cannot take it up again."
            raise Forbidden("withheld-unchanged", text)
        relied_on.append(earlier)
        plan, *teams = await _taken_up(context, act, asked, content(earlier), episode)
        written += [plan, *teams]
        issues = await permission_wanted(context, act, plan.resource, locate)
    changes, warnings = admitted(context, written)
    try:
        decision = await stand(context, act, Decision(200, changes, issues=(*warnings, *issues)))
    except Invalid:
        if await moved_on(context, act, before):
            return await _decide(context, act, asked)
        raise
    return decision._replace(relied_on=(*_but(decision.relied_on, relied_on), *relied_on))


def _there(stored: Stored | None, name: str) -> Stored:
    """A resource that a parameter refers to.

    Raises:
        Invalid: there is none.
    """
    if stored is None or stored.deleted:
        raise Invalid(
            "reopen-reference-missing", f"What the parameter {name} refers to is not on this server."
        )
    return stored


def _but(these: tuple[Stored, ...], others: list[Stored]) -> list[Stored]:
    keys = {other.key for other in others}
    return [each for each in these if each.key not in keys]


async def _taken_up(
    context: Context, act: Act, asked: Asked, earlier: Json, episode: Episode
) -> list[Written]:
    """The plan that takes an ended one up again, and the team around it.

    Raises:
        Malformed: nobody who can coordinate is named.
        Invalid: the plan is another young person's, or has not ended.
    """
    locate = Addresses(context.registry, context.base_url).target
    plan = plans.read_plan(earlier, locate)
    if plan.child != episode.child:
        text = "The plan is of another young person than the episode."
        raise Invalid("reopen-plan-of-another-child", text)
    if not (recognition.is_thrive_plan(earlier) and plan.is_over):
        text = "Only a THRIVE plan that was completed or revoked is taken up again."
        raise Invalid("reopen-plan-not-over", text)
    now = _succession(asked, earlier, locate)
    teams = await teams_of(context, act, earlier, locate)
    changed = coordinated_teams(teams, now, locate, plan.agency, revive=True)
    return [Written(successions.successor(earlier, asked.plan_id, now, "basedOn")), *changed]


def _succession(asked: Asked, earlier: Json, locate: Locate) -> Succession:
    """Who coordinates the plan that is taken up again: as the call says, else as before."""
    inputs = asked.call.inputs
    coordinator = inputs.one("coordinator") or successions.coordinator_of(earlier) or {}
    agency = inputs.one("agency") or successions.agency_of(earlier) or {}
    require_coordinator(coordinator, agency, locate)
    return Succession(coordinator, agency, asked.day, asked.review or "")


async def _hint(context: Context, act: Act, episode: Episode) -> tuple[Issue, ...]:
    """That the agency's last plan could be taken up again, where nobody follows one and the caller may know."""
    around = Surroundings(context, act, ())
    if episode.child is None or episode.agency is None:
        return ()
    if not await may_know(episode.agency, episode.child, around):
        return ()
    known = sorted(plans.RUNNING | plans.OVER)
    statuses = Or(tuple(Token("status", None, status) for status in known))
    found = await around.glance(_PLAN, And((Reference("subject", *episode.child), statuses)))
    thrive = [
        plans.read_plan(each, around.addresses.target) for each in found if recognition.is_thrive_plan(each)
    ]
    over = [plan for plan in thrive if plan.is_over and plan.agency == episode.agency]
    if not over or any(plan.is_running for plan in thrive):
        return ()
    last = max(over, key=lambda plan: (plan.days.last, plan.days.first, plan.id))
    text = f"CarePlan/{last.id} was this agency's last plan; name it in plan to take it up again."
    return (Issue("information", "informational", "reopen-plan-could-be-taken-up", text),)


OPERATION: Final = Operation(
    name="reopen",
    definition=f"{recognition.OURS}/OperationDefinition/reopen",
    summary="A re-referral takes an ended episode up again.",
    types=frozenset({EPISODE}),
    levels=frozenset({"instance"}),
    readable=frozenset(),
    needs=(("", "ru"),),
    inputs=INPUTS,
    perform=reopen,
    guarded=True,
)

"""Who coordinates, when several want to at once: one succeeds, and all that hangs on it agrees with that one.

Two stores on one database stand for two worker processes.

Source: domain facts section 9, trap 15
"""

from __future__ import annotations

import asyncio
import itertools

import pytest

from service.access.callers import Caller
from service.fhir import codec
from service.fhir.problems import Conflict, Invalid, Precondition, Problem
from service.fhir.search.expressions import Everything, Query
from service.interactions.context import Act
from service.interactions.create import create
from service.interactions.update import update
from service.operations import hand_over, reopen
from service.storage.checking import check
from tests.interactions.clinic import refer
from tests.operations.coordination import (
    CHARITY,
    FERN,
    MOSS,
    SCHOOL,
    TRUST,
    ask,
    care_plan,
    care_team,
    everybody,
    extensions,
    named,
    put,
    slugs,
)
from tests.operations.test_reopen import episode, referral

ROUNDS = 4
RACERS = 6


def act_of(act, agency):
    return Act(Caller("their system", agency, act.caller.locality), "request-9")


async def race(*attempts):
    """What came of each: its answer, or the problem that refused it."""
    return await asyncio.gather(*attempts, return_exceptions=True)


def won(results):
    refused = [one for one in results if isinstance(one, BaseException)]
    assert all(isinstance(one, Problem) for one in refused), refused
    return [one for one in results if not isinstance(one, BaseException)]


async def all_of(context, act, type_):
    page = await context.store.search(act.caller.locality, Query(type_, Everything(), 500))
    return [codec.decode(stored.body) for stored in page.items]


def handing(context, act, id_, number, **values):
    coordinator, agency = [(MOSS, SCHOOL), (MOSS, CHARITY), (FERN, SCHOOL)][number % 3]
    return ask(
        context, act, hand_over.OPERATION, id_, coordinator=refer(coordinator), agency=refer(agency), **values
    )


async def test_a_plan_is_handed_over_by_one(workers, act, database, registry, extractor):
    await put(workers[0], act, *everybody(), care_team(), care_plan())
    running, told = "p1", 0
    for _ in range(ROUNDS):
        turns = itertools.cycle(workers)
        results = await race(*(handing(next(turns), act, running, number) for number in range(RACERS)))
        [answer] = won(results)
        lost = [one for one in results if isinstance(one, BaseException)]
        assert all(isinstance(one, Conflict) and slugs(one) == ["hand-over-plan-ended"] for one in lost)
        [new] = named(answer, "plan")
        plans = await all_of(workers[0], act, "CarePlan")
        assert [one["id"] for one in plans if one["status"] == "active"] == [new["id"]]
        [team] = await all_of(workers[0], act, "CareTeam")
        present = [
            one["member"]
            for one in team["participant"]
            if one["role"][0].get("coding") and "end" not in one["period"]
        ]
        assert present == [extensions(new)["plan-coordinator"]]
        told += len(named(answer, "communication"))
        assert len(await all_of(workers[0], act, "Communication")) == told
        running = new["id"]
        # Back to where it began, so that each round is a handover to somebody else.
        answer = await ask(
            workers[1], act, hand_over.OPERATION, running, coordinator=refer(FERN), agency=refer(TRUST)
        )
        told += len(named(answer, "communication"))
        running = named(answer, "plan")[0]["id"]
    waiting = [
        each
        for agency in ("trust", "school", "charity")
        for each in await workers[1].store.notices(act.caller.locality, agency, 500)
    ]
    assert len(waiting) == told
    assert len({each.about for each in waiting}) == told
    assert (await check(database, registry, extractor)).faults == []


async def test_with_if_match_one_of_a_change_and_a_handover_stands(workers, act):
    await put(workers[0], act, *everybody(), care_team(), care_plan())
    changed = care_plan(title="Our plan")
    results = await race(
        update(workers[0], act, "CarePlan", "p1", changed, if_match=1),
        handing(workers[1], act, "p1", 0, if_match=1),
        update(workers[1], act, "CarePlan", "p1", changed | {"title": "Ours"}, if_match=1),
    )
    assert len(won(results)) == 1
    lost = [one for one in results if isinstance(one, BaseException)]
    assert all(isinstance(one, Precondition | Conflict) for one in lost)


async def test_a_handover_keeps_what_was_changed_at_the_same_time(workers, act):
    """Both stand: whoever comes second decides on what the first left."""
    for number in range(ROUNDS):
        await put(workers[0], act, *everybody(), care_team(f"t{number}"))
        plan = care_plan(f"p{number}", careTeam=[refer(f"CareTeam/t{number}")])
        await put(workers[0], act, plan)
        joined = care_team(f"t{number}")
        joined["participant"].append({"role": [{"text": "Aunt"}], "member": refer("RelatedPerson/aunt")})
        results = await race(
            update(workers[0], act, "CareTeam", f"t{number}", joined, if_match=1),
            handing(workers[1], act, f"p{number}", 0),
        )
        answer = next(one for one in won(results) if isinstance(one, dict))
        current = await workers[0].store.read(act.caller.locality, "CareTeam", f"t{number}")
        members = [one["member"] for one in codec.decode(current.body)["participant"]]
        assert refer(MOSS) in members
        assert (refer("RelatedPerson/aunt") in members) is (len(won(results)) == 2)
        ended = {
            **named(answer, "plan")[0],
            "status": "revoked",
            "period": {"start": "2023-11-14", "end": "2023-11-14"},
        }
        await put(workers[0], act, ended)


async def test_of_a_handover_and_a_claim_one_stands(workers, act):
    for number in range(ROUNDS):
        child = {"resourceType": "Patient", "id": f"c{number}"}
        own = {"subject": refer(f"Patient/c{number}"), "goal": [{"display": "in words"}]}
        await put(workers[0], act, *everybody(), child, care_team(f"t{number}"))
        await put(workers[0], act, care_plan(f"p{number}", careTeam=[refer(f"CareTeam/t{number}")], **own))
        claim = care_plan(
            f"q{number}", coordinator=MOSS, agency=CHARITY, period={"start": "2023-11-14"}, **own
        )
        results = await race(
            handing(workers[0], act, f"p{number}", 0),
            update(workers[1], act, "CarePlan", f"q{number}", claim),
        )
        # The claim is refused before the handover and after it; nobody comes in between.
        assert len(won(results)) == 1
        assert isinstance(results[1], Invalid)
        assert slugs(results[1]) == ["plan-coordinator-overlap"]


@pytest.mark.parametrize("knows", [False, True])
async def test_of_two_agencies_that_claim_one_coordinates(workers, act, knows):
    """The other learns who does only where it is around the young person."""
    for number in range(ROUNDS):
        child = {"resourceType": "Patient", "id": f"c{number}"}
        around = care_team(f"t{number}", agency=CHARITY, subject=refer(f"Patient/c{number}"))
        around["participant"] = [
            {"role": [{"text": "Agency involved"}], "member": refer(agency)} for agency in (SCHOOL, TRUST)
        ]
        await put(workers[0], act, *everybody(), child, *([around] if knows else []))
        claims = [
            care_plan(
                coordinator=person,
                agency=agency,
                subject=refer(f"Patient/c{number}"),
                goal=[{"display": "in words"}],
            )
            for person, agency in ((FERN, TRUST), (MOSS, SCHOOL))
        ]
        results = await race(
            create(workers[0], act_of(act, "trust"), "CarePlan", claims[0]),
            create(workers[1], act_of(act, "school"), "CarePlan", claims[1]),
        )
        [winner] = won(results)
        first = results[0] is winner
        [refusal] = [one for one in results if one is not winner]
        assert isinstance(refusal, Invalid)
        [issue] = refusal.issues
        assert issue.slug == "plan-coordinator-overlap"
        person, agency = (FERN, TRUST) if first else (MOSS, SCHOOL)
        holder = f"It is CarePlan/{winner.stored.id}, coordinated by {person}, for {agency}."
        assert (holder in issue.text) is knows
        for name in (winner.stored.id, person, agency):
            assert (name in issue.text) is knows


async def test_an_episode_is_reopened_by_one_referral(workers, act):
    for number in range(ROUNDS):
        referrals = [referral(f"r{number}-{each}") for each in range(RACERS)]
        await put(workers[0], act, *everybody(), *referrals, episode(f"e{number}"))
        turns = itertools.cycle(workers)
        results = await race(
            *(
                ask(
                    next(turns),
                    act,
                    reopen.OPERATION,
                    f"e{number}",
                    referral=refer(f"ServiceRequest/{one['id']}"),
                )
                for one in referrals
            )
        )
        [answer] = won(results)
        assert all(isinstance(one, Conflict) for one in results if one is not answer)
        [again] = named(answer, "episode")
        assert len(again["referralRequest"]) == 2


async def test_a_referral_that_is_withdrawn_meanwhile_reopens_nothing(workers, act):
    for number in range(ROUNDS):
        id_ = f"r{number}"
        await put(workers[0], act, *everybody(), referral(id_), episode(f"e{number}"))
        results = await race(
            update(workers[0], act, "ServiceRequest", id_, referral(id_, status="revoked"), if_match=1),
            ask(workers[1], act, reopen.OPERATION, f"e{number}", referral=refer(f"ServiceRequest/{id_}")),
        )
        history = (await workers[0].store.read(act.caller.locality, "EpisodeOfCare", f"e{number}")).version
        assert history == (1 if isinstance(results[1], Invalid) else 2)
        assert not isinstance(results[0], BaseException)

"""Outcome measures of a young person, asked of a store on each database."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from service.fhir import codec
from service.fhir.problems import Malformed, Missing
from service.interactions.update import update
from service.operations.measures import OPERATION, measures
from service.operations.measures_rows import SERIES_COLUMNS
from service.operations.tables import CSV
from tests.interactions.builders import body
from tests.operations.measuring import call, contact, episode, part, parts, patient, refer, referral, score

ORS, ORS_LEGACY = "716613004", "960251000000100"
PANIC, PROSOCIAL, HONOSCA_SELF_1 = "718658004", "718147007", "989621000000101"
GOAL_1 = "1638531000000102"
SESSION = {"encounter": refer("Encounter/c1")}
LATER = {"encounter": refer("Encounter/c2")}

ASH = (
    patient(),
    {"resourceType": "Practitioner", "id": "hazel"},
    referral(),
    episode("e", "r"),
    contact("c1", "2026-02-01T10:00:00Z"),
    contact("c2", "2026-02-08T10:00:00Z"),
    score("online", ORS, "2026-01-20T20:00:00Z", 4),
    score("ors-1", ORS_LEGACY, "2026-02-01T10:00:00Z", 10, **SESSION),
    score("ors-2", ORS, "2026-02-08T10:00:00Z", Decimal("16.60"), **LATER),
    score("pro-1", PROSOCIAL, "2026-02-01T10:00:00Z", 2, **SESSION),
    score("pro-2", PROSOCIAL, "2026-02-08T10:00:00Z", 6, **LATER),
    score("panic-1", PANIC, "2026-02-01T10:00:00Z", 20, **SESSION),
    score("panic-2", PANIC, "2026-02-08T10:00:00Z", 10, **LATER),
    score("self-1", HONOSCA_SELF_1, "2026-02-01T10:00:00Z", 3, **SESSION),
    score("self-2", HONOSCA_SELF_1, "2026-02-08T10:00:00Z", 1, **LATER),
    {
        "resourceType": "Goal",
        "id": "g",
        "lifecycleStatus": "active",
        "description": {"text": "invented goal"},
        "subject": refer("Patient/ash"),
    },
    score("goal-1", GOAL_1, "2026-02-01T10:00:00Z", 2, focus=[refer("Goal/g")], **SESSION),
    score("goal-2", GOAL_1, "2026-02-08T10:00:00Z", 6, focus=[refer("Goal/g")], **LATER),
)


@pytest.fixture
async def ash(context, act):
    for resource in ASH:
        await update(context, act, resource["resourceType"], resource["id"], resource)


@pytest.fixture
def ask(context, act, ash):
    async def asking(*pairs):
        answer = await measures(context, act, call(OPERATION, *pairs))
        assert answer.status == 200
        return body(answer)

    return asking


def verdicts(answer):
    return {part(each, "measure")["code"]: part(each, "verdict") for each in parts(answer, "measure")}


async def test_the_two_modes_differ_where_they_should(ask):
    clinical, parity = await ask(), await ask(("mode", "nhse-parity"))
    assert (part(clinical, "mode"), part(parity, "mode")) == ("clinical", "nhse-parity")
    assert verdicts(clinical) == {
        "honosca-self-scale-1": "improved",
        "ors-total": "improved",
        "rcads-self-panic": "improved",
        "sdq-self-11-17-prosocial": "improved",
    }
    assert verdicts(parity) == {
        GOAL_1: "improved",
        "honosca-self-scale-1": "improved",
        "ors-total": "improved",
        "rcads-self-panic": "improved",
        "sdq-self-11-17-prosocial": "deteriorated",
    }


async def test_the_online_score_is_a_baseline_to_a_clinician_and_not_to_the_nation(ask):
    [clinical] = parts(await ask(("measure", "ors")), "measure")
    [parity] = parts(await ask(("measure", "ors"), ("mode", "nhse-parity")), "measure")
    assert part(part(clinical, "baseline"), "observation") == {"reference": "Observation/online"}
    assert part(part(parity, "baseline"), "observation") == {"reference": "Observation/ors-1"}
    assert (part(clinical, "change"), part(parity, "change")) == (Decimal("12.60"), Decimal("6.60"))
    assert parts(parity, "caution") == ["before-first-contact", "referral-by-date"]


async def test_what_all_comes_to_in_the_referral(ask):
    [told] = parts(await ask(("mode", "nhse-parity")), "referral")
    assert part(told, "counted") is True
    assert [(part(each, "rater"), part(each, "verdict")) for each in parts(told, "view")] == [
        ("young-person", "deteriorated"),
        ("parent-or-carer", "improved"),  # the young person's own, as the metric files it
    ]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (["rcads-self"], {"rcads-self-panic"}),
        ([PANIC, "ors-total"], {"rcads-self-panic", "ors-total"}),
        ([f"http://snomed.info/sct|{ORS_LEGACY}"], {"ors-total"}),
        (["gad-7"], set()),
    ],
)
async def test_measures_that_are_named(ask, named, found):
    answer = await ask(*(("measure", each) for each in named))
    assert set(verdicts(answer)) == found


async def test_days(ask):
    answer = await ask(("start", "2026-02-01"), ("end", "2026-02-07"), ("measure", "ors"))
    assert verdicts(answer) == {"ors-total": "not-rated-twice"}
    assert part(answer, "period") == {"start": "2026-02-01", "end": "2026-02-07"}
    answer = await ask(("mode", "nhse-parity"), ("end", "2026-05-29"))
    [told] = parts(answer, "referral")
    assert parts(told, "reason") == ["closed-outside-period"]


async def test_rows(context, act, ash):
    for rows, number in (("series", 4), ("points", 9)):
        answer = await measures(context, act, call(OPERATION, ("rows", rows), wanted=CSV))
        assert answer.media == CSV
        lines = list(csv.reader(answer.document.decode().splitlines()))
        assert len(lines) == number + 1
        assert (tuple(lines[0]) == SERIES_COLUMNS) is (rows == "series")


async def test_a_score_taken_back_or_corrected_late_changes_the_figure(context, act, ask):
    await update(
        context,
        act,
        "Observation",
        "ors-2",
        score("ors-2", ORS, "2026-02-08T10:00:00Z", 12, status="amended"),
    )
    [found] = parts(await ask(("measure", "ors")), "measure")
    assert (part(found, "change"), part(found, "verdict")) == (8, "improved")
    await update(
        context,
        act,
        "Observation",
        "online",
        score("online", ORS, "2026-01-20T20:00:00Z", 4, status="entered-in-error"),
    )
    [found] = parts(await ask(("measure", "ors")), "measure")
    assert (part(found, "change"), part(found, "verdict")) == (2, "no-change")


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("measure", "moods")], "measure-unknown"),
        ([("measure", "ors"), ("measure", "x")], "measure-unknown"),
        ([("measure", GOAL_1)], "measure-unknown"),  # a goal's score is no measure to a clinician
        ([("mode", "national")], "operation-parameter-value"),
        ([("rows", "all")], "operation-parameter-value"),
        ([("start", "soon")], "operation-parameter-type"),
        ([("start", "2026-02-02"), ("end", "2026-02-01")], "operation-period-inverted"),
    ],
)
async def test_what_cannot_be_asked(context, act, pairs, slug):
    with pytest.raises(Malformed) as caught:
        await measures(context, act, call(OPERATION, *pairs))
    assert caught.value.issues[0].slug == slug


async def test_nobody_here(context, act):
    with pytest.raises(Missing):
        await measures(context, act, call(OPERATION))


async def test_who_has_no_scores(context, act):
    await update(context, act, "Patient", "ash", patient())
    for mode in ("clinical", "nhse-parity"):
        answer = body(await measures(context, act, call(OPERATION, ("mode", mode))))
        assert {each["name"] for each in answer["parameter"]} == {"about", "mode", "source"}
    answer = await measures(context, act, call(OPERATION, wanted=CSV))
    assert answer.document.decode() == ",".join(SERIES_COLUMNS) + "\r\n"


async def test_decimals_keep_their_digits(context, act, ash):
    answer = await measures(context, act, call(OPERATION, ("measure", "ors")))
    assert b'"valueDecimal":16.60' in answer.document
    assert codec.decode(answer.document)["resourceType"] == "Parameters"

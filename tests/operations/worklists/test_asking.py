from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Malformed
from service.fhir.search.dates import moment
from service.fhir.search.expressions import And, Date, Everything, Reference
from service.operations.operation import Call
from service.operations.worklist import OPERATION
from service.operations.worklists.asking import Asked, all_of, begins_after, ends_by, of_agency, read
from tests.operations.worklists.clinic import agency, person
from tests.operations.worklists.conftest import remove

ON = date(2026, 11, 27).toordinal()


@pytest.fixture
def asked(context, act):
    async def asking(**given):
        pairs = [(name.replace("count", "_count"), str(value)) for name, value in given.items()]
        return await read(context, act, Call("", "", read_inputs(OPERATION.inputs, pairs, None)))

    return asking


@pytest.mark.parametrize(
    ("list_", "days"),
    [
        ("closing-without-second-score", 28),
        ("plans-past-review", 1),
        ("goals-not-rated", 28),
        ("plans-without-coordinator", 0),
    ],
)
async def test_what_is_not_said_is_as_usual(asked, list_, days):
    assert await asked(list=list_, on="2026-11-27") == Asked(list_, days, ON, None, 10)


# Half past midnight in London is the day before in UTC, in summer; in winter the two agree.
@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 7, 14, 23, 30, tzinfo=UTC), date(2026, 7, 15)),
        (datetime(2026, 7, 14, 22, 59, tzinfo=UTC), date(2026, 7, 14)),
        (datetime(2026, 11, 26, 23, 30, tzinfo=UTC), date(2026, 11, 26)),
    ],
)
async def test_without_a_day_it_is_today_in_the_united_kingdom(asked, clock, now, day):
    clock.now = int(now.timestamp() * 1000)
    assert (await asked(list="plans-past-review")).on == day.toordinal()


async def test_an_agency_is_named_by_id_or_address(asked, context, act, keep):
    await keep(agency("trust"))
    for text in ("trust", "Organization/trust", f"{context.base_url}/Organization/trust"):
        assert (await asked(list="goals-not-rated", agency=text)).agency == "trust"


async def test_an_agency_that_is_not_here_is_refused_as_its_list_would_say_that_all_is_well(
    asked, context, act, keep
):
    await keep(agency("gone"), person("fern"))
    await remove(context, act, "Organization", "gone")
    for text in (
        "gone",
        "never",
        "Practitioner/fern",
        "fern",
        "https://other.example.org/Organization/a",
        "a b",
    ):
        with pytest.raises(Malformed) as refused:
            await asked(list="goals-not-rated", agency=text)
        assert refused.value.issues[0].slug == "worklist-agency-unknown"


REFUSED = [
    ({"list": "everybody"}, "operation-parameter-value"),
    ({"list": "goals-not-rated", "days": -1}, "worklist-days"),
    ({"list": "goals-not-rated", "days": 36526}, "worklist-days"),
    ({"list": "plans-past-review", "days": 0}, "worklist-days"),
    ({"list": "plans-without-coordinator", "days": 5}, "worklist-days"),
    ({"list": "plans-past-review", "count": 0}, "worklist-count"),
    ({"list": "plans-past-review", "on": "2026-11"}, "operation-parameter-type"),
    ({"list": "plans-past-review", "on": "2026-02-30"}, "operation-parameter-type"),
    ({"list": "plans-past-review", "on": "2026-11-27T10:00:00Z"}, "operation-parameter-type"),
    ({"list": "plans-past-review", "on": "tomorrow"}, "operation-parameter-type"),
]


@pytest.mark.parametrize(("given", "slug"), REFUSED)
async def test_what_cannot_be_used_is_refused(asked, given, slug):
    with pytest.raises(Malformed) as refused:
        await asked(**given)
    assert refused.value.issues[0].slug == slug


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ({"list": "goals-not-rated", "days": 0}, 0),
        ({"list": "goals-not-rated", "days": 36525}, 36525),
        ({"list": "plans-past-review", "days": 1}, 1),
    ],
)
async def test_days_go_up_to_both_bounds(asked, given, days):
    assert (await asked(**given)).days == days


async def test_a_page_has_no_more_entries_than_the_limit(asked):
    assert (await asked(list="goals-not-rated", count=7)).count == 7
    assert (await asked(list="goals-not-rated", count=5000)).count == 50


def test_all_that_was_understood_stands_in_the_links():
    whole = Asked("goals-not-rated", 28, ON, "trust", 20)
    assert whole.pairs == (
        ("list", "goals-not-rated"),
        ("on", "2026-11-27"),
        ("days", "28"),
        ("agency", "Organization/trust"),
        ("_count", "20"),
    )
    assert Asked("plans-without-coordinator", 0, ON, None, 20).pairs == (
        ("list", "plans-without-coordinator"),
        ("on", "2026-11-27"),
        ("_count", "20"),
    )


def test_bounds_lie_at_midnight():
    [start, end] = moment("2026-11-27")
    assert ends_by("date", ON) == Date("date", "eb", end, end)
    assert begins_after("date", ON - 1) == Date("date", "sa", start, start)


def test_conditions_are_put_together():
    one, other = Everything(), Reference("goal-agency", "Organization", "trust")
    assert all_of(one) == one
    assert all_of(one, other) == And((one, other))
    assert of_agency(Asked("goals-not-rated", 28, ON, "trust", 20), "goal-agency") == (other,)
    assert of_agency(Asked("goals-not-rated", 28, ON, None, 20), "goal-agency") == ()

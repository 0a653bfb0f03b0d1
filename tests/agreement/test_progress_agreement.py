"""$progress says what is reckoned anew from the whole history, for thousands of invented courses of help."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from random import Random

import pytest

from service.fhir import codec
from service.fhir.parameters import read as read_inputs
from service.operations.asked import days_asked
from service.operations.operation import Call
from service.operations.progress import OPERATION
from service.operations.progress_answer import told
from service.operations.progress_figures import Asked, figures
from service.operations.rated import sound
from service.outcomes.days import days_of
from service.outcomes.series import RATERS, read_points
from service.storage.store import AuditEntry, Change, HistoryQuery, Unit
from tests.agreement import reckoned
from tests.agreement.courses import Course
from tests.interactions.conftest import (  # noqa: F401 - fixtures: pytest finds them by being here
    act,
    context,
    database,
    localities,
    migrated,
    store,
    validator,
)
from tests.outcomes.clinic import locate

TODAY = "2026-11-27"
AT_ONCE = 300  # seeds a test
KEPT = 120  # courses in a store


def asked_by_chance(seed):
    """Parameters as a client would give them, mostly none."""
    chance = Random(f"asked {seed}")
    pairs = [("mode", chance.choice(("clinical", "nhse-parity")))]
    if chance.random() < 0.3:
        pairs.append(("start", chance.choice(("2026-02", "2026-03-15"))))
    if chance.random() < 0.3:
        pairs.append(("end", chance.choice(("2026-05", "2026-06-10"))))
    if chance.random() < 0.2:
        pairs += [("rater", rater) for rater in chance.sample(RATERS, 2)]
    return pairs


def expected(versions, pairs):
    given = defaultdict(list)
    for name, value in pairs:
        given[name].append(value)
    start = given["start"][0] if given["start"] else "0000"
    end = f"{given['end'][0]}~" if given["end"] else "9999"  # `~` is after every digit: the whole month
    resources = reckoned.current(versions)
    rows = [row for row in reckoned.rows_of(resources) if start <= row["day"] <= end]
    raters = given["rater"] or RATERS
    shown = [row for row in rows if row["rater"] in raters]
    clinical = given["mode"] == ["clinical"]
    own = rows if "young-person" in raters else []
    series = reckoned.series(shown)
    if not clinical:
        for each in series.values():
            each["each-slot"] = None
    return {
        "goals": {
            id_
            for (type_, id_), one in resources.items()
            if type_ == "Goal" and one["lifecycleStatus"] != "entered-in-error"
        },
        "series": series,
        "rules": reckoned.rules(shown) if clinical else {},
        "pairs": {} if clinical else reckoned.pairs(own),
        "national": None
        if clinical or "young-person" not in raters
        else reckoned.together(reckoned.verdict(pair[3]) for pair in reckoned.pairs(own).values()),
        "cautions": reckoned.cautions(own),
    }


def value(part):
    [found] = [content for name, content in part.items() if name.startswith("value")]
    return found["reference"] if isinstance(found, dict) and "reference" in found else found


def by_name(part):
    found = defaultdict(list)
    for each in part["part"]:
        found[each["name"]].append(each)
    return found


def one(parts, name):
    return value(parts[name][0]) if parts[name] else None


def number(given):
    return None if given is None else Fraction(given)


def observation(part):
    return one(by_name(part), "observation").removeprefix("Observation/")


def said(parameters):
    """What an answer says, as `expected` has it."""
    found = {"goals": set(), "series": {}, "rules": {}, "pairs": {}, "national": None, "cautions": set()}
    means = {}
    clinical = value(parameters["parameter"][1]) == "clinical"
    for each in parameters["parameter"]:
        if "part" not in each:
            continue
        parts = by_name(each)
        match each["name"]:
            case "goal":
                goal = one(parts, "goal").removeprefix("Goal/")
                found["goals"].add(goal)
                for part in parts["series"]:
                    key, series = said_of_series(goal, by_name(part))
                    found["series"][key] = series
            case "mean-of-goals":
                key = one(parts, "rater"), one(parts, "rated-by")
                total = Fraction(one(parts, "total-change") or 0)
                means[key] = one(parts, "goals"), total, one(parts, "verdict")
            case "each-slot" if clinical:
                key = one(parts, "rater"), one(parts, "rated-by")
                found["rules"][key] = (*means[key], one(parts, "verdict"))
            case "each-slot":
                found["national"] = one(parts, "verdict")
            case "pair":
                found["pairs"][one(parts, "code")["code"]] = (
                    observation(parts["baseline"][0]),
                    observation(parts["latest"][0]),
                    one(parts, "ratings"),
                    number(one(parts, "change")),
                )
            case "caution":
                goals = frozenset(value(part).removeprefix("Goal/") for part in parts["goal"])
                codes = frozenset(value(part)["code"] for part in parts["code"])
                found["cautions"].add((one(parts, "caution"), goals, codes))
            case name:
                assert name == "attainment"
    return found


def said_of_series(goal, parts):
    return (goal, one(parts, "rater"), one(parts, "rated-by"), one(parts, "kind")), {
        "ratings": one(parts, "ratings"),
        "not-rated": one(parts, "not-rated"),
        "baseline": observation(parts["baseline"][0]) if parts["baseline"] else None,
        "latest": observation(parts["latest"][0]) if parts["latest"] else None,
        "change": number(one(parts, "change")),
        "each-slot": one(parts, "each-slot"),
        "all": [(observation(each), number(one(by_name(each), "value"))) for each in parts["rating"]],
    }


def answered(course, pairs):
    """What the service makes of the last versions, without a store."""
    resources = reckoned.current(course.versions)
    inputs = read_inputs(OPERATION.inputs, pairs, None)
    asked = Asked(
        course.child,
        days_asked(inputs),
        frozenset(inputs.all("rater") or RATERS),
        inputs.one("mode"),
        "series",
        days_of(TODAY).first,
    )
    goals = {id_: one for (type_, id_), one in resources.items() if type_ == "Goal"}
    points = [
        point
        for (type_, _), one in resources.items()
        if type_ == "Observation"
        for point in read_points(one, locate)
    ]
    return codec.decode(codec.encode(told(asked, figures(sound(goals, tuple(points)), asked, locate))))


@pytest.mark.parametrize("batch", range(10))
def test_thousands_of_courses(batch):
    for seed in range(batch * AT_ONCE, (batch + 1) * AT_ONCE):
        course, pairs = Course(seed), asked_by_chance(seed)
        assert said(answered(course, pairs)) == expected(course.versions, pairs), (seed, pairs)


def test_the_courses_hold_what_makes_counting_hard():
    """Else they would agree on nothing much."""
    seen = defaultdict(int)
    for seed in range(AT_ONCE):
        found = expected(Course(seed).versions, [("mode", "clinical")])
        for series in found["series"].values():
            seen[series["each-slot"]] += 1
            seen["missed"] += series["not-rated"]
        for goals, _, mean, slots in found["rules"].values():
            seen[f"mean {mean}"] += 1
            seen["the rules differ"] += mean != slots
            seen["several goals"] += goals > 1
        for caution, _, _ in found["cautions"]:
            seen[caution] += 1
    verdicts = ("improved", "deteriorated", "no-change", "not-rated-twice")
    wanted = [
        *verdicts,
        *(f"mean {each}" for each in verdicts),
        *("missed", "the rules differ", "several goals"),
        *("slot-reused", "code-set-switched", "counted-as-own"),
    ]
    assert {name: seen[name] for name in wanted if seen[name] < 20} == {}


async def write(store, locality, courses):  # noqa: F811 - the fixture above
    """Writes every version of all courses in turn: the first of each resource in one unit, then the second, and so on."""
    current = {}
    waiting = [version for course in courses for version in course.versions]
    waiting += [
        ("Patient", course.child[1], {"resourceType": "Patient", "id": course.child[1]}) for course in courses
    ]
    while waiting:
        now, later, keys = [], [], set()
        for version in waiting:
            (later if version[:2] in keys else now).append(version)
            keys.add(version[:2])
        changes = []
        for type_, id_, content in now:
            before, former = current.get((type_, id_), (None, None))
            changes.append(Change(type_, id_, "PUT" if content else "DELETE", before, former, content))
        entry = AuditEntry("epr", "camhs", "update", "request-1")
        for stored, change in zip(
            await store.commit(locality, Unit(tuple(changes), entry)), changes, strict=True
        ):
            current[stored.type, stored.id] = (stored, change.resource)
        waiting = later


async def history_of(store, locality):  # noqa: F811 - the fixture above
    """Everything that was ever written, oldest first."""
    versions, after = [], None
    while True:
        page = await store.history(locality, HistoryQuery(None, None, 1000, after=after))
        versions += page.items
        if not page.more:
            break
        last = page.items[-1]
        after = (last.updated, last.key, last.version)
    versions.sort(key=lambda one: one.version)
    return [(one.type, one.id, None if one.deleted else codec.restore(one.body)) for one in versions]


@pytest.mark.slow
async def test_the_operation_says_what_the_history_of_the_store_comes_to(store, context, act):  # noqa: F811 - the fixtures above
    courses = [Course(seed) for seed in range(10_000, 10_000 + KEPT)]
    locality = act.caller.locality
    await write(store, locality, courses)
    by_child = defaultdict(list)
    for type_, id_, content in await history_of(store, locality):
        owner = next((one for one in (content,) if one and "subject" in one), None)
        by_child[type_, id_].append((content, owner["subject"]["reference"] if owner else None))
    told_of = defaultdict(list)
    for (type_, id_), versions in by_child.items():
        whose = next((child for _, child in versions if child), None)
        told_of[whose] += [(type_, id_, content) for content, _ in versions]
    for number_, course in enumerate(courses):
        pairs = asked_by_chance(number_)
        versions = told_of["/".join(course.child)]
        inputs = read_inputs(OPERATION.inputs, pairs, None)
        answer = await OPERATION.perform(context, act, Call("Patient", course.child[1], inputs))
        wanted = expected(versions, pairs)
        assert said(codec.decode(answer.document)) == wanted, (course.child, pairs)
        await one_goal_says_the_same(context, act, wanted, pairs)


async def one_goal_says_the_same(context, act, wanted, pairs):  # noqa: F811 - the fixtures above
    """Each goal asked about by itself has the series that it has among the others."""
    for goal in sorted(wanted["goals"]):
        inputs = read_inputs(OPERATION.inputs, pairs, None)
        answer = await OPERATION.perform(context, act, Call("Goal", goal, inputs))
        alone = said(codec.decode(answer.document))
        assert alone["goals"] == {goal}
        assert alone["series"] == {key: each for key, each in wanted["series"].items() if key[0] == goal}

"""One unit of an import: what of its lines is stored, what is refused, and why."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk import importing_unit
from service.bulk.importing_unit import Line, located
from service.fhir import codec
from service.fhir.problems import Invalid, Issue
from service.interactions.context import Act
from service.interactions.searching import setting_of
from service.storage.store import HistoryQuery
from tests.interactions.builders import goal, patient
from tests.interactions.conftest import (  # noqa: F401 - fixtures: pytest finds them by being here
    context,
    database,
    localities,
    migrated,
    store,
    validator,
)


@pytest.fixture
def caller(localities):  # noqa: F811 - the fixture
    return Caller("mover", "camhs", localities[0], chooses_ids=True)


@pytest.fixture
def put(context, caller):  # noqa: F811 - the fixture
    """Stores lines as one unit; what came of it, and the slugs of what was refused by line."""

    async def put(*resources, by=caller, with_=context, at=None):
        lines = [Line(0, number, codec.encode(each)) for number, each in enumerate(resources, 1)]
        came = await importing_unit.store(with_, Act(by, "r"), lines, at)
        return came, {line.number: problem.issues[0].slug for line, problem in came.refused}

    return put


async def versions(store, localities, type_="Patient"):  # noqa: F811 - fixtures
    page = await store.history(localities[0], HistoryQuery(type_, None, 100))
    return page.items


async def test_new_changed_and_there_already_are_told_apart(put):
    came, _ = await put(patient("1", id="a"), patient("2", id="b"))
    assert (came.created, came.updated, came.unchanged, came.stored) == (2, 0, 0, 2)
    came, _ = await put(patient("1", id="a"), patient("2", id="b", active=True), patient("3", id="c"))
    assert (came.created, came.updated, came.unchanged, came.stored) == (1, 1, 1, 3)


async def test_a_unit_that_changes_nothing_stores_nothing(put, store, localities):  # noqa: F811 - fixtures
    await put(patient("1", id="a"))
    came, _ = await put(patient("1", id="a"))
    assert came.unchanged == 1
    assert len(await versions(store, localities)) == 1


async def test_what_cannot_stand_drops_out_with_what_refers_to_it(put, context, store, localities):  # noqa: F811
    enforcing = replace(context, references=True)
    came, refused = await put(
        patient("1", id="a"),
        patient("2", id="b", gender="no-such"),
        goal("Patient/b", id="of-b"),
        {"resourceType": "CarePlan", "id": "p", "status": "active", "intent": "plan",
         "subject": {"reference": "Patient/a"}, "goal": [{"reference": "Goal/of-b"}]},
        goal("Patient/a", id="of-a"),
        with_=enforcing,
    )  # fmt: skip
    assert refused == {2: "code-not-in-value-set", 3: "reference-missing", 4: "reference-missing"}
    assert came.created == 2
    assert {each.id for each in await versions(store, localities)} == {"a"}


async def test_versions_tell_of_who_imported_them(put, store, localities, caller):  # noqa: F811 - fixtures
    await put(patient("1", id="a"))
    [version] = await versions(store, localities)
    assert (version.author, version.method) == ("camhs", "PUT")


async def test_the_token_must_allow_the_types_of_the_lines(put, caller, context):  # noqa: F811 - the fixture
    scopes = read_scopes(setting_of(context), "system/Patient.u")
    came, refused = await put(
        patient("1", id="a"), goal("Patient/a", id="g"), by=replace(caller, scopes=scopes)
    )
    assert refused == {2: "insufficient-scope"}
    assert came.created == 1


async def test_a_line_without_id_takes_the_scope_to_search(put, caller, context):  # noqa: F811 - the fixture
    for scope, expected in (("system/Patient.u", {1: "insufficient-scope"}), ("system/Patient.us", {})):
        scopes = read_scopes(setting_of(context), scope)
        _, refused = await put(patient("1"), by=replace(caller, scopes=scopes))
        assert refused == expected


async def test_what_was_changed_since_stays_as_it_is(put, clock, store, localities):  # noqa: F811 - fixtures
    await put(patient("1", id="a"), patient("2", id="b"), patient("3", id="c"))
    at = clock()
    imported = [
        patient("1", id="a", gender="male"),
        patient("2", id="b", gender="male"),
        patient("3", id="c"),
    ]
    await put(*imported, at=at)
    await put(patient("1", id="a", gender="female"))  # a correction of what the import has stored
    came, refused = await put(*imported, at=at)
    assert refused == {1: "import-overtaken"}
    assert (came.unchanged, came.updated) == (2, 0)
    newest = {each.id: each for each in reversed(await versions(store, localities))}
    assert b'"female"' in newest["a"].body


async def test_what_others_wrote_of_whom_one_does_not_see_is_left_alone(put, caller, store, localities):  # noqa: F811
    await put(patient("1", id="a"))
    _, refused = await put(patient("1", id="a", active=True), by=replace(caller, client="x", agency="school"))
    assert refused == {1: "id-taken"}
    assert len(await versions(store, localities)) == 1


async def test_an_identifier_that_several_have_means_none_of_them(put):
    await put(patient("1", id="a"), patient("1", id="b"))
    _, refused = await put(patient("1"))
    assert refused == {1: "criteria-ambiguous"}


async def test_the_same_identifier_twice_in_a_unit_is_one_resource(put):
    await put(patient("1", id="a"))
    came, refused = await put(patient("1", active=True), patient("1", active=False))
    assert (came.updated, refused) == (1, {2: "import-repeated"})


async def test_units_that_store_the_same_at_once_store_it_once(put, store, localities):  # noqa: F811 - fixtures
    lines = [patient(str(number), id=f"p{number}") for number in range(20)]
    both = await asyncio.gather(put(*lines), put(*lines))
    assert sorted((came.created, came.unchanged) for came, _ in both) == [(0, 20), (20, 0)]
    assert len(await versions(store, localities)) == 20


def test_faults_say_where_the_line_is():
    issue = Issue("error", "invariant", "no-such", "Something is wrong.", "Goal.target")
    [told] = located(Invalid.of([issue]), Line(3, 17, b""), "Goal.ndjson")["issue"]
    values = {each["url"].rpartition("/")[2]: each for each in told["extension"]}
    assert values["operationoutcome-issue-source"]["valueString"] == "Goal.ndjson"
    assert values["operationoutcome-issue-line"]["valueInteger"] == 17
    assert told["diagnostics"] == "Goal.ndjson, line 17: Something is wrong."
    assert told["details"]["text"] == "Something is wrong."
    assert told["expression"] == ["Goal.target"]

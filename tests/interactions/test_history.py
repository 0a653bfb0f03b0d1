from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.fhir import stamping
from service.fhir.problems import Malformed, Missing
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.history import history
from service.interactions.patch import JsonPatch, patch
from service.interactions.update import update
from tests.conftest import BASE_URL
from tests.interactions.builders import body, entries, goal, patient


@pytest.fixture
async def told(context, act, clock):
    """Patient/p1 created, updated, patched, deleted and brought back, an hour apart; then a Goal."""
    hour = 3_600_000
    versions = []
    steps = [
        lambda: update(context, act, "Patient", "p1", patient(id="p1")),
        lambda: update(context, act, "Patient", "p1", patient(id="p1", active=True)),
        lambda: patch(context, act, "Patient", "p1", JsonPatch([{"op": "remove", "path": "/active"}])),
        lambda: delete(context, act, "Patient", "p1"),
        lambda: update(context, act, "Patient", "p1", patient(id="p1", active=False)),
        lambda: create(context, act, "Goal", goal()),
    ]
    for step in steps:
        versions.append((await step()).stored)
        clock.now += hour
    return versions


def shown(answer):
    return [
        (one["request"]["method"], one["request"]["url"], one["response"]["status"], one["response"]["etag"])
        for one in entries(answer)
    ]


def links(answer):
    return {link["relation"]: link["url"] for link in body(answer)["link"]}


async def follow(context, act, type_, id_, url):
    pairs = [tuple(pair.split("=", 1)) for pair in url.partition("?")[2].split("&")]
    return await history(context, act, type_, id_, pairs)


async def test_an_instance_is_told_newest_first(context, act, told):
    answer = await history(context, act, "Patient", "p1", [])
    bundle = body(answer)
    assert (answer.status, bundle["type"], bundle["total"]) == (200, "history", 5)
    assert shown(answer) == [
        ("PUT", "Patient/p1", "200 OK", 'W/"5"'),
        ("DELETE", "Patient/p1", "204 No Content", 'W/"4"'),
        ("PATCH", "Patient/p1", "200 OK", 'W/"3"'),
        ("PUT", "Patient/p1", "200 OK", 'W/"2"'),
        ("PUT", "Patient/p1", "201 Created", 'W/"1"'),
    ]
    assert ["resource" in one for one in bundle["entry"]] == [True, False, True, True, True]
    assert {one["fullUrl"] for one in bundle["entry"]} == {f"{BASE_URL}/Patient/p1"}
    told_times = [one["response"]["lastModified"] for one in bundle["entry"]]
    assert told_times == [stamping.instant(stored.updated) for stored in reversed(told[:5])]
    assert bundle["entry"][0]["resource"]["meta"]["lastUpdated"] == told_times[0]


async def test_a_type_and_everything(context, act, told):
    goal_id = told[5].id
    of_type = await history(context, act, "Goal", None, [])
    assert shown(of_type) == [("POST", "Goal", "201 Created", 'W/"1"')]
    assert entries(of_type)[0]["fullUrl"] == f"{BASE_URL}/Goal/{goal_id}"
    everything = await history(context, act, None, None, [])
    assert [one[0] for one in shown(everything)] == ["POST", "PUT", "DELETE", "PATCH", "PUT", "PUT"]
    assert links(everything)["self"] == f"{BASE_URL}/_history"


async def test_an_id_never_used_is_missing(context, act, elsewhere, told):
    with pytest.raises(Missing):
        await history(context, act, "Patient", "never", [])
    with pytest.raises(Missing):
        await history(context, elsewhere, "Patient", "p1", [])
    assert entries(await history(context, elsewhere, None, None, [])) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10])
@pytest.mark.parametrize(
    ("type_", "id_", "versions"), [("Patient", "p1", 5), (None, None, 6), ("Goal", None, 1)]
)
async def test_pages_show_every_version_once(context, act, told, count, type_, id_, versions):
    answer = await history(context, act, type_, id_, [("_count", str(count))])
    seen = shown(answer)
    while "next" in links(answer):
        answer = await follow(context, act, type_, id_, links(answer)["next"])
        assert 0 < len(entries(answer)) <= count
        seen += shown(answer)
    assert len(seen) == len(set(seen)) == versions


async def test_pages_stand_while_new_versions_come(context, act, told):
    first = await history(context, act, "Patient", "p1", [("_count", "2")])
    await update(context, act, "Patient", "p1", patient(id="p1", gender="other"))
    second = await follow(context, act, "Patient", "p1", links(first)["next"])
    assert [one[3] for one in shown(first) + shown(second)] == ['W/"5"', 'W/"4"', 'W/"3"', 'W/"2"']


async def test_since_takes_in_its_own_instant(context, act, told):
    for version, stored in enumerate(told[:5], start=1):
        since = stamping.instant(stored.updated)
        found = await history(context, act, "Patient", "p1", [("_since", since)])
        assert len(entries(found)) == 6 - version
        later = (datetime.fromisoformat(since) + timedelta(microseconds=1)).isoformat()
        found = await history(context, act, "Patient", "p1", [("_since", later)])
        assert len(entries(found)) == 5 - version


async def test_at_shows_what_was_current(context, act, told):
    for version, stored in enumerate(told[:5], start=1):
        moment = datetime.fromtimestamp(stored.updated / 1000 + 1800, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found = shown(await history(context, act, "Patient", "p1", [("_at", moment)]))
        assert [one[3] for one in found] == [f'W/"{version}"']
    day = datetime.fromtimestamp(told[0].updated / 1000 - 86_400, UTC).strftime("%Y-%m-%d")
    assert shown(await history(context, act, "Patient", "p1", [("_at", day)])) == []


async def test_a_count_of_none_gives_the_total_alone(context, act, told):
    bundle = body(await history(context, act, "Patient", "p1", [("_count", "0")]))
    assert bundle["total"] == 5
    assert "entry" not in bundle
    assert [link["relation"] for link in bundle["link"]] == ["self"]


async def test_format_parameters_are_no_matter_here(context, act, told):
    answer = await history(context, act, "Patient", "p1", [("_format", "json"), ("_pretty", "true")])
    assert len(entries(answer)) == 5


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("nonsense", "1")], "history-parameter-unknown"),
        ([("_sort", "_lastUpdated")], "history-parameter-unknown"),
        ([("_count", "1"), ("_count", "2")], "history-parameter-repeated"),
        ([("_count", "-1")], "history-parameter-value"),
        ([("_count", "many")], "history-parameter-value"),
        ([("_count", "9" * 20)], "history-parameter-value"),
        ([("_since", "yesterday")], "history-parameter-value"),
        ([("_since", "")], "history-parameter-value"),
        ([("_at", "2026-13-01")], "history-parameter-value"),
        ([("_page", "nonsense")], "page-link-invalid"),
    ],
)
async def test_parameters_that_are_refused(context, act, told, pairs, slug):
    with pytest.raises(Malformed) as refusal:
        await history(context, act, "Patient", "p1", pairs)
    assert refusal.value.issues[0].slug == slug


async def test_a_page_link_is_good_for_its_own_history_only(context, act, elsewhere, told):
    answer = await history(context, act, "Patient", "p1", [("_count", "2")])
    url = links(answer)["next"]
    for who, type_, id_ in [(elsewhere, "Patient", "p1"), (act, "Patient", None), (act, None, None)]:
        with pytest.raises(Malformed) as refusal:
            await follow(context, who, type_, id_, url)
        assert refusal.value.issues[0].slug == "page-link-invalid"
    with pytest.raises(Malformed):
        await follow(context, act, "Patient", "p1", url.replace("_count=2", "_count=3"))

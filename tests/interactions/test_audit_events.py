"""Who sees what of the audit, page by page, on both databases."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.access.callers import Caller
from service.fhir import codec
from service.fhir.problems import Malformed, Missing
from service.interactions.audit_event import AUDIT_EVENT, event_ids
from service.interactions.context import Act
from service.interactions.read import read, vread
from service.interactions.search import search
from service.storage import audit
from tests.interactions.conftest import LINK_KEY
from tests.storage.audits import BEGUN
from tests.storage.audits import entry as made

SERIALS = audit.FIRST_SERIAL
IDS = event_ids(LINK_KEY)


@pytest.fixture
def governance(act) -> Act:
    return replace(act, caller=replace(act.caller, agency="board", governance=True))


@pytest.fixture
async def acts(context, localities, clock):
    """Eight acts, the even ones of camhs and the odd ones of school."""
    here, elsewhere = localities
    clock.now = BEGUN
    entries = [
        made(
            number,
            locality=here,
            agency=("camhs", "school")[number % 2],
            children=(("a" if number < 4 else "b", 3),),
        )
        for number in range(8)
    ]
    entries.append(made(8, locality=elsewhere))
    await context.store.audit.keep(entries)
    return entries


async def bundle(context, act, *pairs, **more):
    answer = await search(context, act, AUDIT_EVENT, pairs, **more)
    return codec.decode(answer.document)


def shown(found) -> list[int]:
    """Which of the acts they are."""
    return [
        IDS.place(entry["resource"]["id"])[1] - SERIALS
        for entry in found.get("entry", ())
        if entry["search"]["mode"] == "match"
    ]


async def test_an_agency_sees_what_was_done_for_it(context, act, acts):
    assert shown(await bundle(context, act)) == [6, 4, 2, 0]
    assert shown(await bundle(context, act, ("agent", "Organization/school"))) == []
    assert shown(await bundle(context, act, ("agent", "Organization/camhs,Organization/school"))) == [
        6,
        4,
        2,
        0,
    ]


async def test_who_governs_sees_all_of_the_locality(context, act, governance, elsewhere, acts):
    assert shown(await bundle(context, governance)) == [7, 6, 5, 4, 3, 2, 1, 0]
    administrator = replace(act, caller=replace(act.caller, agency="board", administrator=True))
    assert shown(await bundle(context, administrator)) == [7, 6, 5, 4, 3, 2, 1, 0]
    there = replace(elsewhere, caller=replace(elsewhere.caller, governance=True))
    assert shown(await bundle(context, there)) == [8]


async def test_an_event_is_read_by_its_id_by_whoever_may_see_it(context, act, governance, elsewhere, acts):
    own, others = acts[0], acts[1]
    answer = await read(context, act, AUDIT_EVENT, IDS.of(own))
    assert codec.decode(answer.stored.body)["agent"][0]["who"] == {"reference": "Organization/camhs"}
    for asker, one in ((act, others), (elsewhere, own), (act, acts[8])):
        with pytest.raises(Missing) as refused:
            await read(context, asker, AUDIT_EVENT, IDS.of(one))
        assert refused.value.issues[0].slug == "resource-missing"
    assert (await read(context, governance, AUDIT_EVENT, IDS.of(others))).status == 200
    for id_ in ("x", "1-1", IDS.of(own)[:-1]):
        with pytest.raises(Missing):
            await read(context, act, AUDIT_EVENT, id_)


async def test_an_event_has_one_version(context, act, acts):
    assert (await vread(context, act, AUDIT_EVENT, IDS.of(acts[0]), "1")).status == 200
    with pytest.raises(Missing):
        await vread(context, act, AUDIT_EVENT, IDS.of(acts[0]), "2")


async def test_pages_follow_one_another_by_their_links(context, governance, acts):
    seen, pairs = [], [("_count", "3"), ("_total", "accurate")]
    while pairs:
        page = await bundle(context, governance, *pairs)
        assert page["total"] == 8
        seen.append(shown(page))
        links = {link["relation"]: link["url"] for link in page["link"]}
        pairs = parse_qsl(urlsplit(links["next"]).query) if "next" in links else []
    assert seen == [[7, 6, 5], [4, 3, 2], [1, 0]]


async def test_a_page_link_is_of_its_caller_and_search_alone(context, act, governance, acts):
    page = await bundle(context, governance, ("_count", "3"))
    [link] = [link["url"] for link in page["link"] if link["relation"] == "next"]
    pairs = parse_qsl(urlsplit(link).query)
    for asker, changed in ((act, pairs), (governance, [*pairs, ("action", "R")])):
        with pytest.raises(Malformed) as refused:
            await bundle(context, asker, *changed)
        assert refused.value.issues[0].slug == "page-link-invalid"


async def test_totals_are_of_what_is_seen(context, act, governance, acts):
    assert (await bundle(context, act, ("_count", "0")))["total"] == 4
    assert (await bundle(context, governance, ("_summary", "count")))["total"] == 8
    assert (await bundle(context, act, ("_count", "2"), ("_total", "accurate")))["total"] == 4
    assert "total" not in await bundle(context, act, ("_count", "2"))
    assert (await bundle(context, act, ("agent", "Organization/school"), ("_count", "0")))["total"] == 0


async def test_ids_find_what_may_be_seen(context, act, governance, acts):
    ids = ",".join(IDS.of(acts[number]) for number in (1, 2, 0, 2))
    assert shown(await bundle(context, act, ("_id", ids))) == [2, 0]
    assert shown(await bundle(context, governance, ("_id", ids), ("_sort", "date"))) == [0, 1, 2]
    assert shown(await bundle(context, governance, ("_id", ids), ("agent", "Organization/school"))) == [1]
    assert shown(await bundle(context, governance, ("_id", ids), ("date", "lt2020"))) == []
    assert shown(await bundle(context, governance, ("_id", "x"))) == []


async def test_a_young_persons_events_are_in_their_compartment(context, act, governance, acts):
    assert shown(await bundle(context, governance, within=("Patient", "a"))) == [3, 2, 1, 0]
    assert shown(await bundle(context, act, within=("Patient", "b"))) == [6, 4]
    assert shown(await bundle(context, governance, ("patient", "b"), within=("Patient", "a"))) == []
    assert shown(await bundle(context, governance, within=("Practitioner", "p"))) == []


async def test_a_token_for_one_young_person_sees_no_others_events(context, governance, acts):
    narrowed = replace(governance, caller=replace(governance.caller, patient="a"))
    assert shown(await bundle(context, narrowed)) == [3, 2, 1, 0]
    assert shown(await bundle(context, narrowed, ("patient", "b"))) == []
    with pytest.raises(Missing):
        await read(context, narrowed, AUDIT_EVENT, IDS.of(acts[5]))


async def test_elements_and_summaries_are_as_anywhere(context, act, acts):
    found = await bundle(context, act, ("_elements", "recorded"), ("_count", "1"))
    resource = found["entry"][0]["resource"]
    assert "SUBSETTED" in str(resource["meta"])
    assert "recorded" in resource
    assert "subtype" not in resource


async def test_who_is_lenient_is_told_in_the_bundle(context, act, acts):
    found = await bundle(context, act, ("agent-name", "x"), lenient=True)
    assert found["entry"][-1]["search"]["mode"] == "outcome"
    assert len(shown(found)) == 4


async def test_a_caller_without_an_agency_sees_nothing(context, localities, acts):
    nobody = Act(Caller("anonymous", "", localities[0]), "r")
    assert shown(await bundle(context, nobody)) == []

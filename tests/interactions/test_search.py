from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.fhir.problems import Forbidden, Malformed
from service.interactions.delete import delete
from service.interactions.search import search
from service.interactions.update import update
from service.storage.searching import MARGIN
from tests.conftest import BASE_URL
from tests.interactions.builders import NUMBERS, body, entries, goal, ids, patient, score


@pytest.fixture
async def cohort(context, act):
    """Patients p00 to p24, the even ones with number even; one score of p03; p24 deleted again."""
    for number in range(25):
        id_ = f"p{number:02d}"
        kind = "odd" if number % 2 else "even"
        await update(context, act, "Patient", id_, patient(kind, id=id_))
    await update(context, act, "Observation", "s1", score("Patient/p03", id="s1"))
    await delete(context, act, "Patient", "p24")


def links(answer):
    return {link["relation"]: link["url"] for link in body(answer)["link"]}


async def follow(context, act, url, type_="Patient", **where):
    return await search(context, act, type_, parse_qsl(urlsplit(url).query), **where)


def modes(answer):
    return [(one["resource"].get("id"), one["search"]["mode"]) for one in entries(answer)]


async def test_a_searchset_joins_the_stored_bodies(context, act, cohort):
    answer = await search(context, act, "Observation", [("subject", "Patient/p03")])
    bundle = body(answer)
    assert (answer.status, bundle["type"], bundle["total"]) == (200, "searchset", 1)
    (only,) = bundle["entry"]
    assert only["fullUrl"] == f"{BASE_URL}/Observation/s1"
    assert only["search"] == {"mode": "match"}
    stored = await context.store.read(act.caller.locality, "Observation", "s1")
    assert stored.body in answer.document
    assert links(answer) == {"self": f"{BASE_URL}/Observation?subject=Patient/p03&_count=10"}


async def test_nothing_found(context, act, cohort):
    bundle = body(await search(context, act, "Patient", [("identifier", "none")]))
    assert bundle["total"] == 0
    assert "entry" not in bundle


async def test_pages_show_everything_once_while_others_write(context, act, cohort):
    pairs = [("identifier", f"{NUMBERS}|even"), ("_count", "5")]
    answer = await search(context, act, "Patient", pairs)
    seen = ids(answer)
    assert len(seen) == 5
    assert "total" not in body(answer)
    await update(context, act, "Patient", "p90", patient("odd", id="p90"))
    await update(context, act, "Patient", "p00", patient("even", id="p00", active=True))
    while "next" in links(answer):
        answer = await follow(context, act, links(answer)["next"])
        seen += ids(answer)
    assert seen == [f"p{number:02d}" for number in range(0, 24, 2)]
    assert "total" not in body(answer)


async def test_links_lead_back_to_the_same_page(context, act, cohort):
    first = await search(context, act, "Patient", [("_count", "7")])
    second = await follow(context, act, links(first)["next"])
    again = await follow(context, act, links(second)["self"])
    assert ids(again) == ids(second)
    assert not set(ids(first)) & set(ids(second))


async def test_total_when_asked(context, act, cohort):
    bundle = body(await search(context, act, "Patient", [("_count", "5"), ("_total", "accurate")]))
    assert (bundle["total"], len(bundle["entry"])) == (24, 5)
    alone = body(await search(context, act, "Patient", [("_count", "0")]))
    assert alone["total"] == 24
    assert "entry" not in alone
    assert [link["relation"] for link in alone["link"]] == ["self"]


async def test_unknown_parameters(context, act, cohort):
    pairs = [("identifier", "odd"), ("colour", "red"), ("_count", "5")]
    with pytest.raises(Malformed):
        await search(context, act, "Patient", pairs)
    answer = await search(context, act, "Patient", pairs, lenient=True)
    *matches, last = entries(answer)
    assert len(matches) == 5
    assert last["search"] == {"mode": "outcome"}
    (issue,) = last["resource"]["issue"]
    assert issue["severity"] == "warning"
    assert "colour" in issue["diagnostics"]
    assert "colour" not in links(answer)["self"]
    assert len(ids(await follow(context, act, links(answer)["next"]))) == 5


async def test_values_are_encoded_in_links(context, act, cohort):
    answer = await search(context, act, "Patient", [("identifier", "a|b&c=d é+")])
    assert links(answer)["self"] == f"{BASE_URL}/Patient?identifier=a%7Cb%26c%3Dd+%C3%A9%2B&_count=10"


@pytest.mark.parametrize("change", ["locality", "query", "count", "type", "token", "shorter", "nonsense"])
async def test_a_page_link_is_good_for_its_own_query_only(context, act, elsewhere, cohort, change):
    answer = await search(context, act, "Patient", [("identifier", "even"), ("_count", "5")])
    url = links(answer)["next"]
    who, type_ = act, "Patient"
    token = dict(parse_qsl(urlsplit(url).query))["_page"]
    match change:
        case "locality":
            who = elsewhere
        case "query":
            url = url.replace("even", "odd")
        case "count":
            url = url.replace("_count=5", "_count=6")
        case "type":
            type_ = "Group"
        case "token":
            url = url.replace(token, token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])
        case "shorter":
            url = url.replace(token, token[:-4])
        case "nonsense":
            url = url.replace(token, "!*é")
    with pytest.raises(Malformed) as refusal:
        await follow(context, who, url, type_)
    assert refusal.value.issues[0].slug == "page-link-invalid"


async def test_localities_do_not_see_each_other(context, elsewhere, cohort):
    assert ids(await search(context, elsewhere, "Patient", [])) == []


async def test_pages_are_followed_there_and_back(context, act, cohort):
    pairs = [("identifier", f"{NUMBERS}|even"), ("_count", "5")]
    first = await search(context, act, "Patient", pairs)
    assert list(links(first)) == ["self", "first", "next"]
    second = await follow(context, act, links(first)["next"])
    third = await follow(context, act, links(second)["next"])
    assert list(links(second)) == ["self", "first", "previous", "next"]
    assert list(links(third)) == ["self", "first", "previous"]
    back = await follow(context, act, links(third)["previous"])
    assert ids(back) == ids(second)
    assert ids(await follow(context, act, links(back)["previous"])) == ids(first)
    assert ids(await follow(context, act, links(back)["next"])) == ids(third)
    assert ids(await follow(context, act, links(third)["first"])) == ids(first)


async def test_a_sorted_search_is_followed_there_and_back(context, act, clock, cohort):
    clock.now += 2 * MARGIN
    pairs = [("_sort", "identifier,-_id"), ("_count", "7")]
    answer = await search(context, act, "Patient", pairs)
    pages = [answer]
    while "next" in links(pages[-1]):
        pages.append(await follow(context, act, links(pages[-1])["next"]))
    even = [f"p{number:02d}" for number in range(22, -1, -2)]
    odd = [f"p{number:02d}" for number in range(23, 0, -2)]
    assert [id_ for page in pages for id_ in ids(page)] == even + odd
    back = pages[-1]
    for page in reversed(pages[:-1]):
        back = await follow(context, act, links(back)["previous"])
        assert ids(back) == ids(page)
    assert "previous" not in links(back)


async def test_includes_stand_behind_the_matches(context, act, cohort):
    await update(context, act, "Goal", "g1", goal("Patient/p03", id="g1"))
    pairs = [("_include", "Observation:subject"), ("_revinclude:iterate", "Goal:patient")]
    answer = await search(context, act, "Observation", pairs)
    assert modes(answer) == [("s1", "match"), ("p03", "include"), ("g1", "include")]
    assert body(answer)["total"] == 1
    assert "_include=Observation:subject&_revinclude:iterate=Goal:patient" in links(answer)["self"].replace(
        "%3A", ":"
    )


async def test_a_cut_of_includes_is_told(context, act, cohort):
    for number in range(3):
        await update(context, act, "Goal", f"g{number}", goal("Patient/p03", id=f"g{number}"))
    limited = replace(context, limits=replace(context.limits, included=2))
    pairs = [("_id", "p03"), ("_revinclude", "Goal:patient")]
    answer = await search(limited, act, "Patient", pairs)
    assert modes(answer) == [("p03", "match"), ("g0", "include"), ("g1", "include"), (None, "outcome")]
    (issue,) = entries(answer)[-1]["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "too-costly")


async def test_some_elements_of_the_matches(context, act, cohort):
    pairs = [("_elements", "status"), ("_include", "Observation:subject")]
    answer = await search(context, act, "Observation", pairs)
    (match, beside) = (one["resource"] for one in entries(answer))
    assert set(match) == {"resourceType", "id", "meta", "status", "code"}
    assert match["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "identifier" in beside
    assert "tag" not in beside["meta"]


async def test_summaries(context, act, cohort):
    data = entries(await search(context, act, "Observation", [("_summary", "data")]))[0]["resource"]
    assert {"code", "subject"} <= set(data)
    text = entries(await search(context, act, "Observation", [("_summary", "text")]))[0]["resource"]
    assert "subject" not in text
    counted = body(await search(context, act, "Patient", [("_summary", "count"), ("_sort", "_id")]))
    assert counted["total"] == 24
    assert "entry" not in counted
    whole = await search(context, act, "Observation", [("_summary", "false")])
    stored = await context.store.read(act.caller.locality, "Observation", "s1")
    assert stored.body in whole.document


async def test_the_system_is_searched_by_type(context, act, cohort):
    await update(context, act, "Goal", "g1", goal("Patient/p03", id="g1"))
    pairs = [("_type", "Observation,Goal"), ("patient", "p03"), ("_count", "1")]
    answer = await search(context, act, "", pairs)
    assert ids(answer) == ["s1"]
    assert links(answer)["self"] == f"{BASE_URL}?_type=Observation,Goal&patient=p03&_count=1"
    following = await follow(context, act, links(answer)["next"], "")
    assert ids(following) == ["g1"]
    assert ids(await follow(context, act, links(following)["previous"], "")) == ["s1"]
    everything = await search(context, act, "", [("_count", "50"), ("_total", "accurate")])
    assert body(everything)["total"] == 26


async def test_a_compartment_is_searched(context, act, cohort):
    await update(context, act, "Goal", "g1", goal("Patient/p03", id="g1"))
    await update(context, act, "Goal", "g2", goal("Patient/p04", id="g2"))
    within = ("Patient", "p03")
    goals = await search(context, act, "Goal", [], within=within)
    assert ids(goals) == ["g1"]
    assert links(goals)["self"] == f"{BASE_URL}/Patient/p03/Goal?_count=10"
    every = await search(context, act, "", [("_count", "2")], within=within)
    assert links(every)["self"] == f"{BASE_URL}/Patient/p03/*?_count=2"
    rest = await follow(context, act, links(every)["next"], "", within=within)
    assert sorted(ids(every) + ids(rest)) == ["g1", "p03", "s1"]
    assert ids(await search(context, act, "", [], within=within, types=("Goal",))) == ["g1"]
    assert ids(await search(context, act, "Goal", [], within=("Patient", "nobody"))) == []
    for other in ({"within": ("Patient", "p04")}, {}, {"within": within, "types": ("Goal",)}):
        with pytest.raises(Malformed):
            await follow(context, act, links(every)["next"], "", **other)


async def test_how_a_search_was_done_is_for_administrators(context, act, cohort):
    pairs = [("identifier", f"{NUMBERS}|secret-number"), ("_explain", "true")]
    with pytest.raises(Forbidden) as refused:
        await search(context, act, "Patient", pairs)
    assert refused.value.issues[0].slug == "explain-not-allowed"
    administrator = replace(act, caller=replace(act.caller, administrator=True))
    answer = await search(context, administrator, "Patient", pairs)
    (told,) = entries(answer)
    assert told["search"]["mode"] == "outcome"
    texts = [issue["diagnostics"] for issue in told["resource"]["issue"]]
    assert {issue["severity"] for issue in told["resource"]["issue"]} == {"information"}
    assert "microseconds" in texts[0]
    assert any("index_token" in text for text in texts[1:])
    assert not any("secret-number" in text for text in texts)
    silent = [("identifier", "x"), ("_explain", "false")]
    assert entries(await search(context, act, "Patient", silent)) == []


async def test_a_value_set_that_is_kept_here(context, act, cohort):
    """Known to the terminology by its address, and found by what it holds."""
    genders = "http://hl7.org/fhir/ValueSet/administrative-gender"
    await update(context, act, "Patient", "p03", patient("odd", id="p03", gender="female"))
    assert ids(await search(context, act, "Patient", [("gender:in", genders)])) == ["p03"]
    with pytest.raises(Malformed):
        await search(context, act, "Patient", [("gender:in", "https://elsewhere.example/ValueSet/none")])

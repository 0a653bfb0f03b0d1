from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from service.fhir.problems import Malformed
from service.interactions.delete import delete
from service.interactions.search import search
from service.interactions.update import update
from tests.conftest import BASE_URL
from tests.interactions.builders import NUMBERS, body, entries, ids, patient, score


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


async def follow(context, act, url, type_="Patient"):
    return await search(context, act, type_, parse_qsl(urlsplit(url).query))


async def test_a_searchset_joins_the_stored_bodies(context, act, cohort):
    answer = await search(context, act, "Observation", [("subject", "Patient/p03")])
    bundle = body(answer)
    assert (answer.status, bundle["type"], bundle["total"]) == (200, "searchset", 1)
    (only,) = bundle["entry"]
    assert only["fullUrl"] == f"{BASE_URL}/Observation/s1"
    assert only["search"] == {"mode": "match"}
    stored = await context.store.read(act.caller.locality, "Observation", "s1")
    assert stored.body in answer.document
    assert links(answer) == {"self": f"{BASE_URL}/Observation?subject=Patient/p03"}


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
    assert links(answer)["self"] == f"{BASE_URL}/Patient?identifier=a%7Cb%26c%3Dd+%C3%A9%2B"


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

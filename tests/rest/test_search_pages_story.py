"""The story of pages: their links lead forward and back, on any worker and after a restart, and cannot be made up.

Source: issue 4 «Search», https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.rest.asking import refused
from tests.rest.searched import SCORED
from tests.rest.searching import links, shown
from tests.rest.serving import serving

pytestmark = pytest.mark.slow

OLDEST_FIRST = [f"score-{number}" for number in range(1, len(SCORED) + 1)]
KITES = [("subject", "Patient/kite"), ("focus", "Goal/sleep")]


@pytest.mark.parametrize("order", [[], [("_sort", "-date")], [("_sort", "value-quantity,_id")]])
def test_pages_lead_forward_and_back_on_any_worker(clinic, order):
    whole = clinic.ids("Observation", *KITES, *order)
    first = clinic.bundle("Observation", *KITES, *order, ("_count", "2"))
    assert "previous" not in links(first)
    forward = clinic.follow(links(first)["self"], "next")
    assert forward == [whole[0:2], whole[2:4], whole[4:6]]
    last = links(clinic.bundle(links(clinic.bundle(links(first)["next"]))["next"]))
    assert "next" not in last
    assert clinic.follow(last["previous"], "previous") == [whole[2:4], whole[0:2]]
    assert shown(clinic.bundle(last["first"])) == whole[0:2]


def test_a_link_that_was_changed_is_refused(clinic):
    url = links(clinic.bundle("Observation", *KITES, ("_count", "2"), ("_sort", "date")))["next"]
    token = dict(parse_qsl(urlsplit(url).query))["_page"]
    other = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    for changed in (
        url.replace(token, other),
        url.replace("kite", "moss"),
        url.replace("_sort=date", "_sort=-date"),
    ):
        assert changed != url
        refused(clinic.get(changed), 400, "page-link-invalid")
    assert "kite" not in token
    assert clinic.get(url).status_code == 200


def test_links_hold_after_a_restart(tmp_path, searched_database, clinic):
    url = links(clinic.bundle("Observation", *KITES, ("_count", "2"), ("_sort", "date")))["next"]
    with serving(
        tmp_path,
        searched_database,
        "--sandbox",
        "--workers",
        "1",
        BASE_URL=str(clinic.http.base_url).rstrip("/"),
    ) as again:
        there = f"{again.url}/fhir/Observation?{urlsplit(url).query}"
        assert shown(httpx.get(there).json()) == ["score-3", "score-4"]

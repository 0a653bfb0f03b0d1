from __future__ import annotations

import pytest

from service.interactions.read import read
from service.interactions.search import search
from tests.interactions.builders import (
    body,
    criteria,
    entries,
    entry,
    goal,
    ids,
    patient,
    score,
    statuses,
    urn,
)
from tests.interactions.transactions import location_id, put, refused, run, subject_of


class TestConditionalReferences:
    async def test_mean_what_the_store_has(self, context, act):
        await put(context, act, "p1")
        answer = await run(context, act, entry("POST", "Goal", goal("Patient?" + criteria("1"))))
        assert await subject_of(context, act, answer, 0) == "Patient/p1"

    async def test_mean_what_the_transaction_makes(self, context, act):
        answer = await run(
            context,
            act,
            entry("POST", "Goal", goal("Patient?" + criteria("1"))),
            entry("POST", "Goal", goal("Patient?" + criteria("1"))),
            entry("POST", "Patient", patient("1")),
        )
        for index in (0, 1):
            assert await subject_of(context, act, answer, index) == f"Patient/{location_id(answer, 2)}"

    async def test_do_not_mean_what_it_deletes_or_changes(self, context, act):
        await put(context, act, "deleted")
        await put(context, act, "changed")
        answer = await run(
            context,
            act,
            entry("POST", "Goal", goal("Patient?" + criteria("1"))),
            entry("DELETE", "Patient/deleted"),
            entry("PUT", "Patient/changed", patient("2", id="changed")),
            entry("PUT", "Patient/fresh", patient("1", id="fresh")),
        )
        assert await subject_of(context, act, answer, 0) == "Patient/fresh"

    @pytest.mark.parametrize(
        ("reference", "status", "slug"),
        [
            ("Patient?" + criteria("9"), 412, "reference-unmatched"),
            ("Patient?" + criteria("1"), 412, "reference-ambiguous"),
            ("Patient?colour=red", 400, "search-parameter-unknown"),
            ("Patient?_count=1", 400, "criteria-not-filter"),
            ("Device?" + criteria("1"), 404, "type-not-served"),
        ],
    )
    async def test_that_do_not_mean_one_resource(self, context, act, reference, status, slug):
        await put(context, act, "p1")
        await put(context, act, "p2")
        given = entry("POST", "Observation", score(reference))
        expected = (status, [(slug, "Bundle.entry[0].resource.subject.reference")])
        assert await refused(context, act, given) == expected


class TestConditions:
    async def test_if_none_exist(self, context, act):
        await put(context, act, "p1")
        answer = await run(
            context,
            act,
            entry("POST", "Patient", patient("1"), urn(1), ifNoneExist=criteria("1")),
            entry("POST", "Patient", patient("2"), urn(2), ifNoneExist=criteria("2")),
            entry("POST", "Goal", goal(urn(1))),
            entry("POST", "Goal", goal(urn(2))),
        )
        assert statuses(answer) == ["200 OK", "201 Created", "201 Created", "201 Created"]
        assert entries(answer)[0]["response"]["location"] == "Patient/p1/_history/1"
        assert await subject_of(context, act, answer, 2) == "Patient/p1"
        assert await subject_of(context, act, answer, 3) == f"Patient/{location_id(answer, 1)}"

    async def test_a_deletion_comes_before_the_condition(self, context, act):
        await put(context, act, "p1")
        answer = await run(
            context,
            act,
            entry("POST", "Patient", patient("1"), ifNoneExist=criteria("1")),
            entry("DELETE", "Patient?" + criteria("1")),
        )
        assert statuses(answer) == ["201 Created", "204 No Content"]
        assert ids(await search(context, act, "Patient", [])) == [location_id(answer, 0)]

    async def test_conditional_update_patch_and_delete(self, context, act):
        await put(context, act, "p1", "1")
        await put(context, act, "p2", "2")
        for id_ in ("p3", "p4"):
            await put(context, act, id_, "3")
        part = [
            {"name": "type", "valueCode": "add"},
            {"name": "path", "valueString": "Patient"},
            {"name": "name", "valueString": "active"},
            {"name": "value", "valueBoolean": True},
        ]
        answer = await run(
            context,
            act,
            entry("PUT", "Patient?" + criteria("1"), patient("1", gender="other"), urn(1)),
            entry(
                "PATCH",
                "Patient?" + criteria("2"),
                {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]},
                urn(2),
            ),
            entry("DELETE", "Patient?" + criteria("3")),
            entry("PUT", "Patient?" + criteria("4"), patient("4"), urn(4)),
            entry("PUT", "Patient?" + criteria("5"), patient("5", id="p5")),
            entry("POST", "Observation", score(urn(1), performer=[{"reference": urn(2)}])),
        )
        assert statuses(answer) == ["200 OK", "200 OK", "204 No Content", *["201 Created"] * 3]
        locations = [one["response"].get("location") for one in entries(answer)]
        assert locations[:2] == ["Patient/p1/_history/2", "Patient/p2/_history/2"]
        assert locations[4] == "Patient/p5/_history/1"
        made = body(await read(context, act, "Observation", location_id(answer, 5)))
        assert made["subject"]["reference"] == "Patient/p1"
        assert made["performer"] == [{"reference": "Patient/p2"}]
        assert body(await read(context, act, "Patient", "p2"))["active"] is True
        assert len(ids(await search(context, act, "Patient", []))) == 4

    @pytest.mark.parametrize(
        ("given", "status", "slug"),
        [
            (entry("PUT", "Patient/p1", patient(id="p1"), ifMatch='W/"7"'), 412, "version-mismatch"),
            (entry("DELETE", "Patient/p1", ifMatch='W/"7"'), 412, "version-mismatch"),
            (entry("PUT", "Patient?" + criteria("1"), patient()), 412, "criteria-ambiguous"),
            (entry("POST", "Patient", patient(), ifNoneExist=criteria("1")), 412, "criteria-ambiguous"),
            (entry("DELETE", "Patient?colour=red"), 400, "search-parameter-unknown"),
            (entry("DELETE", "Patient?_id:missing=false"), 400, "criteria-empty"),
            (entry("PUT", "Patient?" + criteria("9"), patient("9", id="p1")), 409, "id-taken"),
            (entry("PUT", "Patient/p1", patient(id="p2")), 400, "id-mismatch"),
            (entry("PUT", "Patient/p1", patient()), 400, "id-absent"),
            (entry("POST", "Patient", goal()), 400, "type-mismatch"),
            (entry("GET", "Patient/never"), 404, "resource-missing"),
            (entry("GET", "Patient/p1/_history/9"), 404, "version-missing"),
            (entry("GET", "Patient?colour=red"), 400, "search-parameter-unknown"),
            (entry("POST", "Appointment", patient()), 404, "type-not-served"),
            (entry("POST", "AuditEvent", patient()), 405, "interaction-not-offered"),
            (entry("PUT", "Patient/p1", patient(id="p1"), ifMatch="1"), 400, "etag-malformed"),
            (entry("PATCH", "Patient/p1", patient(id="p1")), 400, "entry-patch"),
            (entry("PUT", "Patient/p1"), 400, "entry-resource-absent"),
            (entry("POST", "Patient/p1", patient()), 400, "entry-address"),
            (entry("DELETE", "Patient"), 400, "entry-address"),
            (entry("PUT", "Patient/p3", patient(id="p3"), ifNoneMatch='W/"1"'), 400, "entry-condition"),
            (entry("DELETE", "Patient?" + criteria("1"), ifMatch='W/"1"'), 400, "entry-condition"),
            (entry("POST", "Patient", patient(), ifMatch='W/"1"'), 400, "entry-condition"),
            (entry("GET", "Patient/p1", ifNoneExist=criteria("1")), 400, "entry-condition"),
            ({"resource": patient()}, 400, "entry-request-absent"),
        ],
    )
    async def test_that_refuse_the_whole(self, context, act, given, status, slug):
        await put(context, act, "p1")
        await put(context, act, "p2")
        found = await refused(context, act, entry("POST", "Patient", patient("fine")), given)
        assert (found[0], [issue[0] for issue in found[1]]) == (status, [slug])
        assert all(expression.startswith("Bundle.entry[1]") for _, expression in found[1])


class TestOverlaps:
    @pytest.mark.parametrize(
        "given",
        [
            [entry("PUT", "Patient/p1", patient(id="p1")), entry("PUT", "Patient/p1", patient(id="p1"))],
            [entry("PUT", "Patient/p1", patient(id="p1")), entry("DELETE", "Patient/p1")],
            [entry("DELETE", "Patient/p1"), entry("DELETE", "Patient?" + criteria("1"))],
            [
                entry("PUT", "Patient/p1", patient(id="p1")),
                entry("PUT", "Patient?" + criteria("1"), patient()),
            ],
            [entry("DELETE", "Patient/new"), entry("PUT", "Patient/new", patient("2", id="new"))],
            [
                entry("PUT", "Patient/p1", patient(id="p1")),
                entry("POST", "Patient", patient(), ifNoneExist=criteria("1")),
            ],
            [
                entry("POST", "Patient", patient("7"), ifNoneExist=criteria("7")),
                entry("POST", "Patient", patient("7"), ifNoneExist=criteria("7")),
            ],
            [
                entry("POST", "Patient", patient("7")),
                entry("POST", "Patient", patient("8"), ifNoneExist=criteria("7")),
            ],
            [
                entry("POST", "Patient", patient("7")),
                entry("PUT", "Patient?" + criteria("7"), patient("7")),
            ],
            [
                entry("PUT", "Patient?" + criteria("7"), patient("7")),
                entry("PUT", "Patient?" + criteria("7"), patient("7")),
            ],
            [
                entry("PUT", "Patient?" + criteria("7"), patient("7")),
                entry("PUT", "Patient/p9", patient("7", id="p9")),
            ],
            [
                entry("PUT", "Patient?" + criteria("1"), patient("1")),
                entry("PUT", "Patient/p9", patient("1", id="p9")),
            ],
            [
                entry("POST", "Patient", patient("1"), ifNoneExist=criteria("1")),
                entry("POST", "Patient", patient("1")),
            ],
        ],
    )
    async def test_are_refused(self, context, act, given):
        await put(context, act, "p1")
        for order in (given, given[::-1]):
            status, issues = await refused(context, act, *order)
            assert status == 400
            assert {slug for slug, _ in issues} == {"transaction-overlap"}

    async def test_of_full_urls_are_refused(self, context, act):
        one = entry("POST", "Patient", patient("1"), urn(1))
        two = entry("POST", "Patient", patient("2"), urn(1))
        assert await refused(context, act, one, two) == (
            400,
            [("full-url-repeated", "Bundle.entry[1].fullUrl")],
        )

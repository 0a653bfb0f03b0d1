"""What an export is asked for: every parameter in every way that it comes, strict and lenient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.needs import InsufficientScope
from service.access.scopes import read_scopes
from service.fhir import parameters
from service.fhir.problems import Malformed
from service.interactions.searching import setting_of
from service.operations.export_asked import INPUTS, exportable, read
from service.operations.operation import Call
from tests.conftest import BASE_URL

NOON = 1_790_000_000_000  # 2026-09-21T14:13:20Z


def call(*pairs, body=None, lenient=False, type_="", id_="", method="GET", apart=False):
    inputs = parameters.read(INPUTS, pairs, body, searches=True)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return Call(type_, id_, inputs, lenient, method=method, query=query, apart=apart)


def sent(*parts):
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in parts]}


@pytest.fixture
def asked(context, act):
    async def ask(*pairs, level="system", act=act, **more):
        return await read(context, act, call(*pairs, **more), level)

    return ask


def slugs(problem) -> set[str]:
    return {issue.slug for issue in problem.value.issues}


async def test_nothing_in_particular(asked, context):
    request = await asked()
    assert request.level == "system"
    assert request.url == f"{BASE_URL}/$export"
    assert request.method == "GET"
    assert request.types == exportable(context.registry, "system")
    assert (request.since, request.until, request.filters, request.elements) == (None, None, (), ())
    assert (request.partial, request.ballot, request.apart, request.strict) == (False, False, False, True)


def test_what_is_exported(context):
    everything = exportable(context.registry, "system")
    compartment = exportable(context.registry, "Patient")
    assert {"Patient", "Goal", "Organization", "Questionnaire", "ValueSet", "Task"} <= set(everything)
    assert "AuditEvent" not in everything
    assert {"Patient", "Goal", "Observation", "Provenance", "Task", "Group"} <= set(compartment)
    assert not {"Organization", "Questionnaire", "ValueSet", "AuditEvent"} & set(compartment)
    assert exportable(context.registry, "Group") == compartment


@pytest.mark.parametrize(
    ("pairs", "types"),
    [
        ([("_type", "Patient,Goal")], ("Goal", "Patient")),
        ([("_type", "Patient"), ("_type", "Goal"), ("_type", "Goal")], ("Goal", "Patient")),
        ([("_type", " Patient , Goal ,")], ("Goal", "Patient")),
        ([("_type", "")], None),
    ],
)
async def test_types(pairs, types, asked):
    if types is None:
        with pytest.raises(Malformed):
            await asked(*pairs)
    else:
        assert (await asked(*pairs)).types == types


@pytest.mark.parametrize("type_", ["Medication", "AuditEvent", "Nonsense", "patient"])
async def test_types_that_are_not_exported(type_, asked):
    with pytest.raises(Malformed) as refused:
        await asked(("_type", f"Patient,{type_}"))
    assert slugs(refused) == {"export-type"}
    request = await asked(("_type", f"Patient,{type_}"), lenient=True)
    assert request.types == ("Patient",)
    assert [(fault.severity, fault.slug) for fault in request.faults] == [("warning", "export-type")]
    with pytest.raises(Malformed) as refused:
        await asked(("_type", type_), lenient=True)
    assert slugs(refused) == {"export-nothing"}


async def test_types_about_nobody_come_beside_a_compartment(asked):
    request = await asked(("_type", "Goal,Organization"), level="Patient", type_="Patient")
    assert request.types == ("Goal", "Organization")
    assert request.url == f"{BASE_URL}/Patient/$export?_type=Goal,Organization"
    with pytest.raises(Malformed) as refused:
        await asked(("_type", "Organization"), level="Patient")
    assert slugs(refused) == {"export-type-outside"}
    assert (await asked(("_type", "Organization"), level="Group", lenient=True)).types == ("Organization",)
    with pytest.raises(Malformed) as refused:
        await asked(("_type", "Goal,Subscription"), level="Patient")
    assert slugs(refused) == {"export-type"}


@pytest.fixture
def narrowed(context, act):
    def narrow(scopes):
        return replace(act, caller=replace(act.caller, scopes=read_scopes(setting_of(context), scopes)))

    return narrow


async def test_a_token_leaves_its_types(asked, narrowed):
    few = narrowed("system/Goal.rs system/Patient.r system/Observation.s system/Organization.read")
    assert (await asked(act=few)).types == ("Goal", "Organization")
    assert (await asked(act=few, level="Patient")).types == ("Goal",)
    with pytest.raises(InsufficientScope) as refused:
        await asked(("_type", "Goal,Patient"), act=few)
    assert refused.value.needed == "system/Patient.rs"
    request = await asked(("_type", "Goal,Patient"), act=few, lenient=True)
    assert request.types == ("Goal",)
    assert [fault.slug for fault in request.faults] == ["export-type-not-covered"]
    with pytest.raises(InsufficientScope):
        await asked(("_type", "Patient"), act=few, lenient=True)
    with pytest.raises(InsufficientScope):
        await asked(act=narrowed("system/Organization.rs"), level="Patient")


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-09-21T14:13:20Z", NOON, NOON - 1),
        ("2026-09-21T15:13:20+01:00", NOON, NOON - 1),
        ("2026-09-21T15:13:20 01:00", NOON, NOON - 1),  # a plus that was not escaped
        ("2026-09-21T14:13:20.005Z", NOON + 5, NOON + 4),
        # Finer than our clock: what is stamped 5 is earlier than 5.5, and no later than it.
        ("2026-09-21T14:13:20.0055Z", NOON + 5, NOON + 5),
        ("2026-09-21", NOON - 51_200_000, NOON - 51_200_001),
    ],
)
async def test_moments(text, since, until, asked):
    assert (await asked(("_since", text))).since == since
    assert (await asked(("_until", text))).until == until


@pytest.mark.parametrize("name", ["_since", "_until"])
@pytest.mark.parametrize("lenient", [False, True])
async def test_a_moment_that_is_none_is_refused_in_any_case(name, lenient, asked):
    with pytest.raises(Malformed) as refused:
        await asked((name, "yesterday"), lenient=lenient)
    assert slugs(refused) == {"export-instant"}


async def test_nothing_lies_between(asked):
    at = "2026-09-21T14:13:20Z"
    with pytest.raises(Malformed) as refused:
        await asked(("_since", at), ("_until", at))
    assert slugs(refused) == {"export-period-inverted"}
    with pytest.raises(Malformed):
        await asked(("_since", at), ("_until", "2026-09-21T14:13:20.001Z"))
    assert await asked(("_since", at), ("_until", "2026-09-21T14:13:20.002Z"))


@pytest.mark.parametrize(
    "format_",
    ["application/fhir+ndjson", "application/ndjson", "ndjson", "application/fhir ndjson", "NDJSON"],
)
async def test_formats(format_, asked):
    assert await asked(("_outputFormat", format_))


@pytest.mark.parametrize("lenient", [False, True])
async def test_another_format_is_refused_in_any_case(lenient, asked):
    with pytest.raises(Malformed) as refused:
        await asked(("_outputFormat", "application/fhir+xml"), lenient=lenient)
    assert slugs(refused) == {"export-format"}


@pytest.mark.parametrize(
    ("values", "filters"),
    [
        (["Patient?gender=other"], [("Patient", "gender=other")]),
        (
            ["Patient?gender=other,Goal?lifecycle-status=active"],
            [("Patient", "gender=other"), ("Goal", "lifecycle-status=active")],
        ),
        (["Patient?gender=other,male"], [("Patient", "gender=other,male")]),
        (
            ["Patient?gender=other", "Patient?gender=male"],
            [("Patient", "gender=other"), ("Patient", "gender=male")],
        ),
        (
            ["Observation?category=social-history%2Csurvey,Patient?gender=other"],
            [("Observation", "category=social-history%2Csurvey"), ("Patient", "gender=other")],
        ),
    ],
)
async def test_filters(values, filters, asked):
    request = await asked(*(("_typeFilter", value) for value in values))
    assert list(request.filters) == filters


async def test_a_filter_that_cannot_be_applied(asked):
    pairs = (("_type", "Patient"), ("_typeFilter", "Patient?colour=red,Goal?lifecycle-status=active"))
    with pytest.raises(Malformed) as refused:
        await asked(*pairs)
    assert slugs(refused) == {"search-parameter-unknown", "export-filter-type"}
    request = await asked(*pairs, lenient=True)
    assert request.filters == ()
    assert {fault.slug for fault in request.faults} == {"search-parameter-unknown", "export-filter-type"}


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("Patient.id,Patient.birthDate", [("Patient", "birthDate"), ("Patient", "id")]),
        ("status", [("", "status")]),
        ("Observation.value", [("Observation", "value")]),
        ("Observation.valueQuantity", [("Observation", "value")]),
        ("id", [("", "id")]),
    ],
)
async def test_elements(text, elements, asked):
    found = (await asked(("_elements", text))).elements
    assert set(elements) <= set(found)
    assert {name for _, name in found} - {"id", "meta", "resourceType"} <= {name for _, name in elements}


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Goal.status", "export-elements"),
        ("Patient.colour", "search-element-unknown"),
        ("colour", "search-element-unknown"),
    ],
)
async def test_elements_that_there_are_not(text, slug, asked):
    pairs = (("_type", "Patient"), ("_elements", f"Patient.gender,{text}"))
    with pytest.raises(Malformed) as refused:
        await asked(*pairs)
    assert slugs(refused) == {slug}
    assert (await asked(*pairs, lenient=True)).elements == (("Patient", "gender"),)


CODING = {"system": "http://hl7.org/fhir/uv/bulkdata/CodeSystem/include-associated-data"}


@pytest.mark.parametrize(
    ("codes", "associated"),
    [
        (["LatestProvenanceResources"], ("LatestProvenanceResources",)),
        (["RelevantProvenanceResources"], ("RelevantProvenanceResources",)),
        # Of several that which returns most.
        (["RelevantProvenanceResources", "LatestProvenanceResources"], ("RelevantProvenanceResources",)),
        (["LatestProvenanceResources,RelevantProvenanceResources"], ("RelevantProvenanceResources",)),
    ],
)
async def test_associated_data(codes, associated, asked):
    request = await asked(*(("includeAssociatedData", code) for code in codes))
    assert request.associated == associated
    assert request.ballot is False


async def test_associated_data_as_the_ballot_has_it(asked):
    body = sent(("includeAssociatedData", {"valueCoding": {**CODING, "code": "LatestProvenanceResources"}}))
    request = await asked(body=body, method="POST")
    assert request.associated == ("LatestProvenanceResources",)
    assert request.ballot is True
    other = sent(
        ("includeAssociatedData", {"valueCoding": {"system": "x", "code": "LatestProvenanceResources"}})
    )
    with pytest.raises(Malformed) as refused:
        await asked(body=other, method="POST")
    assert slugs(refused) == {"export-associated-data"}


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("includeAssociatedData", "_everything", "export-associated-data"),
        ("organizeOutputBy", "Organization", "export-organized-by"),
        ("_maximumFileSize", "1000", "operation-parameter-unknown"),
    ],
)
async def test_what_is_not_offered(name, value, slug, asked):
    with pytest.raises(Malformed) as refused:
        await asked((name, value))
    assert slugs(refused) == {slug}
    request = await asked((name, value), lenient=True)
    assert [fault.slug for fault in request.faults] == [slug]
    assert (request.associated, request.organized_by, request.strict) == ((), "", False)


async def test_all_that_is_wrong_is_told_at_once(asked):
    with pytest.raises(Malformed) as refused:
        await asked(
            ("_since", "x"), ("_outputFormat", "xml"), ("colour", "red"), ("organizeOutputBy", "Goal")
        )
    assert slugs(refused) == {
        "export-instant", "export-format", "operation-parameter-unknown", "export-organized-by",
    }  # fmt: skip


async def test_the_rest(asked):
    request = await asked(
        ("organizeOutputBy", "Patient"),
        ("allowPartialManifests", "true"),
        apart=True,
        level="Group",
        type_="Group",
        id_="g",
    )
    assert (request.organized_by, request.partial, request.apart, request.group) == (
        "Patient",
        True,
        True,
        "g",
    )
    assert request.url.startswith(f"{BASE_URL}/Group/g/$export?")


async def test_by_post_as_smart_clients_send_it(asked):
    body = sent(
        ("_since", {"valueInstant": "2026-09-21T14:13:20Z"}),
        ("_type", {"valueString": "Patient"}),
        ("_type", {"valueString": "Goal"}),
        ("_elements", {"valueString": "Patient.id,Patient.gender"}),
        ("_typeFilter", {"valueString": "Patient?gender=other"}),
        ("_outputFormat", {"valueString": "application/fhir+ndjson"}),
        ("allowPartialManifests", {"valueBoolean": True}),
    )
    request = await asked(body=body, method="POST", level="Patient", type_="Patient")
    assert request.url == f"{BASE_URL}/Patient/$export"
    assert request.method == "POST"
    assert (request.since, request.types, request.partial) == (NOON, ("Goal", "Patient"), True)
    assert request.filters == (("Patient", "gender=other"),)

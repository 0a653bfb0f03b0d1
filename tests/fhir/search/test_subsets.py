"""Resources with some of their elements only."""

import copy
from pathlib import Path

import pytest

from service.fhir import codec
from service.fhir.problems import Malformed
from service.fhir.search.subsets import (
    SUBSETTED,
    WHOLE,
    Pruning,
    Subset,
    elements,
    json_names,
    read_subset,
    summary,
)

EXAMPLES = Path(__file__).parents[4] / "shared" / "suites" / "r4-examples"

SCORE = {
    "resourceType": "Observation",
    "id": "s1",
    "meta": {"versionId": "3", "tag": [{"system": "urn:x", "code": "kept"}]},
    "implicitRules": "https://elsewhere.example/rules",
    "language": "en",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">seven</div>'},
    "contained": [{"resourceType": "Patient", "id": "c"}],
    "extension": [{"url": "urn:e", "valueString": "x"}],
    "modifierExtension": [{"url": "urn:m", "valueString": "not as it seems"}],
    "status": "final",
    "_status": {"extension": [{"url": "urn:s", "valueString": "x"}]},
    "code": {"text": "mood"},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2026-03-01",
    "valueInteger": 7,
    "note": [{"text": "an invented note"}],
    "component": [
        {"code": {"text": "a"}, "valueInteger": 1, "interpretation": [{"text": "good"}]},
        {"code": {"text": "b"}, "_valueString": {"extension": [{"url": "urn:v", "valueString": "x"}]}},
    ],
}  # fmt: skip

ALWAYS = {
    "resourceType",
    "id",
    "meta",
    "implicitRules",
    "modifierExtension",
    "status",
    "_status",
    "code",
}


def pruned(registry, resource, **subset):
    return Pruning(registry, Subset(**subset)).pruned(resource)


def test_elements_that_are_asked_for_and_those_that_must_be(registry):
    shown = pruned(registry, SCORE, elements=frozenset({"subject", "value"}))
    assert set(shown) == ALWAYS | {"subject", "valueInteger"}
    assert list(shown)[:3] == ["resourceType", "id", "meta"]
    assert shown["meta"] == {"versionId": "3", "tag": [{"system": "urn:x", "code": "kept"}, SUBSETTED]}


def test_a_summary_has_what_r4_marks_so(registry):
    shown = pruned(registry, SCORE, summary="true")
    assert set(shown) == ALWAYS | {"subject", "effectiveDateTime", "valueInteger", "component"}
    assert shown["component"] == [
        {"code": {"text": "a"}, "valueInteger": 1},
        {"code": {"text": "b"}, "_valueString": SCORE["component"][1]["_valueString"]},
    ]


def test_a_text_has_the_narrative(registry):
    assert set(pruned(registry, SCORE, summary="text")) == ALWAYS | {"text"}


def test_data_lacks_the_narrative_alone(registry):
    shown = pruned(registry, SCORE, summary="data")
    assert set(shown) == set(SCORE) - {"text"}
    assert shown["component"] is SCORE["component"]


def test_the_resource_itself_stays_as_it_is(registry):
    before = copy.deepcopy(SCORE)
    for each in ("true", "text", "data"):
        pruned(registry, SCORE, summary=each)
    assert before == SCORE


def test_the_tag_is_there_once(registry):
    tagged = pruned(registry, pruned(registry, SCORE, summary="data"), summary="data")
    assert tagged["meta"]["tag"].count(SUBSETTED) == 1
    bare = {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}
    shown = pruned(registry, bare, summary="true")
    assert shown["meta"] == {"tag": [SUBSETTED]}
    assert list(shown) == ["resourceType", "id", "meta", "code"]


def test_what_would_be_empty_stays_whole(registry):
    """A backbone element that must be there, and has nothing that a summary shows."""
    group = {
        "resourceType": "Patient",
        "id": "p",
        "link": [{"extension": [{"url": "urn:e", "valueString": "x"}]}],
    }
    assert pruned(registry, group, summary="true")["link"] == group["link"]


def test_every_official_example_keeps_what_is_mandatory_and_gains_nothing(registry):
    files = sorted(EXAMPLES.glob("*.json"))
    if not files:
        pytest.skip("the official examples are not here")
    pruning = Pruning(registry, Subset("true"))
    smaller = 0
    for file in files:
        resource = codec.decode(file.read_bytes())
        if resource["resourceType"] not in registry.served:
            continue
        shown = pruning.pruned(resource)
        required = {
            name
            for name, element in json_names(registry.definition(resource["resourceType"])).items()
            if element.minimum > 0 and name in resource
        }
        assert required <= set(shown) <= set(resource) | {"meta"}, file.name
        smaller += len(codec.encode(shown)) < len(codec.encode(resource))
    assert smaller > 10


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("subject", {"subject"}),
        ("value,subject", {"value", "subject"}),
        ("value[x]", {"value"}),
        ("valueQuantity", {"value"}),
        ("id,status", {"status"}),
        ("contained", {"contained"}),
    ],
)
def test_elements_by_name(registry, value, names):
    assert elements(registry, ("Observation",), value) == names


def test_the_id_alone_is_no_whole_resource(registry):
    subset = Subset(elements=elements(registry, ("Observation",), "id"))
    assert not subset.is_whole
    assert set(Pruning(registry, subset).pruned(SCORE)) == ALWAYS


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("colour", "search-element-unknown"),
        ("component.code", "search-element-unknown"),
        ("Observation.code", "search-element-unknown"),
        ("code,", "search-value-empty"),
        ("code, status", "search-element-unknown"),
    ],
)
def test_elements_that_are_none(registry, value, slug):
    with pytest.raises(Malformed) as refused:
        elements(registry, ("Observation",), value)
    assert refused.value.issues[0].slug == slug
    assert "colour" not in refused.value.issues[0].text


def test_an_element_of_any_type_that_is_searched(registry):
    assert elements(registry, ("Goal", "Observation"), "lifecycleStatus,value") == {
        "lifecycleStatus",
        "value",
    }


def test_summaries_by_name():
    assert [summary(name) for name in ("true", "text", "data", "count", "false")] == [
        "true",
        "text",
        "data",
        "count",
        "false",
    ]
    with pytest.raises(Malformed):
        summary("True")


def test_which_subsets_are_whole():
    assert WHOLE.is_whole
    assert Subset("count").is_whole
    assert not Subset("data").is_whole
    assert Subset("false", frozenset({"status"})).of_included.is_whole
    assert not Subset("true").of_included.is_whole


@pytest.mark.parametrize(
    ("pairs", "subset"),
    [
        ([], WHOLE),
        ([("_summary", "false"), ("colour", "red")], WHOLE),
        ([("_summary", "data")], Subset("data")),
        ([("_elements", "status")], Subset(elements=frozenset({"status"}))),
    ],
)
def test_subsets_of_a_read(registry, pairs, subset):
    assert read_subset(registry, "Observation", pairs) == subset


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("_summary", "count")], "summary-count-of-one"),
        ([("_summary", "data"), ("_summary", "data")], "search-parameter-repeated"),
        ([("_summary", "data"), ("_elements", "status")], "search-subset-twice"),
        ([("_elements", "colour")], "search-element-unknown"),
        ([("_summary", "")], "search-value-summary"),
    ],
)
def test_subsets_of_a_read_that_are_refused(registry, pairs, slug):
    with pytest.raises(Malformed) as refused:
        read_subset(registry, "Observation", pairs)
    assert refused.value.issues[0].slug == slug

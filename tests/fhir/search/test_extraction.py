"""Extraction of the search values of whole resources."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir import codec
from service.fhir.paths import PathError
from service.fhir.registry import Registry
from service.fhir.remembered import MISSED
from service.fhir.search.composites import second_kinds
from service.fhir.search.dates import moment
from service.fhir.search.derived import index_codes
from service.fhir.search.extraction import MISS, MOST_SHAPES, Extractor
from service.fhir.search.values import SearchValues
from tests.fhir.validation.instances import instance

BASE = "http://127.0.0.1:8080/fhir"
EXAMPLES = Path(__file__).parents[4] / "shared" / "suites" / "r4-examples"
MEASURE = "https://thrive-fhir.example/CodeSystem/measure"
UCUM = "http://unitsofmeasure.org"


def score(**more):
    return {
        "resourceType": "Observation",
        "id": "score",
        "status": "final",
        "code": {"coding": [{"system": MEASURE, "code": "gbo"}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-09-14",
        "valueQuantity": {"value": 0, "system": UCUM, "code": "{score}"},
        **more,
    }


def test_the_values_of_a_score(extractor):
    assert extractor.values(score()) == SearchValues(
        tokens={("status", "", "final"), ("code", MEASURE, "gbo")},
        references={("subject", "Patient", "p"), ("patient", "Patient", "p")},
        dates={("date", *moment("2026-09-14"))},
        quantities={("value-quantity", UCUM, "{score}", 0.0)},
        composites={("code-value-quantity", (MEASURE, "gbo"), (UCUM, "{score}", 0.0))},
    )


def test_the_values_of_a_young_person(extractor):
    values = extractor.values({
        "resourceType": "Patient",
        "identifier": [{"system": "http://a.example", "value": "1"}],
        "active": True,
        "name": [{"family": "Tester-Probe", "given": ["Exöm"]}],
        "telecom": [{"system": "phone", "value": "0"}, {"system": "email", "value": "e@a.example"}],
        "birthDate": "2011-05",
        "address": [{"postalCode": "ZZ99 9ZZ"}],
    })  # fmt: skip
    assert values.tokens == {
        ("identifier", "http://a.example", "1"), ("active", "", "true"), ("deceased", "", "false"),
        ("telecom", "", "0"), ("phone", "", "0"), ("telecom", "", "e@a.example"), ("email", "", "e@a.example"),
    }  # fmt: skip
    assert values.strings == {
        ("name", "tester probe", "Tester-Probe"), ("name", "probe", "Tester-Probe"), ("name", "exom", "Exöm"),
        ("family", "tester probe", "Tester-Probe"), ("family", "probe", "Tester-Probe"), ("given", "exom", "Exöm"),
        ("phonetic", "t236", "Tester-Probe"), ("phonetic", "p610", "Tester-Probe"), ("phonetic", "e250", "Exöm"),
        ("address", "zz99 9zz", "ZZ99 9ZZ"), ("address-postalcode", "zz99 9zz", "ZZ99 9ZZ"),
    }  # fmt: skip
    assert values.dates == {("birthdate", *moment("2011-05"))}


@pytest.mark.parametrize(
    ("latitude", "expected"), [(90, {("near:x", 0.0), ("near:y", 0.0), ("near:z", 1.0)}), (91, set())]
)
def test_a_place_has_the_coordinates_of_its_point(extractor, latitude, expected):
    place = {"resourceType": "Location", "position": {"latitude": latitude, "longitude": 10}}
    assert extractor.values(place) == SearchValues(numbers=expected)


@pytest.mark.parametrize(
    ("more", "kind", "expected"),
    [
        ({"meta": {"tag": [{"code": "t"}]}}, "tokens", {("_tag", "", "t")}),
        ({"meta": {"security": [{"system": "s", "code": "R"}]}}, "tokens", {("_security", "s", "R")}),
        ({"meta": {"profile": ["http://a.example/p|1"]}}, "uris",
         {("_profile", "http://a.example/p|1"), ("_profile", "http://a.example/p")}),
        ({"meta": {"source": "urn:x"}}, "uris", {("_source", "urn:x")}),
        ({"meta": {"lastUpdated": "2026-01-01T00:00:00Z", "versionId": "7"}}, "dates", set()),
        ({"subject": {"reference": "Group/g"}}, "references", {("subject", "Group", "g")}),
        ({"subject": {"reference": f"{BASE}/Patient/p/_history/2"}}, "references",
         {("subject", "Patient", "p"), ("patient", "Patient", "p")}),
        ({"subject": {"reference": "#inside"}, "contained": [{"resourceType": "Patient", "id": "inside"}]},
         "references", set()),
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "in words", "coding": [{"code": "c"}]}}, "tokens",
         {("value-concept", "", "c")}),
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "In words"}}, "strings",
         {("value-string", "in words", "In words"), ("value-concept:text", "in words", "In words")}),
        ({"valueQuantity": None, "valueString": "Fine"}, "strings", {("value-string", "fine", "Fine")}),
        ({"valueQuantity": None, "valuePeriod": {"start": "2026", "end": "2026"}}, "dates",
         {("value-date", *moment("2026"))}),
        ({"component": [{"code": {"coding": [{"code": "c"}]}, "valueQuantity": {"value": 3}}]}, "quantities",
         {("component-value-quantity", "", "", 3.0)}),
        ({"code": {"coding": [{"code": "c", "display": "A score"}], "text": "Its words"}}, "strings",
         {("code:text", "a score", "A score"), ("code:text", "its words", "Its words")}),
        ({"identifier": [{"type": {"coding": [{"system": "s", "code": "MR"}], "text": "Number"}, "value": "1"}]}, "tokens",
         {("identifier", "", "1"), ("identifier:of-type", "s", "MR|1")}),
        ({"subject": {"identifier": {"system": "s", "value": "1"}}}, "tokens", {("subject:identifier", "s", "1")}),
        ({"subject": {"identifier": {"value": "1"}, "type": "Patient"}}, "tokens",
         {("subject:identifier", "", "1"), ("patient:identifier", "", "1")}),
        ({"valueQuantity": {"value": 500, "system": UCUM, "code": "mg"}}, "quantities",
         {("value-quantity", UCUM, "mg", 500.0), ("value-quantity:canonical", UCUM, "g", 0.5)}),
        ({"valueQuantity": {"value": 500, "system": UCUM, "code": "mg"}}, "composites",
         {("code-value-quantity", (MEASURE, "gbo"), (UCUM, "mg", 500.0)),
          ("code-value-quantity:canonical", (MEASURE, "gbo"), (UCUM, "g", 0.5))}),
        ({"component": [{"code": {"coding": [{"code": "c"}]}, "valueQuantity": {"value": 3}}]}, "composites",
         {("component-code-value-quantity", ("", "c"), ("", "", 3.0))}),
        ({"text": {"status": "generated", "div": "<div>Of <b>note</b></div>"}, "note": [{"text": "Fine"}]}, "texts",
         {("_text", " note of "), ("_content", " fine note of ")}),
        ({"effectiveDateTime": None, "effectiveTiming": {"event": ["2026"]}}, "dates", {("date", *moment("2026"))}),
        ({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/observation-geneticsGene",
                         "valueCodeableConcept": {"coding": [{"code": "g"}]}}]}, "tokens", {("gene-identifier", "", "g")}),
        ({"_status": {"extension": [{"url": "http://a.example", "valueCode": "x"}]}, "status": None}, "tokens", set()),
    ],
)  # fmt: skip
def test_what_more_a_score_says_gives_more_values(extractor, more, kind, expected):
    resource = {key: value for key, value in score(**more).items() if value is not None}
    without = {key: value for key, value in score().items() if key not in more}
    assert getattr(extractor.values(resource), kind) - getattr(extractor.values(without), kind) == expected


def test_nobody_is_deceased_before_it_is_said(extractor):
    def deceased(**more):
        return {
            code
            for name, _, code in extractor.values({"resourceType": "Patient", **more}).tokens
            if name == "deceased"
        }

    assert deceased() == {"false"}
    assert deceased(deceasedBoolean=False) == {"false"}
    assert deceased(deceasedBoolean=True) == {"true"}
    assert deceased(deceasedDateTime="2026-01-01") == {"true"}


def test_the_references_of_other_types(extractor):
    response = extractor.values({
        "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "http://a.example/q|1.0",
        "source": {"reference": "Patient/p"}, "authored": "2026",
    })  # fmt: skip
    assert response.references == {
        ("questionnaire", "", "http://a.example/q"), ("questionnaire", "", "http://a.example/q|1.0"),
        ("source", "Patient", "p"),
    }  # fmt: skip
    seen = extractor.values({
        "resourceType": "AuditEvent",
        "agent": [{"who": {"reference": "Practitioner/a"}, "requestor": True}],
        "entity": [{"what": {"reference": "Patient/p"}}],
    })  # fmt: skip
    assert seen.references == {
        ("agent", "Practitioner", "a"),
        ("entity", "Patient", "p"),
        ("patient", "Patient", "p"),
    }


def test_values_depend_on_the_body_alone_and_not_on_the_order_of_its_keys(extractor):
    resource = score(note=[{"text": "Zest"}], valueQuantity={"value": 1, "unit": "points"})
    assert extractor.values(dict(reversed(resource.items()))) == extractor.values(resource)


def test_shapes_are_not_remembered_without_end(registry):
    extractor = Extractor(registry, BASE)
    expected = extractor.values(score())
    for number in range(MOST_SHAPES + 10):
        assert extractor.values(score(**{f"x{number}": 1})) == expected
    assert len(extractor._plans["Observation"]) <= MOST_SHAPES


def test_an_expression_that_cannot_be_compiled_stops_the_start(registry):
    bad = {"url": "http://a.example/bad", "type": "token", "expression": "Goal.("}
    faulty = Registry(
        registry._types, registry._value_sets, {"Goal": {"bad": bad}}, {"Patient": {}}, {"Goal": ["read"]}
    )
    with pytest.raises(PathError, match=r"Goal\.bad"):
        Extractor(faulty, BASE)


@given(st.data())
def test_whatever_is_sound_has_values_that_a_store_can_keep(registry, extractor, data):
    type_ = data.draw(st.sampled_from(sorted(registry.served)))
    resource = instance(registry, type_, Random(data.draw(st.integers(0, 2**32))))
    values = extractor.values(resource)
    check(registry, type_, values)
    assert extractor.values(dict(reversed(resource.items()))) == values


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the official R4 examples are not at hand")
@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_every_official_example_has_values_and_none_is_in_the_way(registry, extractor, file):
    resource = codec.decode(file.read_bytes())
    entries = [entry["resource"] for entry in resource.get("entry", ()) if "resource" in entry]
    inside = entries if resource["resourceType"] == "Bundle" else [resource]
    for one in inside:
        if one["resourceType"] in registry.served:
            check(registry, one["resourceType"], extractor.values(one))


def check(registry, type_, values):
    """What a store relies on: known parameters of the kind, whole ranges, and no empty references."""
    parameters = registry.search_parameters(type_)
    kinds = {"token": "tokens", "reference": "references", "string": "strings", "date": "dates",
             "number": "numbers", "quantity": "quantities", "uri": "uris"}  # fmt: skip
    for kind, name in kinds.items():
        assert {parameters[value[0]].type for value in getattr(values, name) if ":" not in value[0]} <= {kind}
        assert {value[0] for value in getattr(values, name)} <= set(index_codes(registry, type_))
    seconds = second_kinds(registry, type_)
    assert {code for code, _, _ in values.composites} <= set(seconds)
    assert {code for code, _ in values.texts} <= {"_text", "_content"}
    assert all(low < high for _, low, high in values.dates)
    assert all(id_ for _, _, id_ in values.references)
    assert all(isinstance(part, str) for kind in ("tokens", "references", "strings", "uris")
               for value in getattr(values, kind) for part in value)  # fmt: skip


@given(st.sampled_from(["Observation", "Goal", "Patient", "Encounter"]), st.integers(0, 2**32))
def test_what_is_remembered_of_elements_changes_no_value(registry, extractor, type_, seed):
    random = Random(seed)
    one, other = (instance(registry, type_, random) for _ in range(2))
    for resource in (one, other, one | other, other | one, one):
        remembered = extractor.values(resource)
        extractor._memory.forget()
        assert extractor.values(resource) == remembered
        assert extractor.values(resource) == remembered


def test_the_same_content_gives_the_same_part(registry):
    extractor = Extractor(registry, BASE)
    one, other = extractor.read(score()), extractor.read(score(id="other", effectiveDateTime="2026-09-15"))
    assert [part.rows for part in one.parts] == [None] * 5  # status, code, subject, date and quantity
    assert sum(part in one.parts for part in other.parts) == 4
    assert not one.rest.tokens
    assert one.rest.composites


def test_an_element_that_never_comes_again_is_not_remembered_any_more(registry):
    extractor = Extractor(registry, BASE)
    for number in range(MISSED + 10):
        more = {"note": [{"text": f"word{number}"}], "subject": {"reference": f"Patient/{number}"}}
        values = extractor.values(score(**more))
        assert f" word{number} " in {words for _, words in values.texts}
        assert ("subject", "Patient", str(number)) in values.references
    sizes = {name: len(element._kept) for (_, name, _), element in extractor._elements.items()}
    assert sizes["subject"] == MISSED // MISS + 1
    assert sizes["code"] == 1

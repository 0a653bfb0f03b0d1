"""Derived codes of parameters."""

import pytest

from service.fhir.definitions import SearchParameter
from service.fhir.search.derived import (
    asked,
    derived,
    index_codes,
    indexed,
    sources,
    stands_alone,
    texts,
    whats,
)


@pytest.mark.parametrize(
    ("type_", "code", "expected"),
    [
        ("Observation", "code", ("code:text",)),
        ("Observation", "status", ()),
        ("Observation", "date", ()),
        ("Patient", "identifier", ("identifier:text", "identifier:of-type")),
        ("Patient", "deceased", ()),
        ("Patient", "email", ()),
        ("Patient", "_id", ()),
        ("Patient", "_tag", ("_tag:text",)),
        ("Goal", "subject", ("subject:identifier",)),
        ("QuestionnaireResponse", "questionnaire", ()),
        ("Observation", "value-quantity", ("value-quantity:canonical",)),
        ("Observation", "code-value-quantity", ("code-value-quantity:canonical",)),
        ("Observation", "code-value-string", ()),
        ("Observation", "combo-code", ()),
        ("Location", "near", ("near:x", "near:y", "near:z")),
        ("Observation", "gene-identifier", ("gene-identifier:text", "gene-identifier:of-type")),
    ],
)
def test_what_is_derived_of_a_parameter(registry, type_, code, expected):
    assert derived(registry, registry.search_parameters(type_)[code]) == expected


def test_a_parameter_that_others_make_up_asks_them(registry):
    known = registry.search_parameters("Observation")
    assert [one.code for one in sources(registry, known["combo-code"])] == ["code", "component-code"]
    assert asked(registry, known["combo-code"], "text") == ("code:text", "component-code:text")
    assert whats(registry, known["combo-code"]) == ("text",)
    composite = known["combo-code-value-quantity"]
    assert [one.code for one in sources(registry, composite)] == [
        "code-value-quantity",
        "component-code-value-quantity",
    ]


def test_a_parameter_that_reads_more_than_others_together_stands_for_itself(registry):
    more = SearchParameter(
        "http://a.example/more", "more", "Observation", "token", "Observation.code | Observation.bodySite"
    )
    assert sources(registry, more) == (more,)
    assert stands_alone(registry, more)
    assert asked(registry, more, "text") == ("more:text",)
    assert asked(registry, more, "of-type") == ()


def test_what_is_made_up_of_one_that_others_make_up_is_asked_of_these(registry):
    union = SearchParameter(
        "http://a.example/union", "union", "Observation", "token",
        "Observation.code | Observation.component.code | Observation.category",
    )  # fmt: skip
    assert {one.code for one in sources(registry, union)} == {"code", "component-code", "category"}


@pytest.mark.parametrize(
    ("type_", "kind", "expression"),
    [
        ("Observation", "reference", "Observation.subject | Observation.performer"),
        ("Observation", "reference", "Observation.subject | Observation.encounter"),
        ("Patient", "string", "Patient.name | Patient.address"),
        ("Patient", "date", "Patient.birthDate | (Patient.deceased as dateTime)"),
        ("Goal", "token", "Goal.id | Goal.identifier"),
        ("Goal", "token", "Resource.id | Goal.identifier"),
    ],
)
def test_what_is_not_asked_of_others_stands_for_itself(registry, type_, kind, expression):
    """References are followed by the code; names are read in two ways; an id has no index rows."""
    union = SearchParameter("http://a.example/union", "union", type_, kind, expression)
    assert sources(registry, union) == (union,)


def test_the_index_codes_of_a_type_are_its_parameters_what_is_derived_and_words(registry):
    codes = index_codes(registry, "Observation")
    assert len(set(codes)) == len(codes)
    made_up = {
        "combo-code", "combo-value-concept", "combo-value-quantity", "combo-data-absent-reason",
        "combo-code-value-concept", "combo-code-value-quantity",
    }  # fmt: skip
    assert set(registry.search_parameters("Observation")) - set(codes) == made_up
    alone = dict(indexed(registry, "Observation"))
    assert alone.keys() == registry.search_parameters("Observation").keys() - made_up - {
        "_id",
        "_lastUpdated",
    }
    assert alone["code"] == registry.search_parameters("Observation")["code"]
    assert {"code:text", "subject:identifier", "value-quantity:canonical", "_text", "_content"} < set(codes)
    assert texts(registry, "Binary") == ("_content",)
    with pytest.raises(KeyError):
        index_codes(registry, "Nothing")

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.parameters import ELEMENT, PARTS, Input, parameters, read
from service.fhir.problems import Malformed

INPUTS = (
    Input("url", "uri"),
    Input("count", "integer"),
    Input("abstract", "boolean"),
    Input("coding", "Coding"),
    Input("valueSet", "ValueSet"),
    Input("property", "code", repeats=True),
)
SET = {"resourceType": "ValueSet", "status": "draft"}


def body(*given):
    return {"resourceType": "Parameters", "parameter": list(given)}


def refused(inputs, pairs, given=None):
    with pytest.raises(Malformed) as caught:
        read(inputs, pairs, given)
    (issue,) = caught.value.issues
    return issue.slug, issue.expression


def test_a_query_gives_primitives_of_their_types():
    inputs = read(INPUTS, [("url", "urn:x"), ("count", "10"), ("abstract", "false")], None)
    assert inputs.one("url") == "urn:x"
    assert inputs.one("count") == 10
    assert inputs.one("abstract") is False
    assert inputs.one("coding") is None
    assert "coding" not in inputs
    assert "abstract" in inputs


def test_what_repeats_is_all_there_in_order():
    inputs = read(INPUTS, [("property", "a")], body({"name": "property", "valueCode": "b"}))
    assert inputs.all("property") == ("a", "b")
    assert inputs.all("url") == ()


def test_a_body_gives_datatypes_and_resources():
    coding = {"system": "urn:x", "code": "a"}
    given = body({"name": "coding", "valueCoding": coding}, {"name": "valueSet", "resource": SET})
    inputs = read(INPUTS, [], given)
    assert inputs.one("coding") == coding
    assert inputs.one("valueSet") == SET


def test_a_bare_resource_is_the_one_parameter_that_is_a_resource():
    inputs = read(INPUTS, [("count", "1")], SET)
    assert inputs.one("valueSet") == SET
    assert inputs.one("count") == 1


def test_any_resource_is_taken_where_any_is_asked_for():
    any_resource = (Input("resource", "Resource"), Input("mode", "code"))
    assert read(any_resource, [], SET).one("resource") == SET
    wrapped = body({"name": "resource", "resource": {"resourceType": "Goal"}})
    assert read(any_resource, [], wrapped).one("resource") == {"resourceType": "Goal"}


@pytest.mark.parametrize("element", ["valueUri", "valueString", "valueCanonical", "valueUrl"])
def test_texts_stand_in_for_each_other(element):
    assert read(INPUTS, [], body({"name": "url", element: "urn:x"})).one("url") == "urn:x"


@pytest.mark.parametrize(
    ("pairs", "given", "slug", "expression"),
    [
        ([("uri", "urn:x")], None, "operation-parameter-unknown", None),
        (
            [],
            body({"name": "uri", "valueUri": "urn:x"}),
            "operation-parameter-unknown",
            "Parameters.parameter[0]",
        ),
        ([("count", "ten")], None, "operation-parameter-type", None),
        ([("count", "99999999999")], None, "operation-parameter-type", None),
        ([("abstract", "yes")], None, "operation-parameter-type", None),
        ([("url", "")], None, "operation-parameter-type", None),
        ([("coding", "a")], None, "operation-parameter-type", None),
        ([("valueSet", "a")], None, "operation-parameter-type", None),
        ([("url", "a"), ("url", "b")], None, "operation-parameter-repeated", None),
        ([("url", "a")], body({"name": "url", "valueUri": "b"}), "operation-parameter-repeated", None),
        (
            [],
            body({"name": "count", "valueString": "1"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "count", "valueInteger": "1"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "count", "valueInteger": True}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "count", "valueInteger": Decimal(1)}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "abstract", "valueBoolean": "true"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        ([], body({"name": "url", "valueUri": ""}), "operation-parameter-type", "Parameters.parameter[0]"),
        ([], body({"name": "url"}), "operation-parameter-type", "Parameters.parameter[0]"),
        (
            [],
            body({"name": "url", "valueUri": "a", "valueCode": "b"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "coding", "valueCoding": "a"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "valueSet", "resource": {"resourceType": "Goal"}}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        (
            [],
            body({"name": "valueSet", "resource": "ValueSet"}),
            "operation-parameter-type",
            "Parameters.parameter[0]",
        ),
        ([], body("url"), "operation-body", "Parameters.parameter[0]"),
        ([], body({"name": 1}), "operation-body", "Parameters.parameter[0]"),
        ([], {"resourceType": "Parameters", "parameter": {}}, "operation-body", "Parameters.parameter"),
        ([], {"resourceType": "Goal"}, "operation-body", None),
        ([], {}, "operation-body", None),
    ],
)
def test_what_is_not_taken(pairs, given, slug, expression):
    assert refused(INPUTS, pairs, given) == (slug, expression)


def test_what_must_be_there():
    needed = (Input("code", "code", required=True),)
    assert refused(needed, []) == ("operation-parameter-missing", None)
    assert read(needed, [("code", "a")], None).one("code") == "a"


def test_without_a_parameter_that_is_a_resource_the_body_is_parameters():
    assert refused((Input("url", "uri"),), [], SET) == ("operation-body", None)


def test_with_two_that_are_resources_none_can_be_bare():
    assert refused((Input("a", "ValueSet"), Input("b", "ValueSet")), [], SET) == ("operation-body", None)


def test_no_refusal_quotes_a_value():
    for pairs in ([("secret", "secret")], [("count", "secret")]):
        with pytest.raises(Malformed) as caught:
            read(INPUTS, pairs, None)
        assert "secret" not in caught.value.issues[0].text


def test_parameters_out():
    made = parameters(
        ("result", "valueBoolean", False),
        ("display", "valueString", None),
        ("property", [("code", "valueCode", "parent"), ("value", "valueCode", None)]),
        ("empty", [("value", "valueCode", None)]),
        ("deep", [("within", [("zero", "valueInteger", 0), ("none", [])])]),
    )
    assert made == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "result", "valueBoolean": False},
            {"name": "property", "part": [{"name": "code", "valueCode": "parent"}]},
            {
                "name": "deep",
                "part": [{"name": "within", "part": [{"name": "zero", "valueInteger": 0}]}],
            },
        ],
    }
    assert parameters() == {"resourceType": "Parameters"}


SEARCHING = (Input("max", "positiveInt"),)


def test_what_an_operation_that_searches_does_not_know_is_a_criterion():
    given = body(
        {"name": "max", "valueInteger": 2},
        {"name": "code:missing", "valueBoolean": False},
        {"name": "value-quantity", "valueDecimal": Decimal("7.10")},
        {"name": "date", "valueDate": "2026"},
    )
    inputs = read(SEARCHING, [("patient", "a"), ("patient", "b")], given, searches=True)
    assert inputs.one("max") == 2
    assert inputs.criteria == (
        ("patient", "a"),
        ("patient", "b"),
        ("code:missing", "false"),
        ("value-quantity", "7.10"),
        ("date", "2026"),
    )


def test_criteria_are_for_operations_that_search_alone():
    assert refused(SEARCHING, [("patient", "a")]) == ("operation-parameter-unknown", None)
    assert read(SEARCHING, [("max", "3")], None).criteria == ()


@pytest.mark.parametrize(
    "element",
    [{}, {"valueString": ""}, {"valueCoding": {"code": "a"}}, {"valueString": "a", "valueCode": "b"}],
)
def test_a_criterion_is_one_primitive(element):
    with pytest.raises(Malformed) as caught:
        read(SEARCHING, [], body({"name": "patient", **element}), searches=True)
    assert caught.value.issues[0].slug == "operation-parameter-type"


@pytest.mark.parametrize("type_", ["integer", "positiveInt", "unsignedInt"])
def test_whole_numbers_may_be_said_to_be_of_each_type_of_them(type_):
    element = f"value{type_[0].upper()}{type_[1:]}"
    assert read(SEARCHING, [], body({"name": "max", element: 2})).one("max") == 2
    assert read([Input("max", type_)], [("max", "2")], None).one("max") == 2
    assert refused(SEARCHING, [], body({"name": "max", element: True}))[0] == "operation-parameter-type"


SEVERAL = (
    Input("form", ELEMENT, either=("canonical", "Reference", "ValueSet")),
    Input("whose", ELEMENT, either=("Reference", "Identifier")),
    Input("context", PARTS, repeats=True),
)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"valueUri": "urn:x"}, "urn:x"),
        ({"valueReference": {"display": "x"}}, {"display": "x"}),
        ({"resource": SET}, SET),
    ],
)
def test_a_parameter_of_several_types(element, value):
    assert read(SEVERAL, [], body({"name": "form", **element})).one("form") == value
    assert read(SEVERAL, [("form", "urn:x")], None).one("form") == "urn:x"


def test_a_parameter_of_several_types_is_of_none_other():
    assert refused(SEVERAL, [], body({"name": "form", "valueInteger": 1})) == (
        "operation-parameter-type",
        "Parameters.parameter[0]",
    )
    assert refused(SEVERAL, [], body({"name": "form", "resource": {"resourceType": "Patient"}}))
    assert refused(SEVERAL, [], body({"name": "form", "valueUri": "urn:x", "resource": SET}))
    # Neither of its types can stand in a query.
    assert refused(SEVERAL, [("whose", "x")]) == ("operation-parameter-type", None)


def test_a_parameter_with_parts():
    parts = [{"name": "name", "valueString": "x"}]
    given = body({"name": "context", "part": parts}, {"name": "context", "part": []})
    assert read(SEVERAL, [], given).all("context") == (parts, [])
    assert refused(SEVERAL, [], body({"name": "context", "valueString": "x"}))
    assert refused(SEVERAL, [], body({"name": "context"}))
    assert refused(SEVERAL, [("context", "x")])


def test_a_bare_resource_where_several_parameters_are_resources():
    inputs = (
        Input("one", "Patient"),
        Input("other", "Goal"),
        Input("any", ELEMENT, either=("uri", "ValueSet")),
    )
    assert read(inputs, [], {"resourceType": "Goal"}).one("other") == {"resourceType": "Goal"}
    assert read(inputs, [], SET).one("any") == SET
    assert refused(inputs, [], {"resourceType": "Encounter"}) == ("operation-body", None)
    with pytest.raises(Malformed, match="Parameters resource or a Patient or a Goal or a ValueSet"):
        read(inputs, [], {"resourceType": "Encounter"})
    # Of which of two it is the value cannot be told.
    twice = (Input("one", "Patient"), Input("other", "Patient"))
    assert refused(twice, [], {"resourceType": "Patient"}) == ("operation-body", None)

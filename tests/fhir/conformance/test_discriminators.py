from __future__ import annotations

import pytest

from service.fhir.conformance.discriminators import read
from service.fhir.conformance.invariants import Uncompilable
from tests.fhir.conformance.conftest import CORE, element, extension, goal, profile, score, value_set

LIMITED = {"profile-slice-repeated"}


def sliced(id_, kind, path, *slices):
    """An element sliced by one discriminator; each slice may not be there, so that finding it shows which it is."""
    return element(id_, slicing={"discriminator": [{"type": kind, "path": path}], "rules": "open"}), *slices


def indexes(issues):
    """Where a slice that may not be there was found."""
    return [expression for slug, expression in issues if slug == "profile-slice-repeated"]


def test_by_the_value_at_a_path(found):
    asked = profile(
        "Patient",
        *sliced("Patient.identifier", "value", "system"),
        element("Patient.identifier:nhs", sliceName="nhs", max="0"),
        element("Patient.identifier:nhs.system", fixedUri="http://example.org/nhs"),
    )
    resource = {
        "resourceType": "Patient",
        "identifier": [
            {"system": "http://example.org/nhs"},
            {"system": "http://example.org/b"},
            {"value": "a"},
        ],
    }
    assert indexes(found(resource, asked)) == ["Patient.identifier[0]"]


def test_by_the_value_of_a_pattern_further_down(found):
    asked = profile(
        "Observation",
        *sliced("Observation.category", "pattern", "coding"),
        element("Observation.category:a", sliceName="a", max="0"),
        element("Observation.category:a.coding", patternCoding={"code": "a"}),
    )
    resource = score(
        category=[{"coding": [{"code": "b"}, {"code": "a", "display": "A"}]}, {"coding": [{"code": "b"}]}]
    )
    assert indexes(found(resource, asked)) == ["Observation.category[0]"]


def test_by_the_item_itself(found):
    asked = profile(
        "Patient",
        *sliced("Patient.name.given", "value", "$this"),
        element("Patient.name.given:a", sliceName="a", fixedString="A", max="0"),
    )
    resource = {"resourceType": "Patient", "name": [{"given": ["B", "A"]}]}
    assert indexes(found(resource, asked)) == ["Patient.name[0].given[1]"]


def test_by_a_binding(found):
    colours = value_set("colours", "http://example.org/colour", "red", "blue")
    asked = profile(
        "Observation",
        *sliced("Observation.category", "value", "$this"),
        element(
            "Observation.category:a",
            sliceName="a",
            max="0",
            binding={"strength": "required", "valueSet": colours["url"]},
        ),
    )
    resource = score(
        category=[
            {"coding": [{"system": "http://example.org/colour", "code": code}]} for code in ("green", "blue")
        ]
    )
    assert indexes(found(resource, asked, colours)) == ["Observation.category[1]"]


def test_by_all_that_a_slice_says_of_an_element(found):
    asked = profile(
        "Observation",
        *sliced("Observation.category", "value", "coding"),
        element("Observation.category:a", sliceName="a", max="0"),
        element("Observation.category:a.coding.code", fixedCode="a", min=1),
    )
    resource = score(category=[{"coding": [{"code": "b"}]}, {"coding": [{"code": "a"}]}])
    assert indexes(found(resource, asked)) == ["Observation.category[1]"]


EXISTS = [(1, "1", [0]), (0, "0", [1])]


@pytest.mark.parametrize(("least", "most", "expected"), EXISTS)
def test_by_whether_there_is_anything(found, least, most, expected):
    asked = profile(
        "Goal",
        *sliced("Goal.target", "exists", "measure"),
        element("Goal.target:a", sliceName="a", max="0"),
        element("Goal.target:a.measure", min=least, max=most),
    )
    resource = goal(target=[{"measure": {"text": "a"}, "dueDate": "2026"}, {"dueDate": "2026"}])
    assert indexes(found(resource, asked)) == [f"Goal.target[{index}]" for index in expected]


def test_by_the_type_of_a_choice(found):
    asked = profile(
        "Observation",
        element(
            "Observation.value[x]",
            slicing={"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"},
        ),
        element("Observation.value[x]:valueQuantity", sliceName="valueQuantity", type=[{"code": "Quantity"}]),
        element("Observation.value[x]:valueQuantity.unit", min=1),
    )
    assert found(score(valueQuantity={"value": 7}), asked) == [
        ("profile-element-missing", "Observation.value.unit")
    ]
    assert found(score(valueString="seven"), asked) == []


def test_by_the_type_of_what_a_reference_is_to(found):
    asked = profile(
        "Observation",
        *sliced("Observation.performer", "type", "resolve()"),
        element(
            "Observation.performer:patient",
            sliceName="patient",
            max="0",
            type=[{"code": "Reference", "targetProfile": [f"{CORE}Patient"]}],
        ),
    )
    patient = {"resourceType": "Patient", "id": "a"}
    resource = score(
        contained=[patient],
        performer=[
            {"reference": "Practitioner/1"},
            {"reference": "Patient/1"},
            {"reference": "#a"},
            {"display": "a"},
        ],
    )
    assert indexes(found(resource, asked)) == ["Observation.performer[1]"]
    assert found(score(performer=[{"reference": "#a"}], contained=[patient]), asked) == [
        ("profile-slice-repeated", "Observation.performer[0]")
    ]


def test_by_the_profile_of_what_is_contained(found):
    named = profile("Patient", element("Patient.name", min=1), id_="named")
    asked = profile(
        "Observation",
        *sliced("Observation.performer", "profile", "resolve()"),
        element(
            "Observation.performer:named",
            sliceName="named",
            max="0",
            type=[{"code": "Reference", "targetProfile": [named["url"]]}],
        ),
    )
    resource = score(
        contained=[
            {"resourceType": "Patient", "id": "a"},
            {"resourceType": "Patient", "id": "b", "name": [{"text": "B"}]},
        ],
        performer=[{"reference": "#a"}, {"reference": "#b"}],
    )
    assert indexes(found(resource, asked, named)) == ["Observation.performer[1]"]


def test_extensions_by_their_address(found):
    told = extension("told", element("Extension.value[x]", min=1, type=[{"code": "boolean"}]))
    asked = profile(
        "Observation",
        element(
            "Observation.extension:told",
            sliceName="told",
            min=1,
            max="1",
            type=[{"code": "Extension", "profile": [told["url"]]}],
        ),
    )
    assert found(score(), asked, told) == [("profile-slice-missing", "Observation.extension")]
    assert found(score(extension=[{"url": told["url"], "valueBoolean": False}]), asked, told) == []
    twice = score(extension=[{"url": told["url"], "valueBoolean": True}] * 2)
    assert found(twice, asked, told) == [("profile-slice-repeated", "Observation.extension[1]")]


def test_by_an_extension(found):
    told = extension("told", element("Extension.value[x]", min=1, type=[{"code": "code"}]))
    asked = profile(
        "Observation",
        *sliced("Observation.category", "exists", f"extension('{told['url']}')"),
        element("Observation.category:told", sliceName="told", max="0"),
        element(
            "Observation.category:told.extension:told",
            sliceName="told",
            min=1,
            max="1",
            type=[{"code": "Extension", "profile": [told["url"]]}],
        ),
    )
    resource = score(
        category=[{"text": "a"}, {"text": "b", "extension": [{"url": told["url"], "valueCode": "a"}]}]
    )
    assert indexes(found(resource, asked, told)) == ["Observation.category[1]"]


def test_by_several_at_once(found):
    slicing = {
        "discriminator": [{"type": "value", "path": "system"}, {"type": "value", "path": "use"}],
        "rules": "open",
    }
    asked = profile(
        "Patient",
        element("Patient.identifier", slicing=slicing),
        element("Patient.identifier:a", sliceName="a", max="0"),
        element("Patient.identifier:a.system", fixedUri="http://example.org/a"),
        element("Patient.identifier:a.use", fixedCode="official"),
    )
    identifiers = [
        {"system": "http://example.org/a"},
        {"use": "official"},
        {"system": "http://example.org/a", "use": "official"},
    ]
    assert indexes(found({"resourceType": "Patient", "identifier": identifiers}, asked)) == [
        "Patient.identifier[2]"
    ]


def test_a_slice_that_says_nothing_of_its_discriminator_cannot_be_told(validator_of):
    asked = profile(
        "Goal",
        *sliced("Goal.target", "value", "extension('http://example.org/e').value"),
        element("Goal.target:a", sliceName="a"),
    )
    with pytest.raises(Uncompilable, match="discriminator"):
        validator_of(asked)


READ = [
    ("$this", [("$this", None)]),
    ("coding.code", [("coding", None), ("code", None)]),
    ("resolve()", [("resolve", None)]),
    ("extension('http://example.org/a.b').value", [("extension", "http://example.org/a.b"), ("value", None)]),
    ("value.ofType(Reference).resolve()", [("value", None), ("ofType", "Reference"), ("resolve", None)]),
]


@pytest.mark.parametrize(("path", "steps"), READ)
def test_the_steps_of_a_path(path, steps):
    # A function without argument is told from a member by its name alone: none of FHIR's elements is called resolve.
    assert [(name, argument or None) for name, argument in read(path)] == steps


@pytest.mark.parametrize("path", ["coding[0]", "coding.where(code = 'a')", "1 + 1", "a..b"])
def test_what_is_no_restricted_path(path):
    with pytest.raises(Uncompilable):
        read(path)

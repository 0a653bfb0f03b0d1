from __future__ import annotations

import pytest

from service.fhir.conformance.invariants import Uncompilable
from service.fhir.guide import CANONICAL_BASE
from tests.fhir.conformance.conftest import element, extension, goal, profile, score

OURS = f"{CANONICAL_BASE}StructureDefinition/"


def told(*context, **stated):
    """An extension that holds a code."""
    return extension(
        "told",
        element("Extension.value[x]", min=1, type=[{"code": "code"}]),
        context=context or ("Element",),
        **stated,
    )


GIVEN = {"url": told()["url"], "valueCode": "a"}
SYSTEM = {"coding": [{"code": "a", "extension": [GIVEN]}]}

STANDING = [
    ("anywhere", ("Element",), score(category=[{"text": "a", "extension": [GIVEN]}]), None),
    ("on a type of resource", ("Observation",), score(extension=[GIVEN]), None),
    ("on a type above it", ("DomainResource",), score(extension=[GIVEN]), None),
    ("on another type of resource", ("Goal",), score(extension=[GIVEN]), "Observation.extension[0]"),
    ("on an element", ("Observation.category",), score(category=[{"text": "a", "extension": [GIVEN]}]), None),
    ("on an element of another name", ("Observation.category",), score(code={"text": "a", "extension": [GIVEN]}), "Observation.code.extension[0]"),
    ("on the resource where it is meant for an element", ("Observation.category",), score(extension=[GIVEN]), "Observation.extension[0]"),
    ("on a datatype", ("CodeableConcept",), score(category=[{"text": "a", "extension": [GIVEN]}]), None),
    ("on another datatype", ("Coding",), score(category=[{"text": "a", "extension": [GIVEN]}]), "Observation.category[0].extension[0]"),
    ("on a datatype further down", ("Coding",), score(code=SYSTEM), None),
    ("on a primitive", ("Goal.startDate", "date"), goal(startDate="2026", _startDate={"extension": [GIVEN]}), None),
    ("on a primitive by its type", ("date",), goal(startDate="2026", _startDate={"extension": [GIVEN]}), None),
    ("on a primitive of another type", ("code",), goal(startDate="2026", _startDate={"extension": [GIVEN]}), "Goal.start.extension[0]"),
    ("on a choice", ("Goal.start[x]", "Goal.start"), goal(startDate="2026", _startDate={"extension": [GIVEN]}), None),
    ("on an extension of another address", ("Observation",), score(extension=[{"url": "http://example.org/e", "extension": [GIVEN]}]),
     "Observation.extension[0].extension[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("context", "resource", "expression"), [row[1:] for row in STANDING], ids=[row[0] for row in STANDING]
)
def test_where_an_extension_may_stand(found, context, resource, expression):
    expected = [] if expression is None else [("extension-context", expression)]
    assert found(resource, told(*context), asked=[]) == expected


def test_an_extension_of_an_extension_stands_on_its_address(found):
    inner = told({"type": "extension", "expression": "http://example.org/e"})
    assert (
        found(score(extension=[{"url": "http://example.org/e", "extension": [GIVEN]}]), inner, asked=[]) == []
    )
    assert found(score(extension=[GIVEN]), inner, asked=[]) == [
        ("extension-context", "Observation.extension[0]")
    ]


HELD = [
    ({"url": GIVEN["url"]}, [("invariant-broken", "Observation.extension[0]"), ("profile-element-missing", "Observation.extension[0].value")]),
    (GIVEN | {"valueCode": "b"}, []),
    ({"url": GIVEN["url"], "valueString": "a"}, [("profile-type", "Observation.extension[0].value")]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), HELD)
def test_what_an_extension_holds(found, given, expected):
    assert found(score(extension=[given]), told(), asked=[]) == expected


def test_parts_of_an_extension(found):
    parts = extension(
        "parts",
        element("Extension.extension:level", sliceName="level", min=1, max="1"),
        element("Extension.extension:level.url", fixedUri="level"),
        element("Extension.extension:level.value[x]", min=1, type=[{"code": "integer"}]),
        element("Extension.value[x]", max="0"),
    )
    level = {"url": "level", "valueInteger": 0}
    assert found(score(extension=[{"url": parts["url"], "extension": [level]}]), parts, asked=[]) == []
    assert found(score(extension=[{"url": parts["url"], "extension": [level, level]}]), parts, asked=[]) == [
        ("profile-slice-repeated", "Observation.extension[0].extension[1]")
    ]
    assert found(
        score(extension=[{"url": parts["url"], "extension": [{"url": "level", "valueString": "a"}]}]),
        parts,
        asked=[],
    ) == [("profile-type", "Observation.extension[0].extension[0].value")]


def test_an_address_of_ours_that_we_never_gave(found):
    resource = score(extension=[{"url": f"{OURS}made-up", "valueCode": "a"}])
    assert found(resource, told(), asked=[]) == [("extension-unknown", "Observation.extension[0].url")]


def test_extensions_of_others_are_let_pass(found):
    assert (
        found(score(extension=[{"url": "http://example.org/other", "valueCode": "a"}]), told(), asked=[])
        == []
    )


def test_a_modifier_extension_is_held_to_its_definition_too(found):
    given = {"url": GIVEN["url"], "valueString": "a"}
    assert found(score(modifierExtension=[given]), told(), asked=[]) == [
        ("profile-type", "Observation.modifierExtension[0].value")
    ]


def test_an_extension_in_a_contained_resource_stands_in_that(found):
    patient = {"resourceType": "Patient", "id": "a", "extension": [GIVEN]}
    resource = score(contained=[patient], subject={"reference": "#a"})
    assert found(resource, told("Patient"), asked=[]) == []
    assert found(resource, told("Observation"), asked=[]) == [
        ("extension-context", "Observation.contained[0].extension[0]")
    ]


PATHS = [
    ("the resource", "Observation", score(extension=[GIVEN]), None),
    ("another resource", "Goal", score(extension=[GIVEN]), "Observation.extension[0]"),
    ("any resource", "DomainResource", score(extension=[GIVEN]), None),
    ("not what is within it", "Observation", score(category=[{"text": "b", "extension": [GIVEN]}]), "Observation.category[0].extension[0]"),
    ("an element", "Observation.category", score(category=[{"text": "a"}, {"text": "b", "extension": [GIVEN]}]), None),
    ("not just any element", "Observation.code", score(category=[{"text": "b", "extension": [GIVEN]}]), "Observation.category[0].extension[0]"),
    ("an element on a condition", "category.where(text = 'a')", score(category=[{"text": "a", "extension": [GIVEN]}]), None),
    ("on which it does not stand", "category.where(text = 'a')", score(category=[{"text": "b", "extension": [GIVEN]}]),
     "Observation.category[0].extension[0]"),
    ("a primitive", "Goal.statusDate", goal(statusDate="2026", _statusDate={"extension": [GIVEN]}), None),
    ("what cannot be evaluated", "category.single()", score(extension=[GIVEN], category=[{"text": "a"}, {"text": "b"}]), "Observation.extension[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "resource", "expression"), [row[1:] for row in PATHS], ids=[row[0] for row in PATHS]
)
def test_a_context_in_fhirpath(found, path, resource, expression):
    expected = [] if expression is None else [("extension-context", expression)]
    assert found(resource, told({"type": "fhirpath", "expression": path}), asked=[]) == expected


def test_a_context_that_is_no_fhirpath_is_an_error_at_start(validator_of):
    with pytest.raises(Uncompilable, match="context"):
        validator_of(told({"type": "fhirpath", "expression": "category.("}))


def test_a_slice_of_a_profile_says_no_more_than_the_definition(found):
    asked = profile(
        "Observation",
        element(
            "Observation.extension:told",
            sliceName="told",
            type=[{"code": "Extension", "profile": [told()["url"]]}],
        ),
    )
    assert found(score(extension=[{"url": GIVEN["url"], "valueString": "a"}]), asked, told()) == [
        ("profile-type", "Observation.extension[0].value")
    ]

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from service.fhir.patching.documents import Copier
from service.fhir.patching.part_values import Fitted, Fitter
from service.fhir.paths.types import TypeModel
from service.fhir.problems import Invalid


@pytest.fixture
def fitter(registry) -> Fitter:
    return Fitter(TypeModel(registry), Copier(), "Parameters.parameter[0]")


def part(**value: Any) -> dict[str, Any]:
    return {"name": "value", **value}


@pytest.mark.parametrize(
    ("type_", "name", "given", "key", "item"),
    [
        ("Patient", "active", part(valueBoolean=True), "active", (True, None)),
        ("Patient", "gender", part(valueString="other"), "gender", ("other", None)),
        ("Patient", "name", part(valueHumanName={"family": "x"}), "name", ({"family": "x"}, None)),
        ("Patient", "birthDate", part(valueDate="2010", _valueDate={"id": "b"}), "birthDate", ("2010", {"id": "b"})),
        ("Patient", "birthDate", part(_valueDate={"id": "b"}), "birthDate", (None, {"id": "b"})),
        ("Patient", "deceased", part(valueDateTime="2020"), "deceasedDateTime", ("2020", None)),
        ("Observation", "value", part(valueQuantity={"value": 1}), "valueQuantity", ({"value": 1}, None)),
        ("Observation", "effective", part(valueDate="2020"), "effectiveDateTime", ("2020", None)),
        ("Quantity", "value", part(valueInteger=7), "value", (7, None)),
        ("Quantity", "value", part(valueDecimal=Decimal("7.10")), "value", (Decimal("7.10"), None)),
        ("Condition", "onset", part(valueAge={"value": 9}), "onsetAge", ({"value": 9}, None)),
        ("Narrative", "div", part(valueString="<div/>"), "div", ("<div/>", None)),
        (
            "Patient",
            "contact",
            {"name": "value", "part": [{"name": "gender", "valueCode": "other"}, {"name": "name", "part": [{"name": "given", "valueString": "a"}, {"name": "given", "valueString": "b"}]}]},
            "contact",
            ({"gender": "other", "name": {"given": ["a", "b"]}}, None),
        ),
        ("Patient", "contained", part(resource={"resourceType": "Goal"}), "contained", ({"resourceType": "Goal"}, None)),
        ("Patient.contact", "extension", {"name": "value", "part": [{"name": "url", "valueUri": "x"}, {"name": "value", "valueCode": "y"}]},
         "extension", ({"url": "x", "valueCode": "y"}, None)),
    ],
)  # fmt: skip
def test_values_that_fit(type_: str, name: str, given: dict, key: str, item: tuple, fitter):
    assert fitter.fit(type_, name, given) == Fitted(key, item)


@pytest.mark.parametrize(
    ("type_", "name", "given", "slug"),
    [
        ("Patient", "nonsense", part(valueBoolean=True), "patch-element-unknown"),
        ("Patient", "deceasedBoolean", part(valueBoolean=True), "patch-element-unknown"),
        ("Patient", "active", part(), "patch-value-missing"),
        ("Patient", "active", part(valueBoolean=True, valueString="x"), "patch-value-missing"),
        ("Patient", "active", part(valueString="true"), "patch-value-wrong-type"),
        ("Patient", "birthDate", part(valueDateTime="2010-01-01T10:00:00Z"), "patch-value-wrong-type"),
        ("Patient", "name", part(valueAddress={}), "patch-value-wrong-type"),
        ("Patient", "name", part(resource={"resourceType": "Goal"}), "patch-value-wrong-type"),
        ("Patient", "contained", part(resource={"resourceType": "Nonsense"}), "patch-value-wrong-type"),
        ("Patient", "contained", part(part=[]), "patch-value-wrong-type"),
        ("Patient", "active", part(part=[]), "patch-value-wrong-type"),
        ("Observation", "value", part(part=[]), "patch-value-wrong-type"),
        ("Patient", "contact", part(part={}), "patch-value-wrong-type"),
        ("Patient", "contact", part(part=["x"]), "patch-element-unknown"),
        ("Patient", "contact", part(part=[{"name": "nonsense", "valueCode": "x"}]), "patch-element-unknown"),
        (
            "Patient",
            "contact",
            part(part=[{"name": "gender", "valueCode": "other"}, {"name": "gender", "valueCode": "male"}]),
            "patch-element-exists",
        ),
    ],
)
def test_values_that_do_not_fit(type_: str, name: str, given: dict, slug: str, fitter):
    with pytest.raises(Invalid) as caught:
        fitter.fit(type_, name, given)
    assert (caught.value.issues[0].slug, caught.value.issues[0].expression) == (
        slug,
        "Parameters.parameter[0]",
    )


def test_what_is_put_in_is_not_the_patch_s_own(fitter):
    given = part(valueHumanName={"given": ["a"]})
    fitter.fit("Patient", "name", given).item[0]["given"].append("b")
    assert given["valueHumanName"] == {"given": ["a"]}

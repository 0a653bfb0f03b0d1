from __future__ import annotations

import pytest

from service.fhir.conformance.trees import grown


def tree(*ids, **stated):
    return grown({"id": id_, "path": id_, **stated} for id_ in ids)


def test_children_and_slices_have_their_place():
    root = tree(
        "Patient",
        "Patient.name",
        "Patient.name.given",
        "Patient.identifier",
        "Patient.identifier:nhs",
        "Patient.identifier:nhs.system",
    )
    assert list(root.children) == ["name", "identifier"]
    assert list(root.children["name"].children) == ["given"]
    slice_ = root.children["identifier"].slices["nhs"]
    assert (slice_.name, slice_.slice) == ("identifier", "nhs")
    assert list(slice_.children) == ["system"]
    assert root.children["identifier"].children == {}


def test_choices_are_named_without_their_mark():
    root = tree(
        "Observation",
        "Observation.value[x]",
        "Observation.value[x]:valueQuantity",
        "Observation.value[x]:valueQuantity.unit",
    )
    assert list(root.children["value"].slices["valueQuantity"].children) == ["unit"]


def test_a_slice_of_a_slice():
    root = tree("Patient", "Patient.name", "Patient.name:a", "Patient.name:a/b", "Patient.name:a/b.given")
    again = root.children["name"].slices["a"].slices["b"]
    assert (again.slice, list(again.children)) == ("a/b", ["given"])


@pytest.mark.parametrize(
    "ids", [("Patient", "Patient.name.given"), ("Patient", "Patient.name", "Patient.name:a.given"), ()]
)
def test_an_element_without_the_one_above_it(ids):
    with pytest.raises(ValueError, match="snapshot"):
        tree(*ids)


VALUED = [("fixed", ("Code", "a")), ("pattern", None), ("minValue", None), ("maxValue", ("Integer", 10))]


@pytest.mark.parametrize(("prefix", "expected"), VALUED)
def test_values_by_their_prefix(prefix, expected):
    root = tree("Observation", fixedCode="a", max="1", maxValueInteger=10, maxLength=3)
    assert root.valued(prefix) == expected

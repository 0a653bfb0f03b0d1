from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.profiles.trees import Branch, flattened, grown, in_order, located
from service.fhir.profiles.types_of_r4 import R4Types

SLICED = [
    {"id": "Goal", "path": "Goal"},
    {"id": "Goal.category", "path": "Goal.category", "slicing": {"rules": "open"}},
    {"id": "Goal.category.text", "path": "Goal.category.text"},
    {"id": "Goal.category:a", "path": "Goal.category", "sliceName": "a"},
    {"id": "Goal.category:a.text", "path": "Goal.category.text"},
    {"id": "Goal.category:a/b", "path": "Goal.category", "sliceName": "a/b"},
    {"id": "Goal.category:c", "path": "Goal.category", "sliceName": "c"},
    {"id": "Goal.start[x]", "path": "Goal.start[x]"},
]


def ids(branch):
    return [element["id"] for element in flattened(branch)]


def without_ids(elements):
    return [{key: value for key, value in element.items() if key != "id"} for element in elements]


def test_a_tree_has_children_and_slices_and_slices_of_slices():
    root = grown(SLICED)
    category = root.children["category"]
    assert list(root.children) == ["category", "start[x]"]
    assert list(category.slices) == ["a", "c"]
    assert list(category.slices["a"].slices) == ["a/b"]
    assert list(category.slices["a"].children) == ["text"]


def test_written_out_it_is_the_list_again():
    assert list(flattened(grown(SLICED))) == SLICED


def test_where_there_are_no_ids_paths_and_slice_names_say_the_same():
    assert list(flattened(grown(without_ids(SLICED)))) == SLICED


@pytest.mark.parametrize("id_", ["somewhere", "", ".category"])
def test_an_id_that_does_not_fit_the_path_says_nothing(id_):
    elements = [{"path": "Goal"}, {"id": id_, "path": "Goal.category"}]
    assert ids(grown(elements)) == ["Goal", "Goal.category"]


def test_a_slice_name_that_the_id_lacks_counts():
    elements = [{"path": "Goal"}, {"id": "Goal.category", "path": "Goal.category", "sliceName": "a"}]
    assert [steps for steps, _ in located(elements)][-1] == (("Goal", None), ("category", "a"))


def test_what_only_something_below_is_said_of_is_an_empty_branch():
    root = grown([{"path": "Goal.target.measure", "min": 1}])
    assert root.down([("target", None)]).element == {}
    assert root.down([("target", None), ("measure", None)]).element == {
        "path": "Goal.target.measure",
        "min": 1,
    }


def test_what_is_said_twice_is_joined():
    root = grown([{"path": "Goal.note", "min": 1}, {"path": "Goal.note", "max": "2"}])
    assert root.children["note"].element == {"path": "Goal.note", "min": 1, "max": "2"}


@pytest.mark.parametrize(
    ("steps", "slice_"),
    [
        ([("category", "a")], "a"),
        ([("category", "a/b")], "a/b"),
        ([("category", "d")], None),
        ([("aim", None), ("text", None)], None),
    ],
)
def test_steps_lead_down(steps, slice_):
    found = grown(SLICED).down(steps)
    assert (found.slice if found else None) == slice_


def test_a_copy_can_be_changed_alone():
    root = grown(SLICED)
    copy = root.copy()
    copy.children["category"].slices["a"].children.clear()
    copy.children["category"].element = {"min": 1}
    assert list(flattened(root)) == SLICED


def test_nothing_is_a_tree_without_a_name():
    assert grown([]) == Branch("")


def test_members_stand_in_the_order_of_the_specification():
    element = {
        "binding": {},
        "fixedUri": "a",
        "unheard": 1,
        "type": [],
        "path": "Goal",
        "id": "Goal",
        "min": 0,
    }
    assert list(in_order(element)) == ["id", "path", "min", "type", "fixedUri", "binding", "unheard"]


@given(data=st.data())
def test_every_type_of_r4_is_the_same_after_growing(registry, data):
    names = [
        *sorted(registry.resource_types),
        "Quantity",
        "Timing",
        "Extension",
        "string",
        "ElementDefinition",
    ]
    name = data.draw(st.sampled_from(names))
    elements = R4Types(registry).structure(name)["snapshot"]["element"]
    assert list(flattened(grown(elements))) == elements
    assert list(flattened(grown(without_ids(elements)))) == elements

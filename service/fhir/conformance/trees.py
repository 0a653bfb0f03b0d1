"""A snapshot as a tree: each element with its children and slices.

Source: https://hl7.org/fhir/R4/elementdefinition.html#id, https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Branch:
    """An element of a snapshot.

    `name` is the element's name without `[x]`; `children` are by that name; `slices` are
    the slices of this element by name, each a branch of its own.
    """

    name: str
    element: Json
    slice: str | None = None
    children: dict[str, Branch] = field(default_factory=dict)
    slices: dict[str, Branch] = field(default_factory=dict)

    def valued(self, prefix: str) -> tuple[str, Any] | None:
        """The type and value of `fixed[x]`, `pattern[x]`, `minValue[x]` and their like; None where there is none."""
        for key, value in self.element.items():
            if key.startswith(prefix) and key[len(prefix) : len(prefix) + 1].isupper():
                return key.removeprefix(prefix), value
        return None


def grown(elements: Iterable[Json]) -> Branch:
    """The root of the tree that a snapshot's elements make, by their ids.

    Raises:
        ValueError: an element stands under one that is not there.
    """
    root: Branch | None = None
    for element in elements:
        steps = str(element.get("id", element["path"])).split(".")
        if root is None:
            root = Branch(steps[0], element)
            continue
        parent = root
        for step in steps[1:-1]:
            parent = _down(parent, step)
        name, _, slice_ = steps[-1].partition(":")
        name = name.removesuffix("[x]")
        if not slice_:
            parent.children[name] = Branch(name, element)
            continue
        whole, _, again = slice_.rpartition("/")
        sliced = _down(parent, f"{name}:{whole}" if whole else name)
        sliced.slices[again or slice_] = Branch(name, element, slice_)
    if root is None:
        raise ValueError("A snapshot without elements.")
    _complete(root)
    return root


def _complete(branch: Branch) -> None:
    """Has slices within a slice say what those of the same name say in the element as a whole.

    That holds of them as well, and may be all that tells them apart: UK Core's blood pressure
    gives the system of a coding once for all components, and its codes in each.
    """
    for child in branch.children.values():
        for slice_ in child.slices.values():
            _take_on(slice_, child)
            _complete(slice_)
        _complete(child)


def _take_on(special: Branch, general: Branch) -> None:
    for name, below in special.children.items():
        whole = general.children.get(name)
        if whole is None:
            continue
        for slice_name, slice_ in below.slices.items():
            model = whole.slices.get(slice_name)
            if model is not None:
                _fill(slice_, model)
        _take_on(below, whole)


def _fill(slice_: Branch, model: Branch) -> None:
    """Gives a slice what only its model says."""
    stated = {name: value for name, value in model.element.items() if name.startswith(("fixed", "pattern"))}
    if stated and not any(name.startswith(("fixed", "pattern")) for name in slice_.element):
        slice_.element = slice_.element | stated
    for name, child in model.children.items():
        if name in slice_.children:
            _fill(slice_.children[name], child)
        else:
            slice_.children[name] = child


def _down(parent: Branch, step: str) -> Branch:
    """The child, or slice of a child, that the step of an id names."""
    name, _, slice_ = step.partition(":")
    child = parent.children.get(name.removesuffix("[x]"))
    for part in slice_.split("/") if slice_ else ():
        child = None if child is None else child.slices.get(part)
    if child is None:
        raise ValueError(f"The snapshot has elements under {step}, which it does not have.")
    return child

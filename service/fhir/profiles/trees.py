"""Element definitions as a tree, each with its children and slices; and a tree written out as a snapshot.

Snapshots and differentials are both lists whose order and ids say what stands under what.
Where an element has no id, its path and `sliceName`, read after those before it, say it.

Source: https://hl7.org/fhir/R4/elementdefinition.html#id, https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

Step = tuple[str, str | None]
"""One step of an element's id: a name as paths have it (`value[x]`), and a slice."""

ORDER: Final = (
    "id", "extension", "modifierExtension", "path", "representation", "sliceName", "sliceIsConstraining", "label",
    "code", "slicing", "short", "definition", "comment", "requirements", "alias", "min", "max", "base",
    "contentReference", "type", "defaultValue", "meaningWhenMissing", "orderMeaning", "fixed", "pattern", "example",
    "minValue", "maxValue", "maxLength", "condition", "constraint", "mustSupport", "isModifier", "isModifierReason",
    "isSummary", "binding", "mapping",
)  # fmt: skip
"""The elements of ElementDefinition in the order in which R4 lists them."""


@dataclass(slots=True)
class Branch:
    """An element with what stands under it; of a differential, what it says of that element."""

    name: str
    element: Json = field(default_factory=dict)
    slice: str | None = None
    children: dict[str, Branch] = field(default_factory=dict)
    slices: dict[str, Branch] = field(default_factory=dict)

    def copy(self) -> Branch:
        """The same tree, to be changed; an element is never changed but replaced, so it is not copied."""
        return Branch(
            self.name,
            self.element,
            self.slice,
            {name: child.copy() for name, child in self.children.items()},
            {name: slice_.copy() for name, slice_ in self.slices.items()},
        )

    def holder(self, slice_: str) -> Branch:
        """Whose slice that name is: a slice's where it has the slice's name before a `/`, else the element's own."""
        for name, branch in self.slices.items():
            if slice_.startswith(f"{name}/"):
                return branch.holder(slice_)
        return self

    def down(self, steps: Iterable[Step]) -> Branch | None:
        """The branch to which steps lead from this one; None where there is none."""
        branch: Branch | None = self
        for name, slice_ in steps:
            branch = branch.children.get(name) if branch is not None else None
            if branch is not None and slice_ is not None:
                branch = branch.holder(slice_).slices.get(slice_)
        return branch


def grown(elements: Iterable[Json]) -> Branch:
    """The tree of a list of elements; what no element is said of, but something under it, is an empty branch."""
    root: Branch | None = None
    for steps, element in located(elements):
        if root is None:
            root = Branch(steps[0][0])
        branch = root
        for name, slice_ in steps[1:]:
            branch = branch.children.setdefault(name, Branch(name))
            if slice_ is not None:
                branch = branch.holder(slice_).slices.setdefault(slice_, Branch(name, slice=slice_))
        branch.element = branch.element | element
    return root if root is not None else Branch("")


def located(elements: Iterable[Json]) -> Iterator[tuple[tuple[Step, ...], Json]]:
    """Each element with the steps that lead to it."""
    seen: dict[str, tuple[Step, ...]] = {}
    for element in elements:
        path = str(element["path"])
        above, _, name = path.rpartition(".")
        steps = _by_id(element) or (*_steps(above, seen), (name, None))
        if element.get("sliceName") and steps[-1][1] is None:
            steps = (*steps[:-1], (steps[-1][0], str(element["sliceName"])))
        seen[path] = steps
        yield steps, element


def flattened(branch: Branch, path: str = "", id_: str = "") -> Iterator[Json]:
    """The elements of the tree as a snapshot lists them, with path and id."""
    at = f"{path}.{branch.name}" if path else branch.name
    named = f"{branch.name}:{branch.slice}" if branch.slice else branch.name
    id_ = f"{id_}.{named}" if id_ else named
    yield in_order(branch.element | {"id": id_, "path": at})
    for child in branch.children.values():
        yield from flattened(child, at, id_)
    above = id_.rpartition(".")[0]
    for slice_ in branch.slices.values():
        yield from flattened(slice_, path, above)


def in_order(element: Json) -> Json:
    """The element definition with its members in the order of the specification."""
    return dict(sorted(element.items(), key=lambda item: _place(item[0])))


def _place(name: str) -> int:
    if name in PLACES:
        return PLACES[name]
    stems = ("defaultValue", "fixed", "pattern", "minValue", "maxValue")
    return next((PLACES[stem] for stem in stems if name.startswith(stem)), len(ORDER))


PLACES: Final = {name: place for place, name in enumerate(ORDER)}


def _by_id(element: Json) -> tuple[Step, ...] | None:
    """The steps of an element's id; None where it has none, or one that does not fit its path."""
    parts = [part.partition(":") for part in str(element.get("id", "")).split(".")]
    if len(parts) != str(element["path"]).count(".") + 1 or not parts[0][0]:
        return None
    return tuple((name, slice_ or None) for name, _, slice_ in parts)


def _steps(path: str, seen: dict[str, tuple[Step, ...]]) -> tuple[Step, ...]:
    """The steps to the last element of that path, or those of the path itself."""
    if not path or path in seen:
        return seen.get(path, ())
    above, _, name = path.rpartition(".")
    return (*_steps(above, seen), (name, None))

"""A differential, laid over the snapshot of its base.

- A child that the base has not spelled out is unfolded from its type's definition, from a
  profile on the type, or from the element that a contentReference names.
- A new slice begins as its element was in the base, with `min` 0.
- `valueQuantity` is the slice of that name of `value[x]`, and says nothing of other types.

Source: https://hl7.org/fhir/R4/profiling.html#slicing, https://hl7.org/fhir/R4/elementdefinition.html#path
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.fhir.profiles.faults import SnapshotError
from service.fhir.profiles.merging import constraints, merged, typed
from service.fhir.profiles.narrowing import Find, code_of
from service.fhir.profiles.trees import Branch, grown
from service.fhir.profiles.types_of_r4 import BY_URL, R4

Json = dict[str, Any]

CHOICE: Final = "[x]"
EXTENSIONS: Final = frozenset({"extension", "modifierExtension"})
BY_TYPE: Final = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
STANDING: Final = frozenset(
    f"{R4}structuredefinition-{name}"
    for name in ("standards-status", "normative-version", "fmm", "fmm-no-warnings")
)
DOCUMENTATION: Final = ("short", "definition", "comment", "requirements", "alias")
MODIFYING: Final = ("isModifier", "isModifierReason")


class Application:
    """Lays a differential over the snapshot of its base."""

    def __init__(self, structure: Json, base: Json, find: Find, head: Find) -> None:
        """Takes the profile, its base, and where other definitions and their heads are found."""
        self._url = str(structure["url"])
        self._adds = structure.get("derivation") == "specialization"
        self._says = {
            name: structure[given]
            for name, given in (("short", "title"), ("definition", "description"))
            if given in structure
        }
        self._find = find
        self._head = head
        self._base = list(self._inherited(base))
        self._trees: dict[str, Branch | None] = {}
        self.root = grown(self._base)

    def apply(self, differential: Branch) -> None:
        """Changes the tree as the differential says.

        Raises:
            SnapshotError: it does not fit its base.
        """
        root = self.root
        if differential.name != root.name:
            if not self._adds:
                raise SnapshotError(
                    f"{self._url} is about {differential.name}, but its base is about {root.name}."
                )
            root.name, root.element = differential.name, root.element | _first(differential.name)
        root.element = root.element | self._says
        self._apply(root, differential, root.name)

    def _apply(self, branch: Branch, change: Branch, at: str) -> None:
        pristine = branch.copy() if change.slices else branch
        self._merge(branch, change.element, at)
        if change.children:
            self._unfold(branch, at)
            for child in change.children.values():
                self._apply_child(branch, child, at)
        for name, slice_ in change.slices.items():
            self._apply_slice(branch, pristine, name, slice_, at)

    def _apply_child(self, branch: Branch, change: Branch, at: str) -> None:
        known = _child(branch, change.name)
        if known is None:
            self._complete(branch)
            known = _child(branch, change.name)
        if known is not None:
            self._apply(known, change, f"{at}.{known.name}")
            return
        for child in branch.children.values():
            if child.name.endswith(CHOICE) and _type_named(child, change.name) is not None:
                self._apply_typed(child, change, f"{at}.{child.name}")
                return
        if self._adds:
            added = branch.children[change.name] = Branch(change.name, _first(f"{at}.{change.name}"))
            self._apply(added, change, f"{at}.{change.name}")
            return
        raise SnapshotError(f"{at}.{change.name} is not an element of its base ({self._url}).")

    def _apply_typed(self, choice: Branch, change: Branch, at: str) -> None:
        """Applies what is said of `valueQuantity`, as of a slice of `value[x]`, and of slices of that."""
        if change.element or change.children:
            whole = Branch(change.name, change.element, children=change.children)
            self._apply(choice, Branch(choice.name, slices={change.name: whole}), at)
        self._apply(choice, Branch(choice.name, slices=change.slices), at)

    def _apply_slice(self, branch: Branch, pristine: Branch, name: str, change: Branch, at: str) -> None:
        holder = branch.holder(name)
        if holder is not branch:
            self._apply(holder, Branch(holder.name, slices={name: change}), f"{at}:{holder.slice}")
            return
        at = f"{at}:{name}"
        slice_ = branch.slices.get(name)
        if slice_ is None:
            slice_ = branch.slices[name] = self._new_slice(branch, pristine, name, change, at)
        self._apply(slice_, change, at)

    def _new_slice(self, branch: Branch, pristine: Branch, name: str, change: Branch, at: str) -> Branch:
        if "slicing" not in branch.element:
            branch.element = branch.element | {"slicing": self._implied_slicing(branch, at)}
        made = pristine.copy()
        made.slice, made.slices = name, {}
        element = {key: value for key, value in pristine.element.items() if key != "slicing"}
        made.element = element | {"sliceName": name, "min": 0}
        type_ = _type_named(made, name) or _type_named(made, change.name)
        if branch.name.endswith(CHOICE) and type_ is not None:
            made.element = typed(made.element, [type_])
        elif branch.name.endswith(CHOICE) and self._means_type(
            name.removeprefix(branch.name.removesuffix(CHOICE))
        ):
            raise SnapshotError(f"{at} is of a type that its base does not permit ({self._url}).")
        return made

    def _means_type(self, name: str) -> bool:
        """Whether what follows a choice's name in a slice's name is the name of a type."""
        return any(self._head(R4 + code) is not None for code in (name, name[:1].lower() + name[1:]) if code)

    def _implied_slicing(self, branch: Branch, at: str) -> Json:
        if branch.name in EXTENSIONS:
            return BY_URL
        if branch.name.endswith(CHOICE):
            return BY_TYPE
        raise SnapshotError(f"{at} is a slice, but nothing says how {branch.name} is sliced ({self._url}).")

    def _merge(self, branch: Branch, change: Json, at: str) -> None:
        element = branch.element
        if not change:
            return
        profile = _only_profile(change)
        if profile is not None:
            element = self._profiled(element, profile)
        branch.element = merged(element, change, at, self._url, self._head)

    def _profiled(self, element: Json, url: str) -> Json:
        """The element with what the root of a profile on its type says of it."""
        structure = self._find(url)
        if structure is None or "snapshot" not in structure:
            return element
        root = structure["snapshot"]["element"][0]
        made = element | {name: root[name] for name in DOCUMENTATION if name in root}
        if structure["type"] == "Extension":
            made |= {name: root[name] for name in MODIFYING if name in root} | _narrower(element, root)
        rules = constraints(element.get("constraint", []), root.get("constraint", []), structure["url"])
        return made | ({"constraint": rules} if rules else {})

    def _unfold(self, branch: Branch, at: str) -> None:
        """Spells out the children of an element."""
        if branch.children:
            return
        reference = branch.element.get("contentReference")
        if reference is not None:
            self._unfold_reference(branch, str(reference), at)
            return
        tree = self._tree(branch.element.get("type", []))
        if tree is None:
            raise SnapshotError(f"{at} has no known type whose elements could be constrained ({self._url}).")
        branch.children = tree.copy().children

    def _unfold_reference(self, branch: Branch, reference: str, at: str) -> None:
        names = reference.rpartition("#")[2].split(".")[1:]
        target = grown(self._base).down((name, None) for name in names)
        if target is None:
            raise SnapshotError(f"{at} has the content of {reference}, which there is not ({self._url}).")
        branch.children = target.children
        element = {key: value for key, value in branch.element.items() if key != "contentReference"}
        branch.element = element | {"type": target.element["type"]}

    def _complete(self, branch: Branch) -> None:
        """Adds the children of a type that was left when others had been spelled out, as those of any type."""
        tree = self._tree(branch.element.get("type", [])) if branch.children else None
        if tree is not None:
            spelled = branch.children
            branch.children = {name: child.copy() for name, child in tree.children.items()} | spelled

    def _tree(self, types: list[Json]) -> Branch | None:
        """The definition of the type that all of them are: a profile where there is just one, else the type."""
        if len(types) != 1:
            return self._grown(R4 + "Element") if types else None
        profiles = types[0].get("profile", [])
        tree = self._grown(profiles[0]) if len(profiles) == 1 else None
        return tree or self._grown(R4 + code_of(types[0]))

    def _inherited(self, structure: Json) -> Iterator[Json]:
        """The elements of a definition as what is built on it has them.

        Raises:
            SnapshotError: it has no snapshot, for that is only being made.
        """
        if "snapshot" not in structure:
            raise SnapshotError(f"{self._url} builds on {structure['url']}, which builds on it.")
        return (_inherited(element, str(structure["url"])) for element in structure["snapshot"]["element"])

    def _grown(self, url: str) -> Branch | None:
        if url not in self._trees:
            structure = self._find(url)
            self._trees[url] = None if structure is None else grown(self._inherited(structure))
        return self._trees[url]


def _first(path: str) -> Json:
    """An element where it is first defined, before anything is said of it."""
    return {"min": 0, "max": "*", "base": {"path": path, "min": 0, "max": "*"}}


def _inherited(element: Json, source: str) -> Json:
    """What an element hands on, each rule with where it comes from.

    Mappings refer to the head of the definition they are in, and its standing is its own.
    """
    made = {name: value for name, value in element.items() if name not in {"mapping", "extension"}}
    extensions = [one for one in element.get("extension", ()) if one["url"] not in STANDING]
    if extensions:
        made["extension"] = extensions
    if "constraint" in element:
        made["constraint"] = [rule | {"source": rule.get("source", source)} for rule in element["constraint"]]
    return made


def _child(branch: Branch, name: str) -> Branch | None:
    """The child of that name, with or without the `[x]` of a choice."""
    return branch.children.get(name) or branch.children.get(name + CHOICE)


def _type_named(branch: Branch, name: str) -> Json | None:
    """The type of a choice element that a name such as `valueQuantity` means; None where it has no such type."""
    stem = branch.name.removesuffix(CHOICE)
    for type_ in branch.element.get("type", []):
        code = code_of(type_)
        if name == f"{stem}{code[:1].upper()}{code[1:]}":
            return dict(type_)
    return None


def _only_profile(change: Json) -> str | None:
    """The profile of an element's one type, where it has one."""
    types = change.get("type", [])
    profiles = types[0].get("profile", []) if len(types) == 1 else []
    return str(profiles[0]) if len(profiles) == 1 else None


def _narrower(element: Json, root: Json) -> Json:
    """The cardinality of an extension where it stands: what its definition says, within what is permitted there."""
    most = [int(each) for each in (element.get("max", "*"), root.get("max", "*")) if each != "*"]
    return {"min": max(element.get("min", 0), root.get("min", 0)), "max": str(min(most)) if most else "*"}

"""FHIRPath Patch: operations on the elements of a resource, all of them or none.

Source: https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.fhir.patching.documents import Copier, require_shallow
from service.fhir.patching.part_values import Fitter
from service.fhir.patching.patch_parameters import PathOperation, operations
from service.fhir.patching.places import Json, holder, items, put, take_out, write_item, write_items
from service.fhir.paths import Dialect, EvaluationError, Node, PathError
from service.fhir.paths.parser import parse
from service.fhir.paths.path import compile_tree
from service.fhir.paths.syntax import Expression, Member, This, functions
from service.fhir.paths.types import Child, Definitions, TypeModel
from service.fhir.problems import Invalid, Malformed

_LOCATED = Dialect(located=True)

# The functions that a path may use to find an element. Others cannot be needed for that, and
# some (regular expressions, aggregates) could keep the server busy for a hostile client.
FUNCTIONS = frozenset(
    {"all", "as", "contains", "count", "empty", "endsWith", "exists", "extension", "first", "hasExtension", "hasValue",
     "is", "last", "length", "lower", "not", "ofType", "single", "skip", "startsWith", "tail", "take", "upper", "where"}
)  # fmt: skip


def apply(resource: dict[str, Any], parameters: dict[str, Any], registry: Definitions) -> dict[str, Any]:
    """The resource with the operations carried out in order; the given one is left as it is.

    Raises:
        Malformed: the document is no FHIRPath Patch, or a path no FHIRPath.
        Invalid: an operation does not fit the resource.
        TooLarge: there are more operations, or they copy more, than any resource needs.
    """
    steps = operations(parameters)
    copier = Copier()
    document: Json = copier.copy(resource)
    model = TypeModel(registry)
    for step in steps:
        _Change(document, step, model, Fitter(model, copier, step.expression)).carry_out()
    require_shallow(document)
    return document


@dataclass(frozen=True, slots=True)
class _Change:
    """One operation on the document."""

    document: Json
    operation: PathOperation
    model: TypeModel
    fitter: Fitter

    def carry_out(self) -> None:
        """Changes the document.

        Raises:
            Malformed: the path is no FHIRPath.
            Invalid: the operation does not fit the document.
        """
        match self.operation.type:
            case "add":
                self._add()
            case "insert":
                self._insert()
            case "delete":
                self._delete()
            case "replace":
                self._replace()
            case "move":
                self._move()

    def _invalid(self, slug: str, text: str) -> Invalid:
        return Invalid(slug, text, self.operation.expression)

    def _add(self) -> None:
        """Adds the element behind what the path finds of it already."""
        node = self._one(self._tree())
        self.fitter.add(holder(node), node.type, self.operation.name, self.operation.value or {})

    def _insert(self) -> None:
        """Puts the element into the list before the index."""
        node, child = self._list()
        fitted = self.fitter.fit(node.type, child.name, self.operation.value or {})
        owner = holder(node)
        found = items(owner, fitted.key)
        self._require_index(self.operation.index, len(found) + 1)
        found.insert(self.operation.index, fitted.item)
        write_items(owner, fitted.key, found)

    def _delete(self) -> None:
        """Takes the element out, where there is one."""
        found = self._found(self._tree())
        if found:
            take_out(self._element(self._single(found)))

    def _replace(self) -> None:
        """Puts the value in the place of the element, with all that stood there."""
        node = self._element(self._one(self._tree()))
        parent = node.parent
        if parent is None:
            raise self._whole()
        fitted = self.fitter.fit(parent.type, node.name, self.operation.value or {})
        if fitted.key != node.key:
            write_item(holder(parent), node.key, (None, None))
            write_item(holder(parent), fitted.key, fitted.item)
        else:
            put(node, fitted.item)

    def _move(self) -> None:
        """Moves an item of a list to another place in it."""
        node, child = self._list()
        owner, key = holder(node), child.alternatives[0][0]
        found = items(owner, key)
        self._require_index(self.operation.source, len(found))
        self._require_index(self.operation.destination, len(found))
        found.insert(self.operation.destination, found.pop(self.operation.source))
        write_items(owner, key, found)

    def _require_index(self, index: int, limit: int) -> None:
        if not 0 <= index < limit:
            raise self._invalid("patch-index-out-of-range", f"Index {index} is beyond the list.")

    def _tree(self) -> Expression:
        """The path parsed, and checked for what a patch may use.

        Raises:
            Malformed: it is no FHIRPath, or calls a function that finds no element.
        """
        try:
            tree = parse(self.operation.path)
        except PathError as fault:
            raise Malformed(
                "patch-path-malformed", f"The path is no FHIRPath: {fault}", self.operation.expression
            ) from fault
        refused = next((call.name for call in functions(tree) if call.name not in FUNCTIONS), None)
        if refused is not None:
            raise Malformed(
                "patch-path-function-refused",
                f"The path of a patch cannot call {refused}().",
                self.operation.expression,
            )
        return tree

    def _found(self, tree: Expression) -> list[Node]:
        """The elements that the path finds.

        Raises:
            Invalid: it names what there is not, fails on the data, or finds what is no element.
        """
        try:
            path = compile_tree(tree, self.model, str(self.document.get("resourceType")), dialect=_LOCATED)
            found = path.values(self.document)
        except PathError as fault:
            raise self._invalid("patch-path-impossible", f"The path cannot be: {fault}") from fault
        except EvaluationError as fault:
            raise self._invalid("patch-path-fails", f"The path fails on this resource: {fault}") from fault
        if any(_root(node).value is not self.document for node in found):
            raise self._invalid(
                "patch-path-not-element", "The path gives what is no element of the resource."
            )
        return found

    def _single(self, found: list[Node]) -> Node:
        if len(found) > 1:
            raise self._invalid(
                "patch-path-ambiguous", f"The path finds {len(found)} elements, and should find one."
            )
        return found[0]

    def _one(self, tree: Expression) -> Node:
        """The only element that the path finds.

        Raises:
            Invalid: it finds none, or several.
        """
        found = self._found(tree)
        if not found:
            raise self._invalid("patch-path-missing", "The path finds no element.")
        return self._single(found)

    def _element(self, node: Node) -> Node:
        """The node, which is not the resource itself.

        Raises:
            Invalid: it is.
        """
        if node.parent is None:
            raise self._whole()
        return node

    def _whole(self) -> Invalid:
        return self._invalid(
            "patch-removes-resource", "A patch cannot remove or replace the resource itself."
        )

    def _list(self) -> tuple[Node, Child]:
        """What holds the list at the end of the path, and the repeating element that it is a list of.

        Raises:
            Invalid: the path does not end in the name of a repeating element.
        """
        tree = self._tree()
        if not isinstance(tree, Member):
            raise self._invalid("patch-path-not-list", "The path of a list ends in the name of its element.")
        node = self._one(This() if tree.target is None else tree.target)
        child = self.fitter.child(node.type, tree.name)
        if not child.repeats:
            raise self._invalid("patch-path-not-list", f"'{tree.name}' does not repeat.")
        return node, child


def _root(node: Node) -> Node:
    """What the node stands in at last."""
    while node.parent is not None:
        node = node.parent
    return node

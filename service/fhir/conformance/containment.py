"""The two rules of R4 on what is contained, in time that grows with a resource and not with its square.

- ref-1: a `#` reference leads to a contained resource.
- dom-3: what is contained is referred to from elsewhere in the resource, or refers to it.

As expressions they look through all of a resource for each reference or contained resource
of it, and a body of some megabytes can hold many. A test holds them to their expressions.

Source: https://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from service.fhir.paths import Node, Path, compile_path

if TYPE_CHECKING:
    from service.fhir.paths import Environment
    from service.fhir.paths.types import TypeModel

LOCAL: Final = "ref-1"
REFERRED: Final = "dom-3"

_ADDRESSES: Final = frozenset({"canonical", "uri", "url"})

Json = dict[str, Any]


class Containment:
    """Answers the two rules; what it knows of a resource is kept until it is told to forget."""

    def __init__(self, model: TypeModel) -> None:
        """Takes the types of R4."""
        self._model = model
        self._references: Path | None = None
        self._below: Path | None = None
        self._root: Json | None = None
        self._ids: frozenset[str] = frozenset()

    def forget(self) -> None:
        """Lets go of the resource that was looked at last, which may change now."""
        self._root = None

    def is_met(self, item: Any, environment: Environment) -> bool:
        """Whether ref-1 holds of a Reference."""
        reference = item.value if item.__class__ is Node else item
        literal = str(reference.get("reference", ""))
        if literal[:1] != "#" or literal == "#":
            return True
        return literal[1:] in self._ids_in(environment.root or environment.resource or {})

    def is_referred(self, item: Any, _environment: Environment) -> bool:
        """Whether dom-3 holds of a resource."""
        resource = item.value if item.__class__ is Node else item
        inner = inside(resource)
        if not inner:
            return True
        addresses = self._addresses(resource)
        return all(
            "id" not in one or f"#{one['id']}" in addresses or "#" in self._addresses(one) for one in inner
        )

    def _ids_in(self, root: Json) -> frozenset[str]:
        if self._root is not root:
            self._root = root
            self._ids = frozenset(one["id"] for one in inside(root) if isinstance(one.get("id"), str))
        return self._ids

    def _addresses(self, resource: Json) -> frozenset[str]:
        """All that a resource refers to by reference, canonical, uri or url."""
        if self._references is None or self._below is None:
            self._references = compile_path("descendants().reference", self._model, None)
            self._below = compile_path("descendants()", self._model, None)
        node = Node(str(resource.get("resourceType")), resource)
        found = [below.value for below in self._references.values(node)]
        found += [below.value for below in self._below.values(node) if below.type in _ADDRESSES]
        return frozenset(address for address in found if isinstance(address, str))


def inside(resource: Json) -> list[Json]:
    """The contained resources, what is none of the right form left out."""
    given = resource.get("contained")
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []

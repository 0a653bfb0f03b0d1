"""Parameters: what an operation is given and answers with, read from a query or a Parameters resource.

Source: https://hl7.org/fhir/R4/operations.html#request, https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from service.fhir.problems import Malformed

Json = dict[str, Any]
Pairs = Iterable[tuple[str, str]]

# What stands in JSON as a string; a client that says valueString for a uri or a code is understood.
TEXTS: Final = frozenset(
    {
        "string",
        "uri",
        "url",
        "canonical",
        "code",
        "id",
        "date",
        "dateTime",
        "instant",
        "markdown",
        "oid",
        "uuid",
    }
)
# Whole numbers; how small they may be is the operation's to say.
INTEGERS: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
PRIMITIVES: Final = TEXTS | INTEGERS | {"boolean", "decimal"}
DATATYPES: Final = frozenset({"Coding", "CodeableConcept", "Identifier", "Period", "Quantity", "Reference"})
RESOURCE: Final = "Resource"  # any resource type
ELEMENT: Final = "Element"  # any of several types, which the input names
PARTS: Final = ""  # no value but parts, each with a name of its own

_INTEGER = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_PATH = "Parameters.parameter"


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter that an operation takes: `type` is a FHIR type, that of a resource or `Resource` included.

    One of several types is an `Element`, and `either` says which, best first. One with `PARTS` in
    place of a type gives the list of its parts, as they are.
    """

    name: str
    type: str
    required: bool = False
    repeats: bool = False
    either: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """The types that its value may have; none where it has parts."""
        return self.either or ((self.type,) if self.type else ())

    @property
    def resource_types(self) -> tuple[str, ...]:
        """Those of its types that are resources, whose value stands in `resource`, not in `value[x]`."""
        return tuple(each for each in self.types if each not in PRIMITIVES and each not in DATATYPES)


class Inputs:
    """The parameters that were given, each of its declared type.

    `criteria` are the others in order, for an operation that takes search parameters beside its own.
    """

    __slots__ = ("_values", "criteria")

    def __init__(
        self, values: Mapping[str, tuple[Any, ...]], criteria: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._values = MappingProxyType(dict(values))
        self.criteria = tuple(criteria)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def one(self, name: str) -> Any | None:
        """The value of a parameter that stands once; None where it was not given."""
        values = self._values.get(name)
        return None if values is None else values[0]

    def all(self, name: str) -> tuple[Any, ...]:
        """Every value of a parameter that repeats."""
        return self._values.get(name, ())


def read(inputs: Sequence[Input], pairs: Pairs, body: Json | None, *, searches: bool = False) -> Inputs:
    """What was given in the query and in the body, which is Parameters, or the one resource that is asked for.

    An operation that `searches` takes search parameters, too: whatever is not its own is one of these.

    Raises:
        Malformed: a parameter that the operation does not take, of a wrong type, given twice or missing.
    """
    declared = {each.name: each for each in inputs}
    values: dict[str, list[Any]] = {}
    criteria: list[tuple[str, str]] = []
    for name, text in pairs:
        if searches and name not in declared:
            criteria.append((name, text))
        else:
            values.setdefault(name, []).append(_read_text(_declared(declared, name), text))
    lone = None if body is None else _lone(inputs, body)
    if lone is not None:
        values.setdefault(lone.name, []).append(body)
    for name, element, path in _given(body) if body is not None and lone is None else ():
        if searches and name not in declared:
            criteria.append((name, _read_criterion(element, path)))
        else:
            values.setdefault(name, []).append(_read_value(_declared(declared, name, path), element, path))
    for each in inputs:
        _require_number(each, len(values.get(each.name, ())))
    return Inputs({name: tuple(given) for name, given in values.items()}, criteria)


def _lone(inputs: Sequence[Input], body: Json) -> Input | None:
    """The parameter that a bare body is the value of; None where the body is Parameters.

    Source: https://hl7.org/fhir/R4/operations.html#request: with exactly one parameter that is a resource;
    here also where several are, and the body is of the type of one of them only.
    """
    if body.get("resourceType") == "Parameters":
        return None
    resources = [each for each in inputs if each.resource_types]
    fitting = [each for each in resources if any(_is_of(type_, body) for type_ in each.resource_types)]
    if len(fitting) != 1:
        shown = [
            "Parameters resource",
            *(_shown(type_) for each in resources for type_ in each.resource_types),
        ]
        raise Malformed("operation-body", f"The body of this operation is a {' or a '.join(shown)}.")
    return fitting[0]


def _is_of(type_: str, value: Any) -> bool:
    """Whether a value is a resource of the type, sound or not."""
    if not isinstance(value, dict):
        return False
    given = value.get("resourceType")
    return isinstance(given, str) and type_ in {RESOURCE, given}


def _given(body: Json) -> Iterator[tuple[str, Json, str]]:
    """Name, element and path of each parameter of a Parameters resource."""
    given = body.get("parameter", [])
    if not isinstance(given, list):
        raise Malformed("operation-body", "Parameters.parameter is an array.", _PATH)
    for index, each in enumerate(given):
        path = f"{_PATH}[{index}]"
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str):
            raise Malformed("operation-body", "Each parameter is an object with a name.", path)
        yield name, each, path


def _declared(declared: Mapping[str, Input], name: str, path: str | None = None) -> Input:
    found = declared.get(name)
    if found is None:
        known = ", ".join(declared) or "none"
        raise Malformed(
            "operation-parameter-unknown",
            f"The operation has no such parameter; those that it has: {known}.",
            path,
        )
    return found


def _read_value(input_: Input, given: Json, path: str) -> Any:
    """The value of an element of Parameters.parameter."""
    found = [(name, value) for name, value in given.items() if name == "resource" or name.startswith("value")]
    if input_.type == PARTS:
        parts = given.get("part")
        if found or not isinstance(parts, list):
            raise _wrong(input_, path)
        return parts
    if len(found) != 1:
        raise _wrong(input_, path)
    [(name, value)] = found
    if name == "resource":
        fits = any(_is_of(type_, value) for type_ in input_.resource_types)
    else:
        said = name.removeprefix("value")
        fits = any(_is_written(type_, said, value) for type_ in input_.types)
    if not fits:
        raise _wrong(input_, path)
    return value


def _is_written(type_: str, said: str, value: Any) -> bool:
    """Whether a value of the type may be given as `value[x]`, x being what is said."""
    return any(_capital(alike) == said for alike in _alike(type_)) and _is_json_of(type_, value)


def _read_criterion(given: Json, path: str) -> str:
    """A search parameter in an element of Parameters.parameter: a primitive, written as in a query."""
    values = [value for element, value in given.items() if element.startswith("value")]
    match values:
        case [bool() as truth]:
            return "true" if truth else "false"
        case [str() as text] if text:
            return text
        case [int() | Decimal() as number]:
            return str(number)
        case _:
            raise Malformed("operation-parameter-type", "A search parameter is one primitive value.", path)


def _alike(type_: str) -> frozenset[str]:
    """The types that a value of the type may be given as."""
    return next((alike for alike in (TEXTS, INTEGERS) if type_ in alike), frozenset({type_}))


def _capital(type_: str) -> str:
    return type_[:1].upper() + type_[1:]


def _is_json_of(type_: str, value: Any) -> bool:
    """Whether the JSON value is of the kind that the type has."""
    match type_:
        case "boolean":
            return isinstance(value, bool)
        case _ if type_ in INTEGERS:
            return isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case _ if type_ in TEXTS:
            return isinstance(value, str) and value != ""
        case _:
            return isinstance(value, dict)


def _read_text(input_: Input, text: str) -> Any:
    """The value of a query parameter: a primitive, the only thing that fits there."""
    for type_ in input_.types:
        if type_ == "boolean" and text in {"true", "false"}:
            return text == "true"
        if type_ in INTEGERS and _INTEGER.fullmatch(text):
            return int(text)
        if type_ in TEXTS and text:
            return text
    raise _wrong(input_, None)


def _wrong(input_: Input, path: str | None) -> Malformed:
    shown = " or a ".join(_shown(type_) for type_ in input_.types) or "list of parts"
    text = f"The parameter {input_.name} is a {shown}."
    if path is None and PRIMITIVES.isdisjoint(input_.types):
        text = f"The parameter {input_.name} is a {shown}: send it in a Parameters resource."
    return Malformed("operation-parameter-type", text, path)


def _shown(type_: str) -> str:
    return "resource" if type_ == RESOURCE else type_


def _require_number(input_: Input, given: int) -> None:
    if given > 1 and not input_.repeats:
        raise Malformed("operation-parameter-repeated", f"The parameter {input_.name} may be given once.")
    if input_.required and not given:
        raise Malformed("operation-parameter-missing", f"The operation needs the parameter {input_.name}.")


Part = tuple[str, str, Any]  # name, element (`valueBoolean`, `resource`), value
Entry = Part | tuple[str, Sequence["Entry"]]


def parameters(*entries: Entry) -> Json:
    """A Parameters resource of the entries, each a name, an element and a value, or a name and its parts.

    Parts are entries again, at any depth. Those without value (None) are left out: FHIR has no null.
    """
    shown = [each for each in map(_parameter, entries) if each is not None]
    return {"resourceType": "Parameters", **({"parameter": shown} if shown else {})}


def _parameter(entry: Entry) -> Json | None:
    match entry:
        case (name, element, value):
            return None if value is None else {"name": name, element: value}
        case (name, parts):
            shown = [each for each in map(_parameter, parts) if each is not None]
            return {"name": name, "part": shown} if shown else None

"""The operations of a FHIRPath Patch, read from its Parameters resource.

Source: https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from service.fhir import locations
from service.fhir.patching.documents import require_few
from service.fhir.problems import Issue, Malformed

OperationType = Literal["add", "insert", "delete", "replace", "move"]

Part = dict[str, Any]

# What each type of operation cannot do without.
_DEMANDS: dict[str, tuple[str, ...]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}

_TEXTS = frozenset({"type", "path", "name"})
_NUMBERS = frozenset({"index", "source", "destination"})
_PARTS = _TEXTS | _NUMBERS | {"value"}

# The types that clients write these parts with; the specification says code, string and integer.
_TEXT_KEYS = ("valueCode", "valueString")
_NUMBER_KEYS = ("valueInteger", "valueUnsignedInt", "valuePositiveInt")


@dataclass(frozen=True, slots=True)
class PathOperation:
    """One operation: `value` is its part as written, `expression` where it stands in the Parameters."""

    type: OperationType
    path: str
    expression: str
    name: str = ""
    value: Part | None = None
    index: int = 0
    source: int = 0
    destination: int = 0


def operations(parameters: Any) -> list[PathOperation]:
    """The operations in order.

    Raises:
        Malformed: the document is no FHIRPath Patch; it carries every fault.
        TooLarge: there are more operations than we carry out.
    """
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise Malformed("path-patch-not-parameters", "A FHIRPath Patch is a Parameters resource.")
    given = parameters.get("parameter", [])
    if not isinstance(given, list):
        raise Malformed(
            "path-patch-not-parameters", "Parameters.parameter is an array.", "Parameters.parameter"
        )
    require_few(len(given))
    issues: list[Issue] = []
    found: list[PathOperation] = []
    for place, parameter in enumerate(given):
        expression = locations.item("Parameters.parameter", place)
        faults = len(issues)
        parts = _parts(parameter, expression, issues)
        _check(parts, expression, issues)
        if len(issues) == faults:
            found.append(_operation(parts, expression))
    if issues:
        raise Malformed.of(issues)
    return found


def _fault(slug: str, text: str, expression: str) -> Issue:
    return Issue("error", Malformed.code, slug, text, expression)


def _parts(parameter: Any, expression: str, issues: list[Issue]) -> dict[str, Any]:
    """The parts by name: text, number, or the part itself for `value`."""
    found: dict[str, Any] = {}
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        issues.append(_fault("path-patch-not-operation", "Each parameter is named 'operation'.", expression))
        return found
    parts = parameter.get("part", [])
    for place, part in enumerate(parts if isinstance(parts, list) else []):
        where = locations.item(f"{expression}.part", place)
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _PARTS:
            issues.append(_fault("path-patch-part-unknown", "An operation has no such part.", where))
        elif name in found:
            issues.append(_fault("path-patch-part-repeated", f"'{name}' is given twice.", where))
        else:
            found[name] = part if name == "value" else _scalar(part, name)
            if found[name] is None:
                kind = "an integer" if name in _NUMBERS else "a text"
                issues.append(_fault("path-patch-part-wrong-type", f"'{name}' is {kind}.", where))
    return found


def _scalar(part: Part, name: str) -> Any:
    """The text or number of a part, None where it has none."""
    kind, keys = (str, _TEXT_KEYS) if name in _TEXTS else (int, _NUMBER_KEYS)
    values = [part[key] for key in keys if key in part]
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _check(parts: dict[str, Any], expression: str, issues: list[Issue]) -> None:
    """Adds what is wrong with the parts taken together."""
    if any(issue.expression == expression for issue in issues):
        return
    type_ = parts.get("type")
    if type_ is None and "type" in parts:
        return
    if type_ not in _DEMANDS:
        known = ", ".join(_DEMANDS)
        issues.append(
            _fault("path-patch-type-unknown", f"The type of an operation is one of {known}.", expression)
        )
        return
    missing = [name for name in _DEMANDS[type_] if name not in parts]
    issues += [
        _fault("path-patch-part-missing", f"'{type_}' needs '{name}'.", expression) for name in missing
    ]


def _operation(parts: dict[str, Any], expression: str) -> PathOperation:
    return PathOperation(
        cast("OperationType", parts["type"]),
        parts["path"],
        expression,
        parts.get("name", ""),
        parts.get("value"),
        parts.get("index", 0),
        parts.get("source", 0),
        parts.get("destination", 0),
    )

"""The faults that structural validation finds: one function per slug, each giving an Issue.

Sentences name elements, types and codes of the standard, never a client's value, so that
an OperationOutcome holds no personal data; the expression leads to the value.

Source: https://hl7.org/fhir/R4/valueset-issue-type.html, https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from service.fhir.problems import Issue
from service.fhir.validation.primitives import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.fhir.validation.bindings import Bound
    from service.fhir.validation.narrative import NarrativeFault
    from service.fhir.validation.references import ReferenceFault

LISTED: Final = 12  # a sentence with more is not read
LONGEST_NAME: Final = 64  # longer names are no element's, and are not repeated in full

MISSHAPEN: Final = frozenset(
    {"array-expected", "array-unexpected", "array-empty", "object-expected", "object-empty", "null-value"}
    | {"sibling-length", "value-kind", "choice-repeated", "resource-type-missing", "resource-type-unknown"}
)
"""Faults of form: an expression cannot be asked of what has one. The others leave it an answer."""


def shown(name: str) -> str:
    """A client's name for an element, fit to stand in a sentence."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."


def element_unknown(path: str, name: str, owner: str, names: Iterable[str]) -> Issue:
    """The type has no such element; says which name may have been meant."""
    likely = get_close_matches(name, names, n=1) if len(name) <= LONGEST_NAME else []
    hint = f" Did you mean {likely[0]}?" if likely else ""
    return Issue(
        "error", "structure", "element-unknown", f"{owner} has no element {shown(name)}.{hint}", path
    )


def choice_type(path: str, name: str, owner: str, names: Sequence[str]) -> Issue:
    """A choice is given as a type that it may not have, or without a type."""
    permitted = ", ".join(names[:LISTED]) + (" and others" if len(names) > LISTED else "")
    text = f"{owner} has no {shown(name)}; it may have one of {permitted}."
    return Issue("error", "structure", "choice-type", text, path)


def choice_repeated(path: str, names: Iterable[str]) -> Issue:
    """Two types of one choice are given at once."""
    text = f"Only one of {' and '.join(names)} may be given."
    return Issue("error", "structure", "choice-repeated", text, path)


def element_missing(path: str, name: str, owner: str) -> Issue:
    """An element that must be there is not."""
    return Issue("error", "required", "element-missing", f"{owner} must have {name}.", path)


def array_expected(path: str, name: str) -> Issue:
    """The element repeats, so JSON holds an array even for one."""
    text = f"{name} can stand several times, so it must be an array, even of one."
    return Issue("error", "structure", "array-expected", text, path)


def array_unexpected(path: str, name: str) -> Issue:
    """The element stands once, so JSON holds no array."""
    return Issue(
        "error",
        "structure",
        "array-unexpected",
        f"{name} can stand only once, so it must not be an array.",
        path,
    )


def array_empty(path: str, name: str) -> Issue:
    """An array has no items."""
    return Issue(
        "error", "structure", "array-empty", f"{name} must not be an empty array; leave it out instead.", path
    )


def object_expected(path: str, name: str, type_: str, kind: str) -> Issue:
    """A complex element is not an object."""
    text = f"{name} must be a JSON object ({type_}), not {article(kind)}."
    return Issue("error", "structure", "object-expected", text, path)


def object_empty(path: str, name: str) -> Issue:
    """An object has no members."""
    return Issue(
        "error",
        "structure",
        "object-empty",
        f"{name} must not be an empty object; leave it out instead.",
        path,
    )


def null_value(path: str, name: str) -> Issue:
    """A null stands where it means nothing."""
    text = (
        f"{name} must not be null; leave it out instead. null may only fill a place in an array of primitive"
    )
    return Issue(
        "error",
        "structure",
        "null-value",
        f"{text} values that has a sibling array with an underscore.",
        path,
    )


def sibling_length(path: str, name: str) -> Issue:
    """The array of values and its sibling differ in length."""
    text = f"{name} and _{name} must be arrays of the same length, filled up with null."
    return Issue("error", "structure", "sibling-length", text, path)


def value_kind(path: str, name: str, type_: str, wanted: str, found: str) -> Issue:
    """A primitive value is of the wrong JSON kind, such as a decimal in quotation marks."""
    text = f"{name} must be a JSON {wanted} ({type_}), not {article(found)}."
    return Issue("error", "value", "value-kind", text, path)


def value_empty(path: str, name: str) -> Issue:
    """An empty string."""
    return Issue("error", "value", "value-empty", f"{name} must not be empty; leave it out instead.", path)


def value_blank(path: str, name: str) -> Issue:
    """A string of white space only."""
    return Issue("warning", "value", "value-blank", f"{name} is white space only, which says nothing.", path)


def value_characters(path: str, name: str) -> Issue:
    """A control character in a string."""
    text = f"{name} holds a control character; only tab, line feed and carriage return are permitted."
    return Issue("error", "value", "value-characters", text, path)


def value_length(path: str, name: str, limit: int) -> Issue:
    """A string over its limit."""
    return Issue(
        "error", "too-long", "value-length", f"{name} must not be longer than {limit} characters.", path
    )


def value_malformed(path: str, name: str, type_: str) -> Issue:
    """A value does not have the form of its type, or is out of its range, or not in the calendar."""
    return Issue("error", "value", "value-malformed", f"{name} must be {EXPECTED[type_]}.", path)


def code_not_in_value_set(path: str, name: str, bound: Bound) -> Issue:
    """A code outside a required value set."""
    text = f"{name} must be {bound.listed()}."
    return Issue("error", "code-invalid", "code-not-in-value-set", text, path)


def code_missing(path: str, name: str, bound: Bound) -> Issue:
    """No code, where one of a required value set must be."""
    text = f"{name} must have a code: {bound.listed()}."
    return Issue("error", "code-invalid", "code-missing", text, path)


def code_outside_value_set(path: str, name: str, bound: Bound) -> Issue:
    """A code outside an extensible value set."""
    text = f"{name} should be {bound.listed()}, unless none of these is suitable."
    return Issue("warning", "code-invalid", "code-outside-value-set", text, path)


def resource_type_missing(path: str | None) -> Issue:
    """A resource does not say what it is."""
    text = "A resource must say what it is, in a string resourceType."
    return Issue("error", "structure", "resource-type-missing", text, path)


def resource_type_unknown(path: str | None, type_: str) -> Issue:
    """A resource says to be what R4 does not have."""
    text = f"R4 has no resource type {shown(type_)}."
    return Issue("error", "structure", "resource-type-unknown", text, path)


def contained_id_missing(path: str) -> Issue:
    """A contained resource has no id, so that nothing can refer to it."""
    text = "A contained resource must have an id, by which the resource around it refers to it."
    return Issue("error", "required", "contained-id-missing", text, path)


def contained_id_repeated(path: str) -> Issue:
    """Two contained resources have the same id."""
    return Issue(
        "error", "structure", "contained-id-repeated", "Another contained resource has this id already.", path
    )


def contained_nested(path: str) -> Issue:
    """A contained resource contains another."""
    text = "A contained resource must not contain others; move them up to the resource around it."
    return Issue("error", "structure", "contained-nested", text, path)


def of_reference(path: str, fault: ReferenceFault) -> Issue:
    """What is wrong with a Reference."""
    return Issue("error", fault.code, fault.slug, fault.text, path)


def of_narrative(path: str, fault: NarrativeFault) -> Issue:
    """What is wrong with a narrative."""
    return Issue("error", "invalid", fault.slug, fault.text, path)


def issues_cut(limit: int) -> Issue:
    """There are more issues than are listed: refused, be they only warnings."""
    text = f"There are more than the {limit} issues listed here; mend these first."
    return Issue("error", "too-costly", "issues-cut", text)


def nesting_depth() -> Issue:
    """Elements stand within elements deeper than can be followed."""
    return Issue("error", "too-costly", "nesting-depth", "The resource is nested too deeply to be checked.")


def article(kind: str) -> str:
    """A JSON kind with its article."""
    return kind if kind == "null" else f"an {kind}" if kind in {"array", "object"} else f"a {kind}"

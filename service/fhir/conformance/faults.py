"""The faults that profiles, extension definitions and invariants find: one function per slug.

Sentences name elements, codes and addresses of definitions, never a client's value.

Source: https://hl7.org/fhir/R4/profiling.html, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from service.fhir import codec
from service.fhir.problems import Issue

SHOWN: Final = 12  # a sentence with more is not read
LONGEST_SHOWN: Final = 160  # characters of a definition's value in a sentence


def element_missing(path: str, owner: str, name: str, least: int) -> Issue:
    """The profile demands the element, and it is not there often enough."""
    text = f"{owner} asks for {name}." if least == 1 else f"{owner} asks for {name} at least {least} times."
    return Issue("error", "required", "profile-element-missing", text, path)


def element_repeated(path: str, owner: str, name: str, most: int) -> Issue:
    """The element is there more often than the profile permits."""
    often = "once" if most == 1 else f"{most} times"
    return Issue(
        "error", "structure", "profile-element-repeated", f"{owner} has {name} at most {often}.", path
    )


def element_prohibited(path: str, owner: str, name: str) -> Issue:
    """The profile does not permit the element."""
    return Issue("error", "structure", "profile-element-prohibited", f"{owner} does not have {name}.", path)


def type_not_permitted(path: str, owner: str, name: str, types: Iterable[str]) -> Issue:
    """A choice is given as a type that the profile does not permit."""
    text = f"{owner} has {name} as {listed(types)}."
    return Issue("error", "structure", "profile-type", text, path)


def not_fixed(path: str, owner: str, name: str, fixed: Any) -> Issue:
    """The value is not the one that the profile fixes."""
    text = f"{owner} fixes {name} to {shown(fixed)}."
    return Issue("error", "value", "profile-value-fixed", text, path)


def not_pattern(path: str, owner: str, name: str, pattern: Any) -> Issue:
    """The value has not what the profile demands of it."""
    text = f"{owner} asks that {name} have {shown(pattern)}."
    return Issue("error", "value", "profile-value-pattern", text, path)


def out_of_range(path: str, owner: str, name: str, bound: str, limit: Any) -> Issue:
    """The value is below the least or above the greatest that the profile permits."""
    text = f"{owner} has {name} of {bound} {shown(limit)}."
    return Issue("error", "value", "profile-value-range", text, path)


def too_long(path: str, owner: str, name: str, limit: int) -> Issue:
    """The string is longer than the profile permits."""
    text = f"{owner} has {name} of at most {limit} characters."
    return Issue("error", "too-long", "profile-value-length", text, path)


def wrong_target(path: str, owner: str, name: str, types: Iterable[str]) -> Issue:
    """The reference is to a resource of a type that the profile does not permit."""
    text = f"In {owner}, {name} refers to {listed(types)}."
    return Issue("error", "structure", "profile-reference-target", text, path)


def not_in_value_set(path: str, owner: str, name: str, value_set: str) -> Issue:
    """The code is outside a value set that the profile requires."""
    text = f"{owner} asks that {name} be from {value_set}."
    return Issue("error", "code-invalid", "code-not-in-value-set", text, path)


def outside_value_set(path: str, owner: str, name: str, value_set: str) -> Issue:
    """The code is outside a value set that the profile would have, unless none of it is suitable."""
    text = f"{owner} would have {name} from {value_set}, unless none of it is suitable."
    return Issue("warning", "code-invalid", "code-outside-value-set", text, path)


def slice_missing(path: str, owner: str, name: str, slice_: str, least: int) -> Issue:
    """A slice that must be there is not."""
    often = "" if least == 1 else f" at least {least} times"
    text = f"{owner} asks for the {name} {slice_}{often}."
    return Issue("error", "required", "profile-slice-missing", text, path)


def slice_repeated(path: str, owner: str, name: str, slice_: str, most: int) -> Issue:
    """A slice is there more often than the profile permits."""
    often = "does not have" if most == 0 else f"has at most {most} of"
    return Issue(
        "error", "structure", "profile-slice-repeated", f"{owner} {often} the {name} {slice_}.", path
    )


def slice_closed(path: str, owner: str, name: str, slices: Iterable[str]) -> Issue:
    """An item is of none of the slices, and no others are permitted."""
    text = f"{owner} permits as {name} only {listed(slices)}."
    return Issue("error", "structure", "profile-slice-closed", text, path)


def slice_order(path: str, owner: str, name: str, slices: Iterable[str]) -> Issue:
    """Items are not in the order of their slices."""
    text = f"{owner} has {name} in the order {', '.join(slices)}."
    return Issue("error", "structure", "profile-slice-order", text, path)


def profile_unknown(path: str, url: str, *, fault: bool) -> Issue:
    """There is no such profile here, so nothing can be said of it."""
    text = f"The profile {url} is not known here, so conformance to it was not checked."
    return Issue("error" if fault else "warning", "not-found", "profile-unknown", text, path)


def profile_type_mismatch(path: str, url: str, type_: str) -> Issue:
    """The profile is of another type than the resource."""
    text = f"The profile {url} is one of {type_}."
    return Issue("error", "structure", "profile-type-mismatch", text, path)


def extension_unknown(path: str, url: str) -> Issue:
    """An extension has an address of ours that we never gave."""
    text = f"There is no extension {url}."
    return Issue("error", "structure", "extension-unknown", text, path)


def extension_context(path: str, url: str, contexts: Iterable[str]) -> Issue:
    """An extension stands where its definition does not put it."""
    text = f"The extension {url} may stand on {listed(contexts)} only."
    return Issue("error", "structure", "extension-context", text, path)


def invariant_broken(path: str, severity: str, key: str, sentence: str) -> Issue:
    """A rule of R4, or of a guide that is not ours, is broken."""
    text = f"{key}: {sentence}"
    return Issue("error" if severity == "error" else "warning", "invariant", "invariant-broken", text, path)


def rule_broken(path: str, severity: str, slug: str, sentence: str) -> Issue:
    """A rule of our own profiles is broken: its key is the slug."""
    return Issue("error" if severity == "error" else "warning", "invariant", slug, sentence, path)


def listed(names: Iterable[str]) -> str:
    """Names in a row, cut where nobody would read on."""
    all_names = list(names)
    more = " and others" if len(all_names) > SHOWN else ""
    return f"{', '.join(all_names[:SHOWN])}{more}"


def shown(value: Any) -> str:
    """A value of a definition as it stands in a sentence."""
    text = value if isinstance(value, str) else codec.encode(value).decode()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."

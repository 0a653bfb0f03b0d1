"""Why a search is refused: every sentence of it, in one place.

A parameter, modifier or value that is not understood refuses the whole search, because
leaving it out would answer with more young people's records than were asked for. No
sentence repeats a value: a value may be a name.

Source: https://hl7.org/fhir/R4/search.html#errors, ADR 0004
"""

from __future__ import annotations

from collections.abc import Iterable

from service.fhir.problems import Issue, Malformed

TOO_COSTLY = "too-costly"
"""The code of FHIR's for what is refused because of the work that it would make."""


def _refused(code: str, slug: str, text: str) -> Malformed:
    return Malformed(slug, text, issues=[Issue("error", code, slug, text)])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def no_text() -> Malformed:
    """The refusal of a name or value with a NUL character."""
    return _refused("invalid", "search-value-characters", "No text of FHIR holds the character U+0000.")


def unknown_parameter(name: str, type_: str, valid: Iterable[str]) -> Malformed:
    """The refusal of a parameter that the type does not have."""
    text = f"{type_} has no search parameter `{name}`. It has {_listed(valid)}."
    return _refused("not-supported", "search-parameter-unknown", text)


def unsupported_parameter(name: str, type_: str, valid: Iterable[str]) -> Malformed:
    """The refusal of a parameter that R4 has and this server does not offer."""
    text = f"The search parameter `{name}` is not offered here. {type_} has {_listed(valid)}."
    return _refused("not-supported", "search-parameter-unsupported", text)


def unknown_modifier(name: str, modifier: str, valid: Iterable[str]) -> Malformed:
    """The refusal of a modifier that the parameter does not take."""
    modifiers = _listed(f":{one}" for one in valid)
    text = f"The search parameter `{name}` does not take the modifier `:{modifier}`. It takes {modifiers}."
    return _refused("not-supported", "search-modifier-unsupported", text)


def repeated(name: str) -> Malformed:
    """The refusal of a result parameter given twice."""
    return _refused("value", "search-parameter-repeated", f"`{name}` may be given once.")


def empty(name: str) -> Malformed:
    """The refusal of a parameter, or of one of its alternatives, without a value."""
    return _refused(
        "value", "search-value-empty", f"`{name}` has no value, or an empty one among its alternatives."
    )


def wrong_escape(name: str) -> Malformed:
    """The refusal of a backslash that escapes nothing."""
    text = f"In the value of `{name}` a backslash stands before something other than `,`, `|`, `$` or a backslash."
    return _refused("value", "search-value-escape", text)


def unreadable(name: str, slug: str, form: str) -> Malformed:
    """The refusal of a value that is not of the parameter's kind; `form` says what it should look like."""
    return _refused("value", slug, f"The value of `{name}` cannot be read: {form}.")


def wrong_target(name: str, type_: str, targets: Iterable[str]) -> Malformed:
    """The refusal of a reference, modifier or chain to a type that the parameter does not refer to."""
    text = f"`{name}` does not refer to `{type_}`. It refers to {_listed(targets)}."
    return _refused("value", "search-reference-target", text)


def no_chain(name: str, reason: str) -> Malformed:
    """The refusal of a chain or reverse chain that leads nowhere."""
    return _refused("value", "search-chain", f"`{name}` cannot be followed: {reason}.")


def too_many(limit: int) -> Malformed:
    """The refusal of a search with more conditions than a database takes."""
    text = f"The search has more than {limit} conditions; ask for fewer at a time."
    return _refused(TOO_COSTLY, "search-too-many-conditions", text)


def too_many_includes(limit: int) -> Malformed:
    """The refusal of a search that shows more kinds of things beside its matches than may be asked for at once."""
    text = f"The search has more than {limit} of `_include` and `_revinclude`; ask for fewer at a time."
    return _refused(TOO_COSTLY, "search-too-many-includes", text)


def unknown_type(valid: Iterable[str]) -> Malformed:
    """The refusal of a type that is not searched here."""
    text = f"`_type` names a resource type that is not searched here. There are {_listed(valid)}."
    return _refused("value", "search-type-unknown", text)


def not_common(name: str, types: Iterable[str], valid: Iterable[str]) -> Malformed:
    """The refusal of a parameter that not all of several types have."""
    text = (
        f"`{name}` is not a search parameter of all the types that are searched: {_listed(types)}."
        f" They have in common {_listed(valid)}. Choose types with `_type`."
    )
    return _refused("not-supported", "search-parameter-unknown", text)


def contained() -> Malformed:
    """The refusal of a search among contained resources."""
    text = (
        "Contained resources are not searched by themselves: they are found as parts of the resources they are in."
        " Leave `_contained` and `_containedType` out."
    )
    return _refused("not-supported", "search-parameter-unsupported", text)


def unsortable(types: Iterable[str], valid: Iterable[str]) -> Malformed:
    """The refusal of an order by something that resources of the types have no order by."""
    text = f"`_sort` names something by which {_listed(types)} cannot be sorted. They can be by {_listed(valid)}."
    return _refused("not-supported", "search-sort-unsupported", text)


def sorted_twice(name: str) -> Malformed:
    """The refusal of an order with the same parameter twice."""
    return _refused("value", "search-sort-repeated", f"`_sort` names `{name}` twice.")


def too_many_keys(limit: int) -> Malformed:
    """The refusal of an order by more parameters than are looked up for each resource."""
    return _refused(TOO_COSTLY, "search-sort-keys", f"`_sort` takes {limit} parameters at most.")


def include_form(name: str) -> Malformed:
    """The refusal of an include that is not written as R4 has it."""
    text = f"The value of `{name}` is `Type:parameter`, `Type:parameter:TargetType`, `Type:*` or `*`."
    return _refused("value", "search-include-form", text)


def include_source(name: str, valid: Iterable[str]) -> Malformed:
    """The refusal of an include that begins at a type that it can never begin at."""
    text = (
        f"The value of `{name}` begins with the type that refers, here one of {_listed(valid)}."
        f" What is included can itself refer on with `{name}:iterate`."
    )
    return _refused("value", "search-include-source", text)


def unknown_include(name: str, type_: str, valid: Iterable[str]) -> Malformed:
    """The refusal of an include by something that is no reference of the type."""
    text = f"`{name}` follows references; those of {type_} are {_listed(valid)}."
    return _refused("not-supported", "search-include-unknown", text)


def summary_with_include() -> Malformed:
    """The refusal of includes beside narratives alone, in which no reference is.

    Source: https://hl7.org/fhir/R4/search.html#summary
    """
    return _refused("value", "search-summary-include", "`_summary=text` cannot be combined with includes.")


def two_subsets() -> Malformed:
    """The refusal of elements named in two ways."""
    text = "`_elements` and `_summary` both say which elements are shown; give one of them."
    return _refused("value", "search-subset-twice", text)


def unknown_element(types: Iterable[str], valid: Iterable[str]) -> Malformed:
    """The refusal of an element that resources of none of the types have."""
    text = f"`_elements` names something that is no element at the top of {_listed(types)}: {_listed(valid)}."
    return _refused("value", "search-element-unknown", text)


def not_indexed(names: Iterable[str]) -> Malformed:
    """The refusal of parameters whose index is not complete, by which too little would be found."""
    text = (
        f"Resources that are stored are not all indexed yet by {_listed(names)};"
        " ask again when `thrive-fhir reindex` is done."
    )
    return _refused("incomplete", "search-parameter-not-indexed", text)

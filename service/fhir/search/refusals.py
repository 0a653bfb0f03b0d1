"""Why a search is refused: every sentence of it, in one place.

A parameter, modifier or value that is not understood refuses the whole search, because
leaving it out would answer with more young people's records than were asked for. No
sentence repeats a value: a value may be a name.

Source: https://hl7.org/fhir/R4/search.html#errors, ADR 0004
"""

from __future__ import annotations

from collections.abc import Iterable

from service.fhir.problems import Issue, Malformed


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
    return _refused("too-costly", "search-too-many-conditions", text)

"""Criteria on a resource as a whole: `_text`, `_content` and `_list`, which every type has and no path reads.

Source: https://hl7.org/fhir/R4/search.html#all
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.fhir.search import refusals
from service.fhir.search.derived import CONTENT, NARRATIVE, texts
from service.fhir.search.escapes import is_sound, split, unescape
from service.fhir.search.expressions import Has, Ids, Or, Words
from service.fhir.search.references import ID
from service.fhir.search.strings import fold

if TYPE_CHECKING:
    from service.fhir.search.asked import Setting
    from service.fhir.search.expressions import Expression

LIST = "_list"
CODES = (CONTENT, LIST, NARRATIVE)

# The parameter of List by which it refers to what it holds.
_ITEM = "item"


def condition(setting: Setting, type_: str, name: str, value: str) -> Expression:
    """The condition that a criterion of `CODES` puts on resources of the type.

    Raises:
        Malformed: it has a modifier, or its value is not understood.
    """
    code, colon, modifier = name.partition(":")
    code, dot, _ = code.partition(".")
    if colon:
        raise refusals.unknown_modifier(code, modifier, ())
    if dot:
        raise refusals.no_chain(name, f"`{code}` is no reference")
    if not is_sound(value):
        raise refusals.wrong_escape(name)
    alternatives = [unescape(one) for one in split(value, ",")]
    if not all(alternatives):
        raise refusals.empty(name)
    if code == LIST:
        return _in_list(name, alternatives)
    if code not in texts(setting.registry, type_):
        raise refusals.unknown_parameter(code, type_, texts(setting.registry, type_))
    found = tuple(_words(code, name, one) for one in alternatives)
    return found[0] if len(found) == 1 else Or(found)


def _words(code: str, name: str, value: str) -> Words:
    words = fold(value).split()
    if not words:
        raise refusals.unreadable(name, "search-value-string", "give letters or digits")
    return Words(code, tuple(dict.fromkeys(words)))


def _in_list(name: str, ids: list[str]) -> Expression:
    """True of what a current List of one of the ids refers to as its item."""
    if any(ID.fullmatch(id_) is None for id_ in ids):
        raise refusals.unreadable(
            name,
            "search-value-list",
            "give the id of a List; lists by name, such as `$current`, are not kept here",
        )
    return Has("List", _ITEM, Ids(frozenset(ids)))

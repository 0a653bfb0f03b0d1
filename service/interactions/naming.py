"""Of which young people something was asked: those whom the address, or a parameter of a search, names.

To be told that there is nothing, or how many there are, is to be told something about them.

Source: ADR 0020, docs/audit.md
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

from service.fhir.search.compartments import PATIENT
from service.interactions.identity import is_id

MOST: Final = 100
"""Young people that one act is told with because they were named; a query for more is cut before, at its length."""

_PREFIX: Final = f"{PATIENT}/"
# Search parameters that say whose something is: a value without a type is the id of a Patient.
_WHOSE: Final = frozenset({"patient", "subject", "for", "beneficiary"})
_ID: Final = "_id"
_TYPE: Final = "_type"
_REVERSE: Final = "_has"
# Without any of them nobody can be named. Where letters are percent-encoded, all of it is read.
_WORDS: Final = re.compile("|".join((PATIENT, "_id", "%", *sorted(_WHOSE))))


def named(query: str, base_url: str) -> tuple[str, ...]:
    """Ids of the Patients that are named in an address relative to the base, each once.

    Identifiers and names do not count: whom they mean only a search knows.
    """
    if _WORDS.search(query) is None:
        return ()
    address, _, parameters = query.partition("?")
    parts = address.split("/")
    found: dict[str, None] = {}
    if len(parts) > 1 and parts[0] == PATIENT and is_id(parts[1]):
        found[parts[1]] = None
    patients = parts[-1] == PATIENT
    pairs = [each.partition("=")[::2] for each in parameters.split("&")]
    if "%" in parameters:
        pairs = [(_unquoted(name), _unquoted(value)) for name, value in pairs]
    if not address and any(name == _TYPE and PATIENT in value.split(",") for name, value in pairs):
        patients = True
    for name, values in pairs:
        bare = _means_patients(name, patients=patients)
        if not bare and PATIENT not in values:
            continue
        for value in values.split(","):
            local = value.removeprefix(f"{base_url}/")
            id_ = local.removeprefix(_PREFIX) if local.startswith(_PREFIX) else value if bare else ""
            if is_id(id_):
                found[id_] = None
                if len(found) >= MOST:
                    return tuple(found)
    return tuple(found)


def _unquoted(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _means_patients(name: str, *, patients: bool) -> bool:
    """Whether the values of a parameter can be ids of Patients; `patients` are what is searched for."""
    if name == _ID:
        return patients
    if "." not in name and ":" not in name:
        return name in _WHOSE
    *before, last = name.replace(":", ".").split(".")
    if last == PATIENT and before:  # the type of what is referred to
        *before, last = before
    if last == _ID:  # at the end of a chain
        if before and before[-1] == PATIENT:
            before.pop()
        return bool(before) and before[-1] in _WHOSE and before[0] != _REVERSE
    return last in _WHOSE

"""What is kept of a value whoever it is about: codes of systems that nobody makes up, numbers, nothing that is text.

Source: docs/deidentification.md
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from service.outcomes.deidentification_rules import CANONICALS_BELOW, SYSTEMS
from service.outcomes.recognition import SNOMED

Json = dict[str, Any]

_CODE: Final = re.compile(r"[A-Za-z0-9{}/%\[\].:_+-]{1,64}", re.ASCII)
_CONCEPT: Final = re.compile(r"[1-9][0-9]{5,17}", re.ASCII)  # a SNOMED CT identifier
# By partition how many digits a concept has at least: that of an extension names who made it, in seven of them.
_SHORTEST: Final = {"00": 6, "10": 11}
_TURN: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)  # Verhoeff's permutation, which is itself again after so many
_TURNS: Final = 8
_CANONICAL: Final = re.compile(r"[A-Za-z0-9./-]{1,200}(?:\|[A-Za-z0-9.-]{1,64})?", re.ASCII)
_KEPT: Final = 20_000


def nothing(_: Any, __: int | None) -> None:
    """Nothing."""


def number(value: Any, _: int | None) -> Any:
    """The number or truth value; None where it is neither."""
    return value if isinstance(value, bool | int | Decimal | float) else None


def code(value: Any, _: int | None) -> str | None:
    """The code, which is one of R4's own; None where it is not of a code's form."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def canonical(value: Any, _: int | None) -> str | None:
    """The address of a definition that is known; None for others, which may tell who made it."""
    return value if isinstance(value, str) and _is_known_canonical(value) else None


def coding(value: Json, _: int | None) -> Json | None:
    """System and code; None where the system is not known, or it has none."""
    system, code_ = value.get("system"), value.get("code")
    if isinstance(system, str) and isinstance(code_, str) and _is_known(system, code_):
        return {"system": system, "code": code_}
    return None


def concept(value: Json, _: int | None) -> Json | None:
    """Its codings, as `coding` has them; None where there is none."""
    found = [kept for each in value.get("coding", ()) if (kept := coding(each, None)) is not None]
    return {"coding": found} if found else None


def quantity(value: Json, _: int | None) -> Json | None:
    """Value, comparator, and the unit by its code."""
    found: Json = {name: value[name] for name in ("value", "comparator") if name in value}
    return {**found, **(coding(value, None) or {})} or None


def range_(value: Json, _: int | None) -> Json | None:
    """Its ends, as `quantity` has them."""
    ends: Json = {
        name: kept
        for name in ("low", "high")
        if name in value and (kept := quantity(value[name], None)) is not None
    }
    return ends or None


def is_concept(code_: str) -> bool:
    """Whether the text is the identifier of a SNOMED CT concept: by its length, its partition and its check digit.

    A telephone or NHS number would be told under SNOMED's name else; of a thousand of them about one is such.

    Source: SNOMED CT Release File Specification, SCTID: partition 00 or 10, check digit by Verhoeff's dihedral method
    """
    least = _SHORTEST.get(code_[-3:-1])
    return (
        _CONCEPT.fullmatch(code_) is not None
        and least is not None
        and len(code_) >= least
        and _check(code_) == 0
    )


def _check(digits: str) -> int:
    """What Verhoeff's method makes of the digits, the last of which checks the others: 0 where it is right."""
    found = 0
    for place, digit in enumerate(reversed(digits)):
        turned = int(digit)
        for _ in range(place % _TURNS):
            turned = _TURN[turned]
        found = _product(found, turned)
    return found


def _product(one: int, other: int) -> int:
    """The product in the dihedral group of a pentagon: 0 to 4 are its rotations, 5 to 9 its reflections."""
    turned = one % 5 + (other % 5 if one < 5 else -(other % 5))
    return turned % 5 + 5 * ((one >= 5) != (other >= 5))


@lru_cache(_KEPT)
def _is_known(system: str, code_: str) -> bool:
    if system == SNOMED:
        return is_concept(code_)
    return system in SYSTEMS and _CODE.fullmatch(code_) is not None


@lru_cache(_KEPT)
def _is_known_canonical(value: str) -> bool:
    below = next((each for each in CANONICALS_BELOW if value.startswith(each)), None)
    return below is not None and _CANONICAL.fullmatch(value[len(below) :]) is not None

"""How well the parts of a search drive it, told from their shape alone.

Source: ADR 0013
"""

from __future__ import annotations

from service.storage.querying.narrowness import DAY, OF_A_PERSON
from service.storage.querying.shapes import Shape

# What leads to few resources whatever the store holds has a rank up to here.
NARROW = OF_A_PERSON + 2

# The others, those first that are likely to leave fewest.
_LIKELY = (
    "Uri",
    "String",
    "Composite",
    "Reference",
    "Set",
    "Within",
    "Token",
    "Near",
    "Date",
    "Quantity",
    "Number",
    "LastUpdated",
    "Has",
    "Chain",
)
_NEVER = 1_000


def parts(shape: Shape) -> tuple[Shape, ...]:
    """What must all hold."""
    return shape[1:] if shape[0] == "And" else (shape,)


def drives(shape: Shape) -> bool:
    """Whether an index leads from the shape to the resources."""
    match shape:
        case ("And", *several):
            return any(map(drives, several))
        case ("Or", *several):
            return all(map(drives, several))
        case ("Token" | "Composite", _, has_code, *_):
            return bool(has_code)
        case ("LastUpdated" | "Date" | "Number" | "Quantity", _, prefix, *_):
            return bool(prefix != "ne")
        case ("String", _, match):
            return match in ("starts", "same")
        case ("Chain" | "Has", *_, where):
            return drives(where)
        case ("Ids" | "Reference" | "Uri" | "Near" | "Set" | "Within", *_):
            return True
        case _:
            return False


def rank(shape: Shape) -> int:
    """How well the shape, which must drive, does so: 0 best; up to `NARROW` it leaves few in any store."""
    match shape:
        case ("Ids", *_):
            return 0
        case ("And", *several):
            return min(rank(part) for part in several if drives(part))
        case ("Or", *several):
            return max(map(rank, several))
        case ("Set", *_, leaf):
            return rank(leaf)
        case ("Token" | "Reference" as kind, *_, narrow):
            return 1 + narrow if narrow is not None else _broad(kind)
        case _:
            return NARROW if _is_narrow_itself(shape) else _broad(shape[0])


def _is_narrow_itself(shape: Shape) -> bool:
    match shape:
        case ("Chain", _, hub, where):
            return not hub and is_narrow(where)
        case ("Has", _, where):
            return is_narrow(where)
        case ("Date", *_, length):
            return bool(length == DAY)
        case _:
            return False


def is_narrow(shape: Shape) -> bool:
    """Whether the shape leads to few resources however many there are."""
    return drives(shape) and rank(shape) <= NARROW


def streams(shape: Shape) -> bool:
    """Whether the index gives the resources of one value in the order of their keys."""
    match shape:
        case ("Token" | "Composite", _, has_code, *_):
            return bool(has_code)
        case ("String", _, match):
            return bool(match == "same")
        case ("Uri", _, match, _):
            return bool(match == "exact")
        case ("Reference", *_):
            return True
        case ("Or", *several):
            return all(part[0] != "Or" and streams(part) for part in several)
        case _:
            return False


def scans(shape: Shape) -> bool:
    """Whether the index of the shape's kind lists its values in the order of resource keys."""
    return shape[0] in ("String", "Date", "Number", "Quantity", "Uri", "Words", "Near")


def _broad(kind: str) -> int:
    return NARROW + 1 + _LIKELY.index(kind)

"""What is wanted of a search beside what must hold: which of the resources, and in which order.

Source: ADR 0013, ADR 0014
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, bindparam, or_

from service.storage.querying.clauses import OWN_TYPE
from service.storage.querying.constructs import Condition
from service.storage.querying.leaves import LOCALITY
from service.storage.querying.shapes import Shape
from service.storage.tables import DELETED

Extent = Literal["all", "settled", "moved"]

COUNT: ColumnElement[int] = bindparam("count", type_=Integer)
AFTER: ColumnElement[int] = bindparam("after", type_=BigInteger)
AS_OF: ColumnElement[int] = bindparam("as_of", type_=BigInteger)
_FIRST_VERSION = 1


class Wanted(NamedTuple):
    """What is wanted of a search beside what must hold.

    `like` are the parts that ask for what the first sort key is of.
    `missing` tells which of the place's values there are not, None where the page lies beside
    no place. `descending` is the order of resource keys of an unsorted search. `seen_later`: whether
    the resources are seen is decided of what is found.
    """

    shape: Shape
    sort: tuple[Shape, ...] = ()
    like: tuple[int, ...] = ()
    after: bool = False
    missing: tuple[bool, ...] | None = None
    backward: bool = False
    descending: bool = False
    extent: Extent = "all"
    seen_later: bool = False


def of_type(row: Any) -> list[Condition]:
    """The current resources of the query's type."""
    return [row.locality == LOCALITY, row.type == OWN_TYPE, row.method != DELETED]


def changed(row: Any, extent: Extent) -> Condition:
    """Whether the resource was changed since `as_of` but not made since, or the opposite."""
    if extent == "settled":
        return or_(row.updated <= AS_OF, row.version == _FIRST_VERSION)
    return and_(row.updated > AS_OF, row.version > _FIRST_VERSION)


def falls(wanted: Wanted) -> bool:
    """Whether unsorted resources are listed from the highest key down."""
    return wanted.descending != wanted.backward


def beside(wanted: Wanted, rid: Any) -> list[Condition]:
    """What of an unsorted search lies on the page's side of the resource with the key `after`."""
    if not wanted.after or wanted.sort:
        return []
    return [rid < AFTER if falls(wanted) else rid > AFTER]


def direction(wanted: Wanted, rid: Any) -> Any:
    """The order of an unsorted search."""
    return rid.desc() if falls(wanted) else rid

"""The index rows of versions that this process stored last.

What is made is often changed soon afterwards, by the same client over the same connection. A change
takes away the rows of the version before it: where they are still here, they need not be made of that
version's content again, which costs as much as to make those of the new one.

Rows are a function of the content alone, and a version's content never changes, so that nothing here
goes out of date.

Source: ADR 0002
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from service.storage.indexing import Rows
    from service.storage.preparation import PreparedUnit
    from service.storage.store import Stored

MOST: Final = 1000
"""Units: versions; with some 50 rows each, ten megabytes."""
MOST_CHANGES: Final = 100
"""Units: changes of a unit that is remembered: of what comes in bulk little is changed soon afterwards."""
MOST_ROWS: Final = 200
"""Units: rows of a version that is remembered: one that has more is rare, and would take the room of many."""

Of = tuple[int, int, int]  # locality, rid and version


class Recent:
    """Remembers rows; those that were stored or asked for longest ago are forgotten first."""

    __slots__ = ("_most", "_rows")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._rows: OrderedDict[Of, Rows] = OrderedDict()

    def rows(self, locality: int, rid: int, version: int) -> Rows | None:
        """The rows of a version; None where they are not remembered. They are shared: nobody changes them."""
        return self._rows.get((locality, rid, version))

    def keep(self, unit: PreparedUnit, versions: Sequence[Stored]) -> None:
        """Remembers the rows of a unit that was stored as these versions, and forgets those that they follow."""
        rows = self._rows
        is_kept = len(unit.changes) <= MOST_CHANGES
        for prepared, stored in zip(unit.changes, versions, strict=True):
            if stored.version > 1:
                rows.pop((unit.locality, stored.key, stored.version - 1), None)
            if is_kept and not stored.deleted and sum(map(len, prepared.rows)) <= MOST_ROWS:
                rows[unit.locality, stored.key, stored.version] = prepared.rows
        while len(rows) > self._most:
            rows.popitem(last=False)

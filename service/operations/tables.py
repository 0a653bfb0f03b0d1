"""Tables: rows of an answer as comma-separated values, for spreadsheets and analysts.

Source: https://www.rfc-editor.org/rfc/rfc4180, https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv as writers
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

CSV: Final = "text/csv"

Cell = str | int | bool | Decimal | None

# What a spreadsheet would take for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> bytes:
    """The rows under a line with the names of the columns, in UTF-8; what a row does not say is empty.

    Numbers keep their digits. A text that begins like a formula gets an apostrophe before it,
    so that a spreadsheet shows it and does not reckon it.
    """
    text = io.StringIO()
    writer = writers.writer(text)
    writer.writerow(columns)
    writer.writerows([_shown(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode()


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return f"{cell:f}"
        case str() if cell.startswith(_FORMULA):
            return f"'{cell}"
        case _:
            return str(cell)

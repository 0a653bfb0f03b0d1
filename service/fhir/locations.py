"""Where in a resource: FHIRPath expressions for Issue.expression, such as `Goal.target[0].dueDate`.

An index stands behind every item of an array and nowhere else. A name that is no FHIRPath
identifier (a client may send any) is put in backquotes.

Source: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression,
https://hl7.org/fhirpath/N1/#identifiers
"""

from __future__ import annotations

import re
from typing import Final

IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# FHIRPath's escapes; what is not in it stands for itself.
ESCAPES: Final = {"\\": "\\\\", "`": "\\`", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def child(parent: str, name: str) -> str:
    """The expression of an element of the parent."""
    if IDENTIFIER.fullmatch(name):
        return f"{parent}.{name}"
    return f"{parent}.`{''.join(ESCAPES.get(character, character) for character in name)}`"


def item(array: str, index: int) -> str:
    """The expression of an item of the array."""
    return f"{array}[{index}]"

"""Working copies of JSON, and the limits that keep a patch from growing one without end.

Source: design.md section 3 (a client's fault is never a 5xx)
"""

from __future__ import annotations

from typing import Any

from service.fhir.problems import Invalid, TooLarge

# More operations than any client sends in one patch.
MAXIMUM_OPERATIONS = 1000

# Elements that a patch may copy in all, far above the largest resource: `copy` doubles what it copies.
MAXIMUM_COPIED = 1_000_000

# As deep as the codec reads a document (service/fhir/codec.py).
MAXIMUM_DEPTH = 64


class Copier:
    """Copies JSON values until its budget is spent."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        """Starts with the whole budget."""
        self._left = MAXIMUM_COPIED

    def copy(self, value: Any, depth: int = 0) -> Any:
        """A copy that shares no object or array with the value.

        Raises:
            TooLarge: the patch has copied too much.
            Invalid: the value is nested too deep.
        """
        if not isinstance(value, dict | list):
            return value
        if depth > MAXIMUM_DEPTH:
            raise Invalid(
                "patch-too-deep", f"The patched resource would be nested deeper than {MAXIMUM_DEPTH} levels."
            )
        self._left -= len(value) + 1
        if self._left < 0:
            raise TooLarge("patch-too-large", "The patch copies more than a resource may hold.")
        if isinstance(value, dict):
            return {key: self.copy(member, depth + 1) for key, member in value.items()}
        return [self.copy(item, depth + 1) for item in value]


def require_shallow(value: Any) -> None:
    """Checks that a finished document is not nested deeper than the codec reads.

    Raises:
        Invalid: it is.
    """
    level: list[Any] = [value]
    for _ in range(MAXIMUM_DEPTH + 1):
        level = [
            member
            for container in level
            for member in (container.values() if isinstance(container, dict) else container)
            if isinstance(member, dict | list)
        ]
        if not level:
            return
    raise Invalid(
        "patch-too-deep", f"The patched resource would be nested deeper than {MAXIMUM_DEPTH} levels."
    )


def require_few(operations: int) -> None:
    """Checks that a patch has no more operations than we carry out.

    Raises:
        TooLarge: it has.
    """
    if operations > MAXIMUM_OPERATIONS:
        raise TooLarge("patch-too-long", f"A patch has at most {MAXIMUM_OPERATIONS} operations.")

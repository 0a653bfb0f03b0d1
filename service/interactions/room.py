"""How much the answers to the entries of a Bundle may have together: they are in memory before the first of them leaves.

Source: docs/security.md
"""

from __future__ import annotations

from typing import Final

from service.fhir.problems import TooLarge
from service.interactions.bundles import answer_entry
from service.interactions.context import Answer

_HELD: Final = 304  # the client has it


class Room:
    """What is left of so many bytes. Once something did not fit, there is no room for anything more."""

    __slots__ = ("_left", "full")

    def __init__(self, most: int) -> None:
        self._left = most
        self.full = False

    def fitted(self, base_url: str, answer: Answer, *, representation: bool, looked: bool) -> bytes:
        """The entry of the response for an answer; of a change that was made it says so, room or not.

        Raises:
            TooLarge: the client `looked` at more than there is room for.
        """
        made = answer_entry(base_url, answer, representation=representation)
        if self.takes(len(made)):
            return made
        if looked:
            raise too_much()
        return answer_entry(base_url, answer, representation=False)

    def takes(self, size: int) -> bool:
        """Whether so many bytes still fit; they are taken, if so."""
        self._left -= size
        self.full = self.full or self._left < 0
        return not self.full


def too_much() -> TooLarge:
    """Why an entry is not answered."""
    text = "The answers to the entries before it are as much as one Bundle may bring; ask in smaller ones."
    return TooLarge("answers-too-large", text)


def size_of(answer: Answer) -> int:
    """What an answer would show to a GET. Units: bytes, all but the few around it."""
    if answer.document is not None:
        return len(answer.document)
    stored = answer.stored
    return 0 if stored is None or stored.deleted or answer.status == _HELD else len(stored.body)

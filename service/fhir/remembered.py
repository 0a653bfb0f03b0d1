"""What was found of elements, remembered by their exact content: records repeat codes, categories, profiles.

A check of one element of a resource whose answer hangs on that element alone, or on several that are known,
need not be made again of the same content. Of checks only a yes is remembered: whatever there is to say of a
resource is found by the check itself. A check that looked at what surrounds the element (%resource, what is
contained) is made each time: it says so by `look`. What hardly ever comes again (ids, times) is found out by
that, and not remembered any more.

Content is what `codec.encode` writes, from which `codec.decode` reads the same again: order and digits count.

Source: docs/performance.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

from service.fhir import codec

MOST_BYTES: Final = 8 * 1024 * 1024
"""Units: bytes that one memory remembers, after which it begins anew."""
LONGEST: Final = 2_048
"""Units: bytes of one content: what is longer is hardly ever the same again."""
MISSED: Final = 100
"""Units: contents more that were not remembered than were, after which nothing of their place is any more."""
_BESIDE: Final = 128  # bytes that Python needs beside the content: a bytes object and its place in a set

_looks = count()


def look() -> None:
    """Says that the check which is made now looks at more than what it is asked of."""
    next(_looks)


class Memory:
    """What several checks accepted, and what else was found of contents. Never more than `most` bytes of it."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._size = 0
        self._kept: list[set[bytes] | dict[bytes, Any]] = []

    def of_value(self, check: Callable[[Any], object]) -> Callable[[Any], bool]:
        """The check of a value, made once of the same content."""
        return self._once(codec.encode, check)

    def of_members(self, names: Sequence[str], check: Callable[..., object]) -> Callable[..., bool]:
        """The check of an object that reads these members of it, made once of the same content of them.

        It is asked of objects that have them all, and have the same names of others. What it is given beside
        the object must not count, but where it says `look`.
        """
        return self._once(contents(names), check)

    def _once(self, content_of: Callable[[Any], bytes], check: Callable[..., object]) -> Callable[..., bool]:
        accepted: set[bytes] = set()
        self._kept.append(accepted)
        missed = 0

        def accepts(asked: Any, *beside: Any) -> bool:
            nonlocal missed
            if missed > MISSED:
                return bool(check(asked, *beside))
            try:
                content = content_of(asked)
            except (TypeError, ValueError):
                return bool(check(asked, *beside))  # it is no JSON
            if content in accepted:
                if missed:
                    missed -= 1
                return True
            before = next(_looks)
            if not check(asked, *beside):
                return False
            missed += 1  # what is refused counts for nothing: it must not end what is remembered of others
            if next(_looks) == before + 1 and self.has_room(len(content)):
                accepted.add(content)
            return True

        return accepts

    def of_answer(self, names: Sequence[str], ask: Callable[[Any], bool]) -> Callable[[Any], bool]:
        """What is asked of an object, and hangs on these members alone, asked once of the same content of them."""
        answers = self.kept()

        def answer(node: Any) -> bool:
            try:
                content = codec.encode([node.get(name) for name in names])
            except (TypeError, ValueError):
                return ask(node)
            known: bool | None = answers.get(content)
            if known is None:
                known = ask(node)
                if self.has_room(len(content)):
                    answers[content] = known
            return known

        return answer

    def kept(self) -> dict[bytes, Any]:
        """Where something is kept by content, each after `has_room`."""
        kept: dict[bytes, Any] = {}
        self._kept.append(kept)
        return kept

    def has_room(self, size: int, more: int = 0) -> bool:
        """Whether a content of that size may be kept, with `more` bytes that were found of it.

        Where the memory is full, all else is forgotten.
        """
        if size > LONGEST:
            return False
        taken = size + _BESIDE + more
        if self._size + taken > self._most:
            self.forget()
        self._size += taken
        return True

    def forget(self) -> None:
        """Begins anew."""
        for each in self._kept:
            each.clear()
        self._size = 0


def contents(names: Sequence[str]) -> Callable[[Any], bytes]:
    """What gives the content of these members of an object."""
    encode = codec.encode
    if len(names) == 1:
        [name] = names
        return lambda node: encode(node[name])
    return lambda node: encode([node[name] for name in names])

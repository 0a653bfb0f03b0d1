"""What was found of elements, remembered by their exact content: records repeat codes, categories, profiles.

A check of one element of a resource whose answer hangs on that element alone, or on several that are known,
need not be made again of the same content. Of checks only a yes is remembered: whatever there is to say of a
resource is found by the check itself. A check that looked at what surrounds the element (%resource, what is
contained) says so by `look`: what it accepted is remembered with the elements that it names, and not at all where
it names none. What hardly ever comes again (ids, times) is found out by that, and not remembered any more.

Content is what `codec.encode` writes, from which `codec.decode` reads the same again: order and digits count.

Source: docs/performance.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeVar

from service.fhir import codec

MOST_BYTES: Final = 8 * 1024 * 1024
"""Units: bytes that one memory remembers, after which it begins anew."""
LONGEST: Final = 2_048
"""Units: bytes of one content: what is longer is hardly ever the same again."""
MISSED: Final = 100
"""Units: contents more that were not remembered than were, after which nothing of their place is any more."""
_NOTHING: Final[frozenset[str]] = frozenset()
_BESIDE: Final = 128  # bytes that Python needs beside the content: a bytes object and its place in a set

Answer = TypeVar("Answer")  # never None

Around = Callable[..., Mapping[str, Any]]
"""Gives, of what a check is given, the resource around."""

_looks = count()
_last: dict[str, int] = {}  # when each element was looked at last
_ALL: Final = "*"


def look(*elements: str) -> None:
    """Says that the check which is made now looks at more than what it is asked of.

    It is at these elements of the resource around; without any, nobody can tell at what.
    """
    now = next(_looks)
    for element in elements or (_ALL,):
        _last[element] = now


def _looked_at(before: int) -> frozenset[str]:
    """The elements that were looked at since then."""
    if next(_looks) == before + 1:
        return _NOTHING
    return frozenset(element for element, when in tuple(_last.items()) if when > before)


class Memory:
    """What several checks accepted, and what else was found of contents. Never more than `most` bytes of it."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._size = 0
        self._kept: list[dict[bytes, Any]] = []

    def of_value(self, check: Callable[[Any], object]) -> Callable[[Any], bool]:
        """The check of a value, made once of the same content."""
        return self._once(codec.encode, check)

    def of_members(
        self, names: Sequence[str], check: Callable[..., object], around: Around | None = None
    ) -> Callable[..., bool]:
        """The check of an object that reads these members of it, made once of the same content of them.

        It is asked of objects that have them all, and have the same names of others. What it is given beside
        the object must not count, but where it says `look`: `around` gives the resource that it looks at.
        """
        return self._once(contents(names), check, around)

    def _once(
        self, content_of: Callable[[Any], bytes], check: Callable[..., object], around: Around | None = None
    ) -> Callable[..., bool]:
        accepted: dict[bytes, bool] = self.kept()
        wider = None if around is None else _Wider(self, around)
        missed = 0

        def accepts(asked: Any, *beside: Any) -> bool:
            nonlocal missed
            if missed > MISSED:
                return bool(check(asked, *beside))
            try:
                content = content_of(asked)
            except (TypeError, ValueError):
                return bool(check(asked, *beside))  # it is no JSON
            if content in accepted or (wider is not None and wider.has(content, asked, *beside)):
                missed -= missed > 0
                return True
            before = next(_looks)
            if not check(asked, *beside):
                return False
            missed += 1  # what is refused counts for nothing: it must not end what is remembered of others
            looked = _looked_at(before)
            if not looked and self.has_room(len(content)):
                accepted[content] = True
            if looked and wider is not None:
                wider.add(content, looked, asked, *beside)
            return True

        return accepts

    def of_answer(self, names: Sequence[str], ask: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
        """What is asked of an object, and hangs on these members alone, asked once of the same content of them."""
        answers: dict[bytes, Answer] = self.kept()
        encode = codec.encode
        missed = 0

        def answer(node: Any) -> Answer:
            nonlocal missed
            if missed > MISSED:
                return ask(node)
            try:
                content = encode([node.get(name) for name in names])
            except (TypeError, ValueError):
                return ask(node)
            known = answers.get(content)
            if known is None:
                missed += 1
                known = ask(node)
                if self.has_room(len(content)):
                    answers[content] = known
            elif missed:
                missed -= 1
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


class _Wider:
    """What a check accepted that looked at elements of the resource around: these count beside the content."""

    def __init__(self, memory: Memory, around: Around) -> None:
        self._memory = memory
        self._around = around
        self._elements: dict[bytes, frozenset[str]] = memory.kept()
        self._accepted: dict[bytes, bool] = memory.kept()

    def has(self, content: bytes, *given: Any) -> bool:
        """Whether it was accepted; then says what was looked at as the check did."""
        elements = self._elements.get(content)
        if elements is None or self._whole(content, elements, given) not in self._accepted:
            return False
        look(*elements)
        return True

    def add(self, content: bytes, looked: frozenset[str], *given: Any) -> None:
        """Remembers what was accepted after a look at these elements."""
        if _ALL in looked:
            return
        elements = looked.union(self._elements.get(content, ()))
        whole = self._whole(content, elements, given)
        if self._memory.has_room(len(whole), len(content)):
            self._elements[content] = elements
            self._accepted[whole] = True

    def _whole(self, content: bytes, elements: frozenset[str], given: tuple[Any, ...]) -> bytes:
        """The content, and what the resource has of the elements, under whatever names."""
        begins = tuple(elements)
        beside = {
            name: value
            for name, value in self._around(*given).items()
            if name.removeprefix("_").startswith(begins)
        }
        return content + codec.encode(beside)


def contents(names: Sequence[str]) -> Callable[[Any], bytes]:
    """What gives the content of these members of an object."""
    encode = codec.encode
    if len(names) == 1:
        [name] = names
        return lambda node: encode(node[name])
    return lambda node: encode([node[name] for name in names])

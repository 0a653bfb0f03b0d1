r"""The separators of search values and their escapes: ``\,`` ``\|`` ``\$`` ``\\``.

Source: https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SOUND = re.compile(r"(?:[^\\]|\\[,|$\\])*+")


def is_sound(text: str) -> bool:
    r"""Whether every backslash escapes one of , | $ and itself (R4 calls ``xx\xx`` illegal)."""
    return "\\" not in text or _SOUND.fullmatch(text) is not None


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped, each still escaped."""
    if "\\" not in text:
        return text.split(separator)
    parts = [""]
    escaped = False
    for character in text:
        if character == separator and not escaped:
            parts.append("")
            continue
        parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def unescape(text: str) -> str:
    """The text that was meant."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """The text as one whole search value."""
    return re.sub(r"([\\,|$])", r"\\\1", text)

"""docs/sharing.md: who looks beyond what the caller sees is told there, and nobody else does.

The cases of the page are held by tests/outcomes/test_sharing.py.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sharing.md"
# What is given a store by others, and hands on what they see; the store itself is held by its own tests.
LAYERS = ("interactions", "bulk", "operations", "pages", "rest", "access", "commands")
BEYOND = re.compile(r"\bstore\.whole\b")


def test_who_looks_beyond_what_the_caller_sees_is_on_the_page():
    [told] = re.findall(r"\n## What looks beyond\n(.*?)\n## ", PAGE.read_text(), re.DOTALL)
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", told, re.MULTILINE)
        for name in re.findall(r"`([^`]+\.py)`", row)
    }
    found = {
        f"{layer}/{path.relative_to(ROOT / 'service' / layer)}"
        for layer in LAYERS
        for path in (ROOT / "service" / layer).rglob("*.py")
        if BEYOND.search(path.read_text())
    }
    assert found == listed


def test_no_layer_above_the_store_opens_one_of_its_own():
    """Whoever holds the plain store sees everything: it is made in the composition root and by commands alone."""
    for layer in ("interactions", "operations", "pages", "rest", "access"):
        for path in (ROOT / "service" / layer).rglob("*.py"):
            assert "open_store" not in path.read_text(), path

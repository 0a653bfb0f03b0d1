"""docs/scopes.md says of every operation which scopes it takes, and of every letter what it allows."""

from __future__ import annotations

import re

from service.access.grants import LETTERS, SIGN_IN
from service.operations.offered import OPERATIONS
from tests.rest.serving import ROOT

PAGE = (ROOT / "docs" / "scopes.md").read_text()

NAMED = {"Path": "(path)", "": "(any type)"}


def said(name: str) -> str:
    """What the operations of that name take, as the page says it."""
    [only] = {
        ", ".join(
            f"{NAMED.get(need.type, need.type)} `{need.letters}`"
            for need in operation.needed("Path", level).each
        )
        for operation in OPERATIONS
        if operation.name == name
        for level in operation.levels
    }
    return only or "any token"


def test_every_operation_has_its_row() -> None:
    names = sorted({operation.name for operation in OPERATIONS})
    rows = re.findall(r"^\| `\$(\S+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(name, said(name)) for name in names]


def test_every_letter_has_its_row() -> None:
    assert re.findall(r"^\| `(\w)` \|", PAGE, re.MULTILINE) == list(LETTERS)


def test_scopes_of_signing_in_are_named() -> None:
    for scope in SIGN_IN:
        assert f"`{scope}`" in PAGE

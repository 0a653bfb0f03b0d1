"""docs/security.md says of every threat where it is met, and names a test that is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.rest.serving import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
MODEL = PAGE.partition("## The threats")[2].partition("\n## ")[0]
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
# In the order of STRIDE; an interface has each at least once.
THREATS = (
    "Spoofing",
    "Tampering",
    "Repudiation",
    "Information disclosure",
    "Denial of service",
    "Elevation of privilege",
)
# Interfaces over which something comes in or goes out.
INTERFACES = (
    "FHIR REST",
    "Token endpoint",
    "Fetching keys and issuers",
    "Page links",
    "The store",
    "The audit",
    "Logs",
    "The command line",
    "Exports and jobs",
)
# What is not met by the program says who has to, or why it is left.
LEFT = ("Left to", "Left open", "Does not arise")


def sections() -> dict[str, str]:
    parts = re.split(r"^### (.+)$", MODEL, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[tuple[str, str, str, str]]:
    return [row for row in ROW.findall(text) if row[0] != "threat" and not row[0].startswith("-")]


@cache
def named_in(path: Path) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_interface_is_looked_at():
    assert tuple(sections()) == INTERFACES


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_kind_of_threat_is_told_in_order(interface):
    told = [row[0] for row in rows(sections()[interface])]
    assert set(told) == set(THREATS)
    assert told == sorted(told, key=THREATS.index)


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_threat_is_met_and_shown_or_said_to_be_left(interface):
    for _, threat, met, shown in rows(sections()[interface]):
        assert len(met) > 20, threat
        assert NAMED.search(shown) or shown.startswith(LEFT), threat
        assert shown.startswith(LEFT) or not re.sub(r"[`,\s]", "", NAMED.sub("", shown)), threat


def test_every_test_that_is_named_is_there():
    named = NAMED.findall(PAGE)
    assert len(named) > 50
    lacking = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists() or name not in named_in(ROOT / file)
    ]
    assert lacking == []


def test_no_test_is_named_in_another_way():
    assert PAGE.count("::test_") == len(NAMED.findall(PAGE))

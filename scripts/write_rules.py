"""Writes what follows from our profiles and docs/errors.md: the CodeSystem of rule slugs, and docs/profiles.md.

    python scripts/write_rules.py            writes both
    python scripts/write_rules.py --check    names what is not as it should be, and exits with 1 where anything is

Run it after a profile, a rule or a heading of docs/errors.md was changed.

Source: ADR 0003, ADR 0007
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from service.fhir import codec
from service.fhir.conformance.enforcement import enforced_when
from service.fhir.guide import CANONICAL_BASE
from service.fhir.problems import SLUG_SYSTEM

ROOT: Final = Path(__file__).parent.parent
ERRORS: Final = ROOT / "docs" / "errors.md"
PAGE: Final = ROOT / "docs" / "profiles.md"
PROFILES: Final = ROOT / "fhir_profiles" / "StructureDefinition"
CODES: Final = ROOT / "fhir_profiles" / "CodeSystem" / "rule-slug.json"

HEADING: Final = re.compile(r"^### (\S+)\n\n(.+?)$", re.MULTILINE)
STATUS: Final = re.compile(
    r"^(?:[1-5]\d\d(?:(?:,| or) [1-5]\d\d)*(?:, or a warning)?|[Ff]ault|[Ww]arning|[Ii]nformation)\. "
)

Json = dict[str, Any]

INTRODUCTION: Final = """\
# Profiles

What our profiles ask, made from `fhir_profiles/` by `scripts/write_rules.py`. A profile is enforced on every write of a resource that claims it in `meta.profile`, and, where a condition stands below, of every resource that meets it. Elements are asked as the profile's StructureDefinition says (`GET /fhir/StructureDefinition/<id>`, with snapshot); what breaks those demands has one of the slugs `profile-…` in [errors](errors.md). The rules below have a slug of their own each. What rules need other resources to be known is in [rules](rules.md).

Each profile has examples in `fhir_profiles/examples/`: valid ones, and for each demand and rule one that breaks just that.
"""


class Invariant(NamedTuple):
    """A rule of a profile: its slug, severity and sentence, and the element that it stands on."""

    slug: str
    severity: str
    sentence: str
    element: str


def structures() -> list[Json]:
    """Our StructureDefinitions by file name."""
    return [codec.decode(path.read_bytes(), max_depth=64) for path in sorted(PROFILES.glob("*.json"))]


def invariants(structure: Json) -> Iterator[Invariant]:
    """The rules that a profile adds to its base."""
    for element in structure["differential"]["element"]:
        for rule in element.get("constraint", ()):
            yield Invariant(rule["key"], rule["severity"], rule["human"], element["id"])


def page() -> str:
    """docs/profiles.md."""
    kinds = {True: "## Extensions", False: "## Resources"}
    parts = [INTRODUCTION]
    for is_extension, heading in sorted(kinds.items()):
        parts.append(heading)
        parts += [section(one) for one in structures() if (one["type"] == "Extension") is is_extension]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def section(structure: Json) -> str:
    """The part of the page on one profile."""
    base = structure["baseDefinition"].rpartition("/")[2]
    lines = [f"### {structure['id']}", f"{structure['title']}, built on {base}: `{structure['url']}`"]
    lines.append(structure["description"])
    condition = enforced_when(structure)
    if condition is not None:
        every = "on every one" if condition == "true" else f"where `{condition}`"
        lines.append(f"Enforced {every}.")
    contexts = [f"`{context['expression']}`" for context in structure.get("context", ())]
    if contexts:
        lines.append(f"Stands on {', '.join(contexts)}.")
    rules = list(invariants(structure))
    if rules:
        rows = [f"| `{rule.slug}` | {rule.severity} | `{rule.element}` | {rule.sentence} |" for rule in rules]
        lines.append("\n".join(["| slug | severity | element | rule |", "|---|---|---|---|", *rows]))
    return "\n\n".join(lines)


def code_system() -> bytes:
    """The CodeSystem of all slugs: those of docs/errors.md, and those of the profiles' rules."""
    meanings = {
        slug: STATUS.sub("", sentence).strip() for slug, sentence in HEADING.findall(ERRORS.read_text())
    }
    meanings |= {rule.slug: rule.sentence for one in structures() for rule in invariants(one)}
    concepts = [
        {"code": slug, "display": slug.replace("-", " ").capitalize(), "definition": meanings[slug]}
        for slug in sorted(meanings)
    ]
    head = {
        "resourceType": "CodeSystem",
        "id": "rule-slug",
        "url": SLUG_SYSTEM,
        "version": "0.1.0",
        "name": "RuleSlug",
        "title": "Rules and faults",
        "status": "active",
        "experimental": False,
        "date": "2026-11-27",
        "publisher": "thrive-fhir",
        "description": "Every fault that an OperationOutcome of this service can tell, in details.coding.",
        "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": "GB"}]}],
        "caseSensitive": True,
        "valueSet": f"{CANONICAL_BASE}ValueSet/rule-slug",
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }
    return msgspec.json.format(codec.encode(head), indent=2) + b"\n"


def main() -> int:
    """Writes what is not as it should be, or only names it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where a file would change"
    )
    only_check = parser.parse_args().check
    stale = False
    for path, content in ((PAGE, page().encode()), (CODES, code_system())):
        if path.exists() and path.read_bytes() == content:
            continue
        stale = True
        print(f"{path.relative_to(ROOT)} {'is not as it should be' if only_check else 'written'}")
        if not only_check:
            path.write_bytes(content)
    return int(stale and only_check)


if __name__ == "__main__":
    sys.exit(main())

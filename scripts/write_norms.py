"""Writes service/outcomes/data/rcads_norms.json: the norms of RCADS, of the facts of the field.

    .venv/bin/python scripts/write_norms.py ../shared/data/domain_facts.json

The facts name a score by its preferred term; here it has the code of the code system
`measures`. Figures are copied digit by digit.

Source: domain facts `rcads_norms` (NHSDigital/mental-health-monthly-statistics @7b4d742)
"""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from service.fhir import codec

ROOT: Final = Path(__file__).resolve().parent.parent
NORMS: Final = ROOT / "service" / "outcomes" / "data" / "rcads_norms.json"
CODES: Final = ROOT / "fhir_profiles" / "CodeSystem" / "measures.json"
SEXES: Final = {"F": "female", "M": "male"}

Json = dict[str, Any]


def norms(facts: Json, code_system: Json) -> Json:
    """The document, its rows in the order of measure, sex and age."""
    known = facts["rcads_norms"]
    measures = {
        told["valueCoding"]["code"]: concept["code"]
        for concept in code_system["concept"]
        for told in concept["property"]
        if told["code"] == "snomed"
    }
    terms = {
        score["display"]: measures[score["code"]]
        for score in facts["snomed_scores"]
        if score["code"] in measures
    }
    rows = [
        {
            "measure": terms[row["preferred_term"]],
            "sex": SEXES[row["sex"]],
            "ages": row["ages"],
            "mean": Decimal(row["mean"]),
            "sd": Decimal(row["sd"]),
        }
        for row in known["rows"]
    ]
    rows.sort(key=lambda row: (row["measure"], row["sex"], row["ages"]))
    return {
        "source": known["source"],
        "formula": known["formula"],
        "age": known["age_used"],
        "rows": rows,
    }


def written(document: Json) -> bytes:
    """The document as it stands in the file: a row a line, so that a change of one shows as one."""
    *head, rows = [*document.items()]
    lines = [f"  {_text(name)}: {_text(value)},\n" for name, value in head]
    lines.append(f"  {_text(rows[0])}: [\n")
    lines.append(",\n".join(f"    {_text(row)}" for row in rows[1]))
    return f"{{\n{''.join(lines)}\n  ]\n}}\n".encode()


def _text(value: Any) -> str:
    return codec.encode(value).decode()


def main(arguments: list[str]) -> int:
    """Writes the file; 2 where it is not said where the facts are."""
    if len(arguments) != 1:
        print("usage: write_norms.py FACTS (the path of domain_facts.json)")
        return 2
    document = norms(codec.decode(Path(arguments[0]).read_bytes()), codec.decode(CODES.read_bytes()))
    NORMS.write_bytes(written(document))
    print(f"{NORMS.relative_to(ROOT)}: {len(document['rows'])} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

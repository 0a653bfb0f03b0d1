"""Writes into each StructureDefinition of ours the snapshot that its differential makes.

    python scripts/write_snapshots.py            writes the files that are not as they should be
    python scripts/write_snapshots.py --check    names them, and exits with 1 where there are any

The file stays one to read: the differential is spread out, the snapshot after it has an
element a line. Which file is read first makes no difference.

Source: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, only its own folder is on the path
from service.fhir import codec, registry
from service.fhir.guide import Guide
from service.fhir.profiles.snapshots import SnapshotError, Structures

FOLDER: Final = Path(__file__).parent.parent / "fhir_profiles" / "StructureDefinition"

Json = dict[str, Any]


def stale(folder: Path) -> dict[Path, bytes]:
    """The files of the folder that are not as they should be, each with what it should hold.

    Raises:
        SnapshotError: a differential does not fit its base.
    """
    sources = {path: codec.decode(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    for source in sources.values():
        source.pop("snapshot", None)
    structures = Structures(registry.load(), Guide(sources.values()))
    due = {path: text(source, snapshot(structures, source)) for path, source in sources.items()}
    return {path: content for path, content in due.items() if path.read_bytes() != content}


def snapshot(structures: Structures, source: Json) -> list[Json]:
    """The elements of the snapshot of a StructureDefinition that is among the structures."""
    found = structures.find(source["url"])
    if found is None:
        raise SnapshotError(f"{source['url']} is the address of nothing that is kept.")
    elements: list[Json] = found["snapshot"]["element"]
    return elements


def text(source: Json, elements: list[Json]) -> bytes:
    """The file of a StructureDefinition: spread out, but for its snapshot, which comes last."""
    head = msgspec.json.format(codec.encode(source), indent=2).removesuffix(b"\n}")
    lines = b",\n".join(
        b"      " + msgspec.json.format(codec.encode(element), indent=0) for element in elements
    )
    return b"".join((head, b',\n  "snapshot": {\n    "element": [\n', lines, b"\n    ]\n  }\n}\n"))


def run(arguments: list[str]) -> int:
    """Writes or checks, says what there is to say, and gives the exit code."""
    parser = argparse.ArgumentParser(description="Write the snapshots of our StructureDefinitions.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where something would change"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the StructureDefinitions are")
    asked = parser.parse_args(arguments)
    try:
        due = stale(asked.folder)
    except SnapshotError as fault:
        print(fault)
        return 1
    for path, content in due.items():
        if not asked.check:
            path.write_bytes(content)
        print(f"{path.name}: {'is not up to date' if asked.check else f'{len(content)} bytes'}")
    return 1 if due and asked.check else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

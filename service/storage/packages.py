"""Added packages on disk: a folder each, of the shape that our own artefacts have, with the package.json beside it.

Source: https://hl7.org/fhir/packages.html, docs/commands.md
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.fhir import codec
from service.fhir.guide import KINDS
from service.fhir.packages import MANIFEST, Package
from service.fhir.validation.primitives import is_id

Json = dict[str, Any]

_HIDDEN = ".adding-"  # what is not whole yet begins so; no package's name does


@dataclass(frozen=True, slots=True)
class Added:
    """A package that was added: where it is, its manifest, and how many artefacts of each kind it has."""

    folder: Path
    manifest: Json
    counts: dict[str, int]


def folders(root: Path) -> list[Path]:
    """The folders of the added packages, in the order of their names; none where nothing was added yet."""
    if not root.is_dir():
        return []
    return sorted(
        found.parent for found in root.glob(f"*/{MANIFEST}") if not found.parent.name.startswith(".")
    )


def added(root: Path) -> list[Added]:
    """The added packages, in the order of their names.

    Raises:
        Malformed: a package.json was changed since and cannot be read.
    """
    return [
        Added(
            folder,
            codec.decode((folder / MANIFEST).read_bytes()),
            {kind: len(list((folder / kind).glob("*.json"))) for kind in KINDS if (folder / kind).is_dir()},
        )
        for folder in folders(root)
    ]


def add(root: Path, package: Package) -> Path:
    """The folder of the package, which is there whole or not at all; an older version of it is replaced."""
    root.mkdir(parents=True, exist_ok=True)
    target = root / package.name
    with tempfile.TemporaryDirectory(prefix=_HIDDEN, dir=root) as made:
        new = Path(made) / "new"
        write(new, package)
        if target.exists():
            target.rename(Path(made) / "old")
        new.rename(target)
    return target


def write(folder: Path, package: Package) -> None:
    """Writes the package into a new folder: a folder for each kind, a file for each artefact."""
    folder.mkdir()
    (folder / MANIFEST).write_bytes(codec.encode(package.manifest))
    taken = set[str]()
    for number, artefact in enumerate(package.artefacts):
        kind = folder / artefact["resourceType"]
        kind.mkdir(exist_ok=True)
        name = f"{kind.name}/{_file_name(artefact, number)}"
        if name.lower() in taken:  # there are file systems to which two ids in other case are one name
            name = f"{kind.name}/_{number}.json"
        taken.add(name.lower())
        (folder / name).write_bytes(codec.encode(artefact))


def _file_name(artefact: Json, number: int) -> str:
    """The artefact's id where it can stand in a path, else its number in the package."""
    id_ = artefact.get("id")
    return f"{id_}.json" if isinstance(id_, str) and is_id(id_) else f"_{number}.json"

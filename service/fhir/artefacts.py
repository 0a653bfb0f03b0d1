"""Reads the guide from disk: the artefacts that the service ships, and those of folders beside them.

Source: design.md section 2
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from service.fhir import codec
from service.fhir.guide import KINDS, Guide, Json
from service.fhir.problems import Malformed

_DEPTH = 64  # nested arrays and objects in an artefact


def shipped() -> Path:
    """The folder of our own artefacts: packaged with the service, or beside it in a checkout."""
    packaged = Path(str(resources.files("service"))) / "fhir_profiles"
    return packaged if packaged.is_dir() else packaged.parent.parent / "fhir_profiles"


def load(*folders: Path) -> Guide:
    """The guide of our own artefacts and of further folders of the same shape, which win over ours."""
    return Guide(artefact for folder in (shipped(), *folders) for artefact in read(folder))


def read(folder: Path) -> Iterator[Json]:
    """The artefacts in a folder that has a folder for each kind, in the order of their names."""
    for kind in KINDS:
        for path in sorted((folder / kind).glob("*.json")):
            yield codec.decode(path.read_bytes(), max_depth=_DEPTH)


def documents(folder: Path) -> dict[str, Json]:
    """The JSON documents that lie in a folder, by file name and in the order of the names; none where it is absent.

    One that has no `id` gets the file's name without its ending.

    Raises:
        Malformed: a file is no JSON; the sentence names it.
    """
    found: dict[str, Json] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.name] = {"id": path.stem} | codec.decode(path.read_bytes(), max_depth=_DEPTH)
        except Malformed as fault:
            raise Malformed(fault.issues[0].slug, f"{path.name}: {fault}") from None
    return found

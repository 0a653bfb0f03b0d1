"""FHIR packages: archives of conformance resources and examples, read with suspicion and written to the same bytes.

An archive may come from anywhere. Nothing of it is unpacked by the names in it; whatever
could do harm or is not whole refuses all of it.

Source: https://hl7.org/fhir/packages.html, https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE, KINDS, Guide
from service.fhir.problems import Malformed

Json = dict[str, Any]

NAME: Final = "thrive-fhir.r4"
TITLE: Final = "Goal-based outcomes, CollaboRATE and THRIVE plans"
FHIR_VERSION: Final = "4.0.1"
R4: Final = re.compile(r"4\.0(\.\d+)?", re.ASCII)
ROOT: Final = "package/"
EXAMPLES: Final = "example/"
MANIFEST: Final = "package.json"
INDEX: Final = ".index.json"

# The official package of R4 itself has 4,500 files and 33 MB unpacked; no guide comes near these.
MOST_UNPACKED: Final = 256 * 1024 * 1024
MOST_FILES: Final = 20_000
LARGEST_FILE: Final = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024
_DEPTH = 128  # nested arrays and objects; no published guide comes near it

# Lower case, at least two parts with dots between them; so it is a safe name of a folder too.
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", re.ASCII)
_LONGEST_NAME = 128


class PackageRefused(Exception):  # noqa: N818 - what was found of an archive, said to a person
    """An archive that is not taken. `sentences` says why, one sentence for each thing."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another package that one builds on."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its manifest, what it holds of the kinds that a guide keeps, and how much of other kinds."""

    manifest: Json
    artefacts: tuple[Json, ...]
    left_out: int = 0

    @property
    def name(self) -> str:
        """Its name, such as `hl7.fhir.us.core`."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """Its version."""
        return str(self.manifest["version"])

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """What it builds on, R4 itself left out: that is always here."""
        return dependencies(self.manifest)


def dependencies(manifest: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """The packages that a manifest names, R4 itself left out."""
    named = manifest.get("dependencies")
    given = named.items() if isinstance(named, dict) else ()
    return tuple(Dependency(name, str(version)) for name, version in given if not is_r4(name))


def is_r4(name: str) -> bool:
    """Whether a package is R4's own."""
    return name.startswith("hl7.fhir.r4.") or name == "hl7.fhir.core"


def read(file: IO[bytes]) -> Package:
    """The package in a `.tgz`.

    Raises:
        PackageRefused: it is no whole archive, is unsafe to unpack, is no FHIR package, or not of R4.
    """
    contents = dict(_members(file))
    raw = contents.pop(MANIFEST, None)
    if raw is None:
        raise PackageRefused("There is no package/package.json in it.")
    manifest = _document(MANIFEST, raw)
    require_manifest(manifest)
    artefacts = []
    left_out = 0
    for name, content in contents.items():
        if "/" in name or not name.endswith(".json") or name.startswith("."):
            continue
        document = _document(name, content)
        if document.get("resourceType") in KINDS and isinstance(document.get("url"), str):
            artefacts.append(document)
        else:
            left_out += "resourceType" in document
    return Package(manifest, tuple(artefacts), left_out)


def require_manifest(manifest: Json) -> None:
    """Lets a package.json pass that names an R4 package.

    Raises:
        PackageRefused: everything that is wrong with it.
    """
    sentences = []
    name, version = manifest.get("name"), manifest.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        sentences.append(
            "The name in package.json is not of the form that packages have, such as hl7.fhir.us.core."
        )
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        sentences.append("The version in package.json is no version.")
    versions = manifest.get("fhirVersions") or manifest.get("fhir-version-list") or []
    if not any(isinstance(each, str) and R4.fullmatch(each) for each in versions):
        sentences.append(
            "The package is not one of FHIR R4: fhirVersions in package.json does not name 4.0.1."
        )
    if sentences:
        raise PackageRefused(*sentences)


def _document(name: str, raw: bytes) -> Json:
    try:
        return codec.decode(raw, max_depth=_DEPTH)
    except Malformed as fault:
        raise PackageRefused(f"package/{name} cannot be read. {fault}") from None


def _members(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """The files below `package/`, by their path from there."""
    seen = set[str]()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as unpacked:
        _unpack(file, unpacked)
        try:
            with tarfile.open(fileobj=unpacked, mode="r:") as archive:
                for member in archive:
                    _require_safe(member, seen)
                    name = member.name.removeprefix("./")
                    if member.isreg() and name.startswith(ROOT):
                        content = archive.extractfile(member)
                        yield name.removeprefix(ROOT), b"" if content is None else content.read()
                _require_end(unpacked, archive.offset)
        except (tarfile.TarError, EOFError, ValueError, OSError):
            raise PackageRefused("It is no whole archive: the tar in it is broken.") from None


def _unpack(file: IO[bytes], into: IO[bytes]) -> None:
    """Undoes gzip, piece by piece, never past the limit."""
    count = 0
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            while piece := stream.read(_CHUNK):
                count += len(piece)
                if count > MOST_UNPACKED:
                    raise PackageRefused(f"It unpacks to more than {MOST_UNPACKED} bytes.")
                into.write(piece)
    except (OSError, EOFError, zlib.error):
        raise PackageRefused("It is no whole .tgz: the gzip is broken.") from None
    into.seek(0)


def _require_safe(member: tarfile.TarInfo, seen: set[str]) -> None:
    """Lets a member be looked at.

    Raises:
        PackageRefused: its path leads out, it is a link or device, too large, or there twice.
    """
    name = member.name.removeprefix("./")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise PackageRefused("A path in it leads out of the package.")
    if not (member.isreg() or member.isdir()) or member.sparse is not None:
        raise PackageRefused("There is something in it that is neither a file nor a folder.")
    if member.size > LARGEST_FILE:
        raise PackageRefused(f"A file in it is larger than {LARGEST_FILE} bytes.")
    if member.isreg() and name in seen:
        raise PackageRefused("Two files in it have one path.")
    seen.add(name)
    if len(seen) > MOST_FILES:
        raise PackageRefused(f"There are more than {MOST_FILES} files in it.")


def _require_end(unpacked: IO[bytes], offset: int) -> None:
    """Lets an archive pass that ends where its last member does: tarfile takes a broken header for the end."""
    unpacked.seek(offset)
    while piece := unpacked.read(_CHUNK):
        if piece.strip(b"\0"):
            raise PackageRefused("It is no whole archive: the tar in it is broken.")


def manifest(version: str) -> Json:
    """The package.json of our own guide."""
    return {
        "name": NAME,
        "version": version,
        "type": "IG",
        "title": TITLE,
        "description": "Profiles, value sets, code systems, questionnaires and search parameters "
        "for goal-based outcomes in children and young people's mental health.",
        "author": "thrive-fhir",
        "license": "Apache-2.0",
        "canonical": CANONICAL_BASE.rstrip("/"),
        "url": CANONICAL_BASE.rstrip("/"),
        "jurisdiction": "urn:iso:std:iso:3166#GB",
        "fhirVersions": [FHIR_VERSION],
        "dependencies": {"hl7.fhir.r4.core": FHIR_VERSION},
        "directories": {"lib": "package", "example": EXAMPLES.rstrip("/")},
    }


def write(manifest: Json, guide: Guide, examples: Iterable[Json]) -> bytes:
    """The `.tgz` of a guide and its examples: the same bytes for the same contents."""
    artefacts = _named(guide)
    shown = _named(examples)
    files = {MANIFEST: codec.encode(manifest), INDEX: index(artefacts)}
    files |= {name: codec.encode(artefact) for name, artefact in artefacts}
    if shown:
        files[EXAMPLES + INDEX] = index(shown)
        files |= {EXAMPLES + name: codec.encode(example) for name, example in shown}
    packed = io.BytesIO()
    # No name and no time: gzip would write both into its header.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
        stream.write(_tar(files))
    return packed.getvalue()


def _named(resources: Iterable[Json]) -> list[tuple[str, Json]]:
    """Resources with the names of their files, in the order of the names."""
    return sorted(
        ((f"{each['resourceType']}-{each['id']}.json", each) for each in resources),
        key=lambda named: named[0],
    )


def index(named: Sequence[tuple[str, Json]]) -> bytes:
    """The `.index.json` of a folder: what can be known of its files without opening them."""
    files = []
    for name, resource in named:
        shown = {"filename": name}
        shown |= {key: resource[key] for key in _INDEXED if isinstance(resource.get(key), str)}
        files.append(shown)
    return codec.encode({"index-version": 2, "files": files})


_INDEXED = ("resourceType", "id", "url", "version", "kind", "type", "supplements", "content", "derivation")


def _tar(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(ROOT + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()

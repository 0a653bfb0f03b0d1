"""`thrive-fhir package`: our guide as a FHIR package, and those of others beside ours.

Nothing is fetched from anywhere: a package is a file that somebody has.

Source: docs/commands.md, https://hl7.org/fhir/packages.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from service.commands.telling import settings_now, told_plainly
from service.fhir import artefacts, codec, registry
from service.fhir import packages as archives
from service.fhir.packages import PackageRefused
from service.fhir.soundness import unusable
from service.interactions.capabilities import SOFTWARE_VERSION
from service.storage import packages

EXAMPLES: Final = Path("examples") / "valid"

Json = dict[str, Any]


@click.group()
def package() -> None:
    """Write our guide as a FHIR package, or add the packages of others."""


@package.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="this folder",
    help="The folder to write into.",
)
def build(output: Path) -> None:
    """Write our profiles, value sets, questionnaires and examples as a FHIR package."""
    with told_plainly():
        raw = archives.write(archives.manifest(SOFTWARE_VERSION), artefacts.load(), _examples())
        output.mkdir(parents=True, exist_ok=True)
        target = output / f"{archives.NAME}-{SOFTWARE_VERSION}.tgz"
        partial = target.with_name(f".{target.name}.partial")
        partial.write_bytes(raw)
        partial.replace(target)
    click.echo(f"{target}: {len(raw)} bytes.")


def _examples() -> list[Json]:
    """Our examples of what is valid."""
    return [
        codec.decode(path.read_bytes()) for path in sorted((artefacts.shipped() / EXAMPLES).glob("*.json"))
    ]


@package.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add(file: Path) -> None:
    """Add the profiles of a FHIR package; servers know them from their next start on."""
    with told_plainly():
        root = Path(settings_now().packages)
        with file.open("rb") as opened:
            given = archives.read(opened)
        if not given.artefacts:
            raise PackageRefused(
                "There is nothing in it that a guide is made of: no profile, value set or the like."
            )
        others = [each.folder for each in packages.added(root) if each.manifest["name"] != given.name]
        _require_usable(given, others)
        packages.add(root, given)
        held = {each.manifest["name"] for each in packages.added(root)}
    click.echo(f"{given.name} {given.version}: {_counted(_kinds(given.artefacts))}.")
    if given.left_out:
        click.echo(f"{given.left_out} resources of other kinds were left out.")
    for sentence in _lacking(given.manifest, held):
        click.echo(sentence)


def _require_usable(given: archives.Package, others: Iterable[Path]) -> None:
    """Lets a package pass with which the service could start.

    Raises:
        PackageRefused: every artefact that stands in the way, and what may be the cause.
    """
    whole = artefacts.load(*others)
    faults = unusable(registry.load(), type(whole)([*whole, *given.artefacts]))
    if faults:
        held = {codec.decode((folder / archives.MANIFEST).read_bytes())["name"] for folder in others}
        raise PackageRefused("Nothing was added.", *faults, *_lacking(given.manifest, held))


@package.command(name="list")
def list_() -> None:
    """List the packages that were added, and what they lack."""
    with told_plainly():
        found = packages.added(Path(settings_now().packages))
    held = {each.manifest["name"] for each in found}
    for each in found:
        click.echo(f"{each.manifest['name']} {each.manifest['version']}: {_counted(each.counts)}.")
        for sentence in _lacking(each.manifest, held):
            click.echo(f"  {sentence}")
    if not found:
        click.echo("No package was added.")


def _kinds(given: Iterable[Json]) -> Counter[str]:
    return Counter(each["resourceType"] for each in given)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _lacking(manifest: Json, held: set[str]) -> list[str]:
    """A sentence for each package that is built on and not here."""
    return [
        f"It builds on {each.name} {each.version}, which was not added."
        for each in archives.dependencies(manifest)
        if each.name not in held
    ]

"""`thrive-fhir validate`: files held to R4, to our profiles and to those of added packages.

What needs a store, such as whether a goal's score is of the same young person, is for the
service to say when it is written, or `$validate` before.

Source: docs/commands.md, https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import click

from service import asgi
from service.commands.reading import Found, opened, resources
from service.commands.telling import Advance, progress, settings_now, told_plainly
from service.fhir import codec
from service.fhir.problems import Issue
from service.fhir.validation.validator import Validator
from service.storage import packages

STDIN: Final = "-"
NOWHERE: Final = "http://localhost/fhir"  # validation asks for no base
LONG: Final = 1024 * 1024  # bytes from which it takes long enough for progress to be shown

FAULTY, UNREADABLE = 1, 2

_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]\.resource\b")

Json = dict[str, Any]
Show = Callable[[str, Found, Json, Issue], str]


@dataclass(slots=True)
class Tally:
    """What was found so far: files, resources, and issues by severity."""

    files: int = 0
    resources: int = 0
    faulty: int = 0
    unreadable: int = 0
    issues: Counter[str] = field(default_factory=Counter)

    @property
    def code(self) -> int:
        """The exit code that the findings call for."""
        return UNREADABLE if self.unreadable else FAULTY if self.faulty else 0

    def __str__(self) -> str:
        faults = self.issues["error"] + self.issues["fatal"]
        text = (
            f"{_count(self.resources, 'resource')} in {_count(self.files, 'file')}: "
            f"{self.resources - self.faulty} valid, {self.faulty} with faults; "
            f"{_count(faults, 'fault')}, {_count(self.issues['warning'], 'warning')}"
        )
        return (
            f"{text}; {_count(self.unreadable, 'place')} that cannot be read."
            if self.unreadable
            else f"{text}."
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--profile", "profiles", multiple=True, metavar="URL", help="Hold every resource to this profile too."
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line of text for each issue, or a line of JSON.",
)
def validate(files: tuple[str, ...], profiles: tuple[str, ...], shape: str) -> None:
    """Check resources in files: NDJSON, JSON, Bundles, gzipped or not; - is what comes in.

    The exit code is 0 where all are valid, 1 where there are faults, 2 where something cannot be read.
    """
    with told_plainly():
        settings = settings_now()
        validator = asgi.kernel(NOWHERE, *packages.folders(Path(settings.packages))).validator
    asgi.settle()
    for url in profiles:
        if not validator.profiles.is_known(url):
            raise click.UsageError(
                f"There is no profile {url} here; `thrive-fhir package add` brings others."
            )
    show = _as_json if shape == "json" else _as_text
    tally = Tally()
    size = sum(Path(name).stat().st_size for name in files if name != STDIN and Path(name).is_file())
    with progress("Validating", size) if size >= LONG else nullcontext(_nothing) as advance:
        for name in files:
            _check_file(name, validator, profiles, tally, show, settings.json_depth, advance)
    click.echo(str(tally), err=shape == "json")
    sys.exit(tally.code)


def _nothing(_step: int) -> None:
    """Shows no progress."""


def _check_file(
    name: str,
    validator: Validator,
    profiles: tuple[str, ...],
    tally: Tally,
    show: Show,
    depth: int,
    advance: Advance,
) -> None:
    """Shows what is wrong with each resource of a file, and adds it to the tally."""
    shown = "standard input" if name == STDIN else name
    tally.files += 1
    for found in _found(name, depth, advance):
        if found.resource is None:
            tally.unreadable += 1
            issues = [] if found.fault is None else [found.fault]
        else:
            tally.resources += 1
            issues = validator.check(found.resource, profiles)
            tally.faulty += any(issue.is_fault for issue in issues)
            tally.issues.update(issue.severity for issue in issues)
        for issue in issues:
            click.echo(show(shown, found, _about(found.resource, issue), issue))


def _found(name: str, depth: int, advance: Advance) -> Iterator[Found]:
    """What a file holds, telling progress; a file that cannot be opened is a finding too."""
    try:
        with _file(name) as file:
            done = 0
            for found in resources(opened(file), name, depth):
                yield found
                if name != STDIN:
                    reached = file.tell()
                    advance(reached - done)
                    done = reached
    except OSError as fault:
        yield Found(
            0, None, Issue("fatal", "not-found", "file-missing", f"It cannot be opened: {fault.strerror}.")
        )


@contextmanager
def _file(name: str) -> Iterator[IO[bytes]]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def _about(resource: Json | None, issue: Issue) -> Json:
    """The resource that an issue is of: in a Bundle, that of its entry."""
    entry = _ENTRY.match(issue.expression or "")
    if resource is None or entry is None:
        return resource or {}
    inner: Json = resource["entry"][int(entry[1])]["resource"]
    return inner


def _address(about: Json) -> str:
    """`Type/id`, as far as they are said."""
    return "/".join(str(about[name]) for name in ("resourceType", "id") if isinstance(about.get(name), str))


def _as_text(name: str, found: Found, about: Json, issue: Issue) -> str:
    parts = [f"{name}:{found.line}" if found.line else name, _address(about), issue.severity]
    return " ".join([*filter(None, parts), issue.slug, *filter(None, [issue.expression])]) + f": {issue.text}"


def _as_json(name: str, found: Found, about: Json, issue: Issue) -> str:
    shown = {
        "file": name,
        "line": found.line,
        "type": about.get("resourceType"),
        "id": about.get("id"),
        "severity": issue.severity,
        "code": issue.code,
        "slug": issue.slug,
        "expression": issue.expression,
        "text": issue.text,
    }
    return codec.encode({key: value for key, value in shown.items() if value is not None}).decode()

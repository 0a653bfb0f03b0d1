"""`thrive-fhir reindex`: makes the index complete for search parameters that are new or read in another way.

Servers may run beside it. What it reached stays where it is stopped; started again it goes on.

Source: docs/commands.md, docs/search-parameters.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import click

from service import asgi
from service.access.rule import sharing_rule
from service.commands.starting import kernel
from service.commands.telling import progress, settings_now, told_plainly
from service.interactions import publishing
from service.settings import Settings
from service.storage import reindexing
from service.storage.open import session
from service.storage.reindexing import Report, Voided
from service.storage.sessions import Busy

VOIDED = (
    "A server with other search parameters has written meanwhile, so what was reached does not count."
    " Restart it, so that it knows the same ones; then run `thrive-fhir reindex` again."
)


@click.command()
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Resources of this type alone; may be repeated."
)
def reindex(types: tuple[str, ...]) -> None:
    """Make what is stored searchable by search parameters that are new or have changed."""
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        if unknown := [type_ for type_ in types if type_ not in parts.registry.served]:
            raise click.ClickException(f"No resources of type {', '.join(unknown)} are kept here.")
        try:
            report = asyncio.run(run(settings, parts, types))
        except Voided:
            raise click.ClickException(VOIDED) from None
        except Busy:
            raise click.ClickException("Another `thrive-fhir reindex` is at work on this database.") from None
    click.echo(told(report))


async def run(settings: Settings, parts: asgi.Kernel, types: Collection[str] = ()) -> Report:
    """What was done: the artefacts are published, and the index is complete for them.

    Raises:
        Voided: a process with other search parameters has written meanwhile.
        Busy: another process does the same.
    """
    async with asgi.opened(settings, parts) as context:
        await publishing.publish_everywhere(context)
    async with session(settings.database_url) as own, own.alone():
        return await reindexing.reindex(
            own,
            parts.registry,
            parts.extractor,
            lambda type_, total: progress(f"Indexing {type_}", total),
            types,
            sharing_rule(parts.registry, parts.base_url),
        )


def told(report: Report) -> str:
    """What was done, in a sentence."""
    if not report.parameters:
        return "The index is complete for all search parameters."
    return (
        f"The index is complete for {report.parameters} search parameters more: {report.resources} resources"
        f" were looked through, {report.added} index rows added and {report.removed} taken away."
    )

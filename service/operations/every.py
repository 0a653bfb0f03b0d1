"""Every resource that a query finds, a page of the store at a time, for operations that count.

Source: docs/operations/progress.md, docs/operations/collaborate.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from service.fhir.problems import Invalid, Issue
from service.fhir.search.asked import Setting
from service.fhir.search.completeness import require_complete
from service.fhir.search.expressions import Query
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe


async def every(
    context: Context, act: Act, query: Query, most: int, too_many: Issue
) -> AsyncIterator[dict[str, Any]]:
    """The contents of what the query finds, as many at a time as it says.

    Raises:
        Malformed: not everything that is stored can be found by it yet.
        Invalid: others are left where `most` were given already; with `too_many`.
    """
    pending = await context.store.pending()
    setting = Setting(context.registry, context.base_url, now=0, pending=pending)
    require_complete(setting, [query], ())
    seen = 0
    while True:
        page = await context.store.search(act.caller.locality, query)
        for index, stored in enumerate(page.items):
            yield content(stored)
            await breathe(index)
        seen += len(page.items)
        if not page.more or not page.items:
            return
        if seen >= most:
            raise Invalid.of([too_many])
        query = replace(query, after=page.items[-1].key)

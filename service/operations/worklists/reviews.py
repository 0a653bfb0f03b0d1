"""plans-past-review: plans that are followed and whose day of review is over.

Candidates are found by status, agency and day of review, so that each is on the list: nothing is looked
at in vain.

Source: docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.fhir.search.expressions import Or, Query, Token
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.operations.worklists.asking import Asked, all_of, ends_by, of_agency
from service.operations.worklists.sifting import Judge, Listed, Sieve
from service.outcomes.overdue_reviews import review_overdue
from service.outcomes.plans import RUNNING
from service.storage.store import Stored

PLAN: Final = "CarePlan"
RUNNING_PLAN: Final = Or(tuple(Token("status", None, status) for status in sorted(RUNNING)))
AT_ONCE: Final = 1


def sieve(_context: Context, _act: Act, asked: Asked) -> Sieve:
    """What the list is made from."""
    where = all_of(
        RUNNING_PLAN,
        ends_by("plan-review-date", asked.on - asked.days),
        *of_agency(asked, "plan-coordinating-agency"),
    )
    return Sieve((Query(PLAN, where, AT_ONCE),), _judge(asked), AT_ONCE)


def _judge(asked: Asked) -> Judge:
    async def judge(plans: Sequence[Stored]) -> list[Listed]:
        found = []
        for index, stored in enumerate(plans):
            reasons = review_overdue(content(stored), asked.on, asked.days)
            if reasons:
                found.append(Listed(stored, reasons))
            await breathe(index)
        return found

    return judge

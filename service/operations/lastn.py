"""lastn: a young person's latest observations of each code.

Source: https://hl7.org/fhir/R4/observation-operation-lastn.html, docs/operations/lastn.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.fhir.parameters import Input
from service.fhir.problems import Invalid, Issue, Malformed
from service.fhir.search.expressions import Query
from service.fhir.search.references import Addresses
from service.fhir.search.results import RESULT_PARAMETERS
from service.interactions.bundles import Link, bundle, match_entry, outcome_entry
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.links import address
from service.interactions.pauses import breathe
from service.interactions.search import passed_over, read_search
from service.operations.latest import Latest
from service.operations.operation import Call, Operation

if TYPE_CHECKING:
    from service.fhir.search.expressions import Expression

Pairs = tuple[tuple[str, str], ...]

OBSERVATION: Final = "Observation"

# Read at a time: a young person's scores of some years are fewer, so that one search finds them all.
STEP: Final = 1_000
# More observations than this are no one person's goals and scores.
MOST: Final = 100_000

_SUBJECTS: Final = frozenset({"patient", "subject"})
# With these a subject is named by what it is not.
_NAMING_NOBODY: Final = frozenset({"missing", "not"})


async def lastn(context: Context, act: Act, call: Call) -> Answer:
    """200 with a searchset Bundle: of each code the latest observations, newest first.

    Raises:
        Malformed: no subject is named, or a parameter cannot be used.
        Invalid: too many observations match.
    """
    given: int | None = call.inputs.one("max")
    most = 1 if given is None else given
    if not 1 <= most <= context.limits.page:
        raise Malformed("lastn-max", f"max is a whole number from 1 to {context.limits.page}.")
    criteria = call.inputs.criteria
    _require_subject(criteria)
    _require_criteria(criteria)
    read = await read_search(context, act, OBSERVATION, criteria, lenient=call.lenient)
    latest = Latest(most, Addresses(context.registry, context.base_url))
    await _look_through(context, act.caller.locality, read.query.where, latest)
    chosen = latest.chosen()
    entries = [match_entry(context.base_url, stored) for stored in chosen]
    if read.ignored:
        entries.append(outcome_entry([passed_over(name) for name in read.ignored]))
    here = [("max", str(most)), *(pair for pair in criteria if pair[0] not in read.ignored)]
    links = [Link("self", address(context.base_url, f"{OBSERVATION}/$lastn", here))]
    return Answer(200, document=bundle("searchset", entries, total=len(chosen), links=links))


async def _look_through(context: Context, locality: str, where: Expression, latest: Latest) -> None:
    """Takes in every observation that matches, a page of the store at a time.

    Which codes are the same can only be told by all of them.
    """
    after: int | None = None
    looked_at = 0
    while True:
        found = await context.store.search(locality, Query(OBSERVATION, where, STEP, after=after))
        for index, stored in enumerate(found.items):
            latest.add(stored, content(stored))
            await breathe(index)
        looked_at += len(found.items)
        if not found.more or not found.items:
            return
        if looked_at >= MOST:
            raise Invalid.of([_too_many()])
        after = found.items[-1].key


def _require_subject(criteria: Pairs) -> None:
    """Lets a call go on that says whose observations are meant.

    Raises:
        Malformed: it does not.
    """
    for name, _ in criteria:
        code, _, modifier = name.partition(".")[0].partition(":")
        if code in _SUBJECTS and modifier not in _NAMING_NOBODY:
            return
    raise Malformed("lastn-subject", "Say whose observations are meant: by patient or by subject.")


def _require_criteria(criteria: Pairs) -> None:
    """Lets a call go on of which every parameter says which observations are meant.

    Raises:
        Malformed: one says how they shall be shown.
    """
    if any(name.partition(":")[0] in RESULT_PARAMETERS for name, _ in criteria):
        text = (
            f"$lastn has an order and a number of its own; it takes none of {', '.join(RESULT_PARAMETERS)}."
        )
        raise Malformed("lastn-parameter", text)


def _too_many() -> Issue:
    text = f"More than {MOST} observations match; say fewer, such as by code or date."
    return Issue("error", "too-costly", "lastn-too-many", text)


OPERATION: Final = Operation(
    name="lastn",
    definition="http://hl7.org/fhir/OperationDefinition/Observation-lastn",
    summary="The latest observations of each code.",
    types=frozenset({OBSERVATION}),
    levels=frozenset({"type"}),
    readable=frozenset({"type"}),
    inputs=(Input("max", "positiveInt"),),
    perform=lastn,
    searches=True,
    finds=True,
)

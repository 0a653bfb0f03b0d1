"""Criteria of conditional interactions: a search that says which resource is meant.

Source: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #3.1.0.7.1
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from service.fhir.problems import Malformed, Precondition
from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Expression,
    Has,
    Not,
    Or,
    Query,
    Within,
)
from service.fhir.search.grammar import parse
from service.fhir.search.results import RESULT_PARAMETERS
from service.interactions.context import Act, Context
from service.interactions.searching import setting
from service.storage.store import Expectation, Stored

PARAMETERS = 1000  # of one query or form; a search that needs more is no search


@dataclass(frozen=True, slots=True)
class Found:
    """What criteria found, and the expectation that it is still so at commit."""

    matches: tuple[Stored, ...]
    expectation: Expectation


def pairs_of(query: str) -> list[tuple[str, str]]:
    """The parameters of a percent-encoded query string, in their order.

    Raises:
        Malformed: it cannot be decoded, or has too many.
    """
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except UnicodeError:
        raise Malformed("query-malformed", "The query is not percent-encoded UTF-8.") from None
    except ValueError:
        raise Malformed("query-too-long", f"There are more than {PARAMETERS} parameters.") from None


async def read_criteria(context: Context, act: Act, type_: str, criteria: str, limit: int) -> Query:
    """The query for criteria such as `identifier=urn:x|1`, `?identifier=…` or `Patient?identifier=…`.

    Raises:
        Malformed: it cannot be read, has no criterion, or is about another type.
    """
    before, mark, after = criteria.partition("?")
    if mark and before not in {"", type_}:
        raise Malformed("criteria-type", f"The criteria are about another type than {type_}.")
    pairs = pairs_of(after if mark else criteria)
    for name, _ in pairs:
        if name.partition(":")[0] in RESULT_PARAMETERS:
            text = f"Criteria choose resources; {name.partition(':')[0]} only says how they are shown."
            raise Malformed("criteria-not-filter", text)
    search = parse(
        await setting(context, act, pairs),
        type_,
        pairs,
        count_default=limit,
        count_limit=limit,
        lenient=False,
    )
    if is_open(search.query.where):
        text = f"A conditional interaction needs criteria; without any it would mean every {type_}."
        raise Malformed("criteria-empty", text)
    return replace(search.query, count=limit)


async def find(context: Context, act: Act, type_: str, criteria: str, limit: int = 2) -> Found:
    """Up to `limit` resources that the criteria mean; two are enough to know that it is not one.

    Raises:
        Malformed: the criteria cannot be read.
    """
    query = await read_criteria(context, act, type_, criteria, limit)
    page = await context.store.search(act.caller.locality, query)
    ids = frozenset(stored.id for stored in page.items)
    return Found(page.items, Expectation(query, ids, context.store.sight))


async def find_one(
    context: Context, act: Act, type_: str, criteria: str
) -> tuple[Stored | None, Expectation]:
    """The one resource that the criteria mean (None: there is none), and the expectation that it stays so.

    Raises:
        Malformed: the criteria cannot be read.
        Precondition: they mean several.
    """
    found = await find(context, act, type_, criteria)
    if len(found.matches) > 1:
        raise ambiguous(type_)
    return (found.matches[0] if found.matches else None), found.expectation


def ambiguous(type_: str) -> Precondition:
    """The refusal of criteria that mean several resources where one is wanted."""
    return Precondition("criteria-ambiguous", f"More than one {type_} matches the criteria.")


def is_open(where: Expression) -> bool:
    """Whether everything meets the condition."""
    match where:
        case Everything():
            return True
        case And(parts):
            return all(is_open(part) for part in parts)
        case _:
            return False


def is_plain(where: Expression) -> bool:
    """Whether the condition is about the resource at hand alone, and about nothing that that refers to."""
    match where:
        case And(parts) | Or(parts):
            return all(map(is_plain, parts))
        case Not(part):
            return is_plain(part)
        case Chain() | Has() | Within():
            return False
        case _:
            return True

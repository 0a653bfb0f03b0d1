"""Forms: the Questionnaire that an operation is asked of, by its place, its name or its content.

What is stored in the locality counts before what the service ships: a deployer's wording pack
is such a change. Of several of one canonical those of the caller's own agency count first, then the one
that is in use, then the latest.

Source: https://hl7.org/fhir/R4/references.html#canonical, docs/adr/0007-profiles-are-data.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.fhir.problems import Missing
from service.fhir.search.expressions import And, Expression, Query, Token, Uri
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.read import require_current

if TYPE_CHECKING:
    from service.interactions.context import Act, Context
    from service.storage.store import Stored

Json = dict[str, Any]

QUESTIONNAIRE = "Questionnaire"
# So many versions of one form are not held side by side.
_MOST = 100


async def of_id(context: Context, act: Act, id_: str) -> Json:
    """The Questionnaire of that id.

    Raises:
        Missing, Gone: there is none.
    """
    current = await context.store.read(act.caller.locality, QUESTIONNAIRE, id_)
    return content(require_current(current, QUESTIONNAIRE, id_))


async def of_canonical(context: Context, act: Act, canonical: str) -> Json | None:
    """The Questionnaire of that address, `url` or `url|version`; None where it is not held here."""
    url, _, version = canonical.partition("|")
    parts: list[Expression] = [Uri("url", url, "exact")]
    if version:
        parts.append(Token("version", None, version))
    found = await _held(context, act, And(tuple(parts)))
    return found if found is not None else context.guide.find(QUESTIONNAIRE, canonical)


async def of_identifier(context: Context, act: Act, identifier: Json) -> Json | None:
    """The Questionnaire with that business identifier; None where none is held here."""
    value = identifier.get("value")
    if value is None:
        return None
    return await _held(context, act, Token("identifier", identifier.get("system"), value))


async def of_reference(context: Context, act: Act, reference: Json) -> Json | None:
    """The Questionnaire that a Reference leads to, by address or by identifier; None where it is not held here.

    Raises:
        Missing, Gone: there is no such Questionnaire on this server.
    """
    literal = reference.get("reference")
    if literal is None:
        return await of_identifier(context, act, reference.get("identifier", {}))
    local = Addresses(context.registry, context.base_url).local(literal)
    if local is None:
        return await of_canonical(context, act, literal)
    if local[0] != QUESTIONNAIRE:
        raise Missing("questionnaire-unknown", "The reference does not lead to a Questionnaire.")
    return await of_id(context, act, local[1])


async def _held(context: Context, act: Act, where: Expression) -> Json | None:
    page = await context.store.search(act.caller.locality, Query(QUESTIONNAIRE, where, _MOST))

    def rank(form: tuple[Stored, Json]) -> tuple[bool, bool, int]:
        stored, said = form
        # What another agency stores under the address of a form does not change how one's own is filled in.
        return stored.author == act.caller.agency, said.get("status") == "active", stored.updated

    found = max(((stored, content(stored)) for stored in page.items), key=rank, default=None)
    return None if found is None else found[1]

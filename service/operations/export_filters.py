"""One `_typeFilter` of an export: a type, and what must hold of its resources, as a search says it.

What looks beyond the resource at hand is not taken: the export tells of one moment, and what a resource refers to
may have been another at that moment. Bulk Data calls chains in filters experimental.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#_typefilter-query-parameter, https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from urllib.parse import unquote

from service.fhir.problems import Malformed
from service.fhir.search.grammar import FORMAT_PARAMETERS, parse
from service.fhir.search.results import RESULT_PARAMETERS
from service.interactions.context import Act, Context
from service.interactions.criteria import is_plain, pairs_of
from service.interactions.searching import setting

_MARK = "?"
_ENCODED_MARK = "%3F"


async def read_filter(context: Context, act: Act, text: str, types: tuple[str, ...]) -> tuple[str, str]:
    """The type and the query (percent-encoded, as in an address) of a filter of one of the exported types.

    Raises:
        Malformed: it cannot be read, or cannot be applied.
    """
    if _MARK not in text and _ENCODED_MARK in text.upper():
        text = unquote(text)  # by a client that encodes all of it twice
    type_, mark, query = text.strip().partition(_MARK)
    if not mark or type_ not in types:
        shown = ", ".join(types)
        raise Malformed(
            "export-filter-type", f"_typeFilter is Type?query, of a type that is exported: {shown}."
        )
    pairs = pairs_of(query)
    for name, _ in pairs:
        code = name.partition(":")[0]
        if code in RESULT_PARAMETERS or code in FORMAT_PARAMETERS:
            text = f"_typeFilter chooses resources; {code} only says how they are shown."
            raise Malformed("export-filter-result-parameter", text)
    found = parse(
        await setting(context, act, pairs), type_, pairs, count_default=1, count_limit=1, lenient=False
    )
    if not is_plain(found.query.where):
        raise Malformed(
            "export-filter-chained",
            "_typeFilter looks at the resource alone: chains, _has and hierarchies of resources are not taken.",
        )
    return type_, query

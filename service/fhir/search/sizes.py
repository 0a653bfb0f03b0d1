"""How much a search may ask at once: its conditions counted, and what is shown beside its matches.

Source: https://hl7.org/fhir/R4/search.html#errors, https://sqlite.org/limits.html, docs/security.md
"""

from __future__ import annotations

from service.fhir.search.expressions import And, Chain, Expression, Has, Ids, Not, Or, Within, Words

# SQLite parses each alternative a level deeper, and 1000 levels at most; half leaves room for what each needs.
# Source: https://sqlite.org/limits.html (SQLITE_MAX_EXPR_DEPTH)
MOST_CONDITIONS = 500
# A hierarchy is a recursive query in the statement, which takes about ten times as long to write.
HIERARCHY = 10
# `_include` and `_revinclude` of one search; each may be several parameters, and each is asked for by itself.
MOST_INCLUDES = 32
# What is wrong with a search is listed up to here: who sent so much wrong learns nothing from more.
MOST_FAULTS = 100


def conditions(expression: Expression) -> int:
    """How many conditions there are in the expression, each id and each word counted."""
    match expression:
        case And(parts) | Or(parts):
            return sum(map(conditions, parts))
        case Not(part):
            return conditions(part)
        case Chain(where=where) | Has(where=where):
            return conditions(where) + 1
        case Ids(ids):
            return len(ids)
        case Words(words=words):
            return len(words)
        case Within():
            return HIERARCHY
        case _:
            return 1

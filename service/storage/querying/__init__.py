"""The search expression tree as SQL: shapes, clauses, and the searches made of them.

What each node means is said in `service/fhir/matching.py`, the other interpreter of the
tree; `tests/agreement` holds the two together.

Source: https://hl7.org/fhir/R4/search.html, ADR 0004
"""

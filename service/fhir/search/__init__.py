"""Search: one grammar, one expression tree, interpreted in SQL and in memory.

Source: https://hl7.org/fhir/R4/search.html
"""

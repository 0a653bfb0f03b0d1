"""Search parameter types, one file each: how values are taken from elements, and how queries of them are read.

Source: https://hl7.org/fhir/R4/search.html#ptypes
"""

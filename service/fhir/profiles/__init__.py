"""Structures: R4's types and the profiles on them as StructureDefinitions with snapshot, made where they have none.

Source: https://hl7.org/fhir/R4/profiling.html
"""

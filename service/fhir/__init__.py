"""The kernel: pure FHIR, knows no goal, no database, no HTTP.

Source: https://hl7.org/fhir/R4/
"""

"""FHIR's interactions, one file each, knowing neither HTTP nor SQL.

Source: https://hl7.org/fhir/R4/http.html
"""

"""Load scenarios against any FHIR R4 server on this machine, their figures, and the kill tests' harness.

Source: docs/performance.md
"""

"""FHIRPath: parser, compiler and functions.

Source: https://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from service.fhir.paths.compiler import Dialect, Services
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.nodes import Environment, Node
from service.fhir.paths.path import Path, compile_path

__all__ = [
    "Dialect",
    "Environment",
    "EvaluationError",
    "Node",
    "Path",
    "PathError",
    "Services",
    "compile_path",
]

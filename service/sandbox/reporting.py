"""The Measure that the sandbox's reports answer.

The forms that its responses answer are the guide's, and are published with it
(service/interactions/publishing.py).

Source: https://hl7.org/fhir/R4/measure.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import codes
from service.sandbox.traces import PAIRED

if TYPE_CHECKING:
    from service.sandbox.codes import Resource


def paired() -> Resource:
    """Counts of goals; no library holds the expressions, the descriptions say what they mean."""

    def population(code: str, display: str, expression: str, meaning: str) -> Resource:
        return {
            "code": codes.concept(f"{codes.HL7}/measure-population", code, display),
            "description": meaning,
            "criteria": {"language": "text/cql", "expression": expression},
        }

    return {
        "resourceType": "Measure",
        "id": PAIRED.rsplit("/", 1)[1],
        "url": PAIRED,
        "name": "PairedGoalScores",
        "title": "Goals with a first and a later score",
        "status": "active",
        "publisher": "thrive-fhir sandbox",
        "scoring": codes.concept(f"{codes.HL7}/measure-scoring", "proportion", "Proportion"),
        "group": [
            {
                "population": [
                    population(
                        "denominator",
                        "Denominator",
                        "Rated Goals",
                        "Goals with at least one score by their owner",
                    ),
                    population(
                        "numerator",
                        "Numerator",
                        "Goals Rated Twice",
                        "Goals with at least two scores by their owner",
                    ),
                ]
            }
        ],
    }

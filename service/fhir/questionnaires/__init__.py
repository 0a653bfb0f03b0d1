"""Questionnaires compiled to forms, and the rules that their responses keep.

Source: https://hl7.org/fhir/R4/questionnaireresponse.html, design.md section 6
"""

from service.fhir.questionnaires.form import Form

__all__ = ["Form"]

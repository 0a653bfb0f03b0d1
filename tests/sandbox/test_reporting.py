from __future__ import annotations

from typing import Any

from service.fhir import artefacts
from tests.sandbox.conftest import Cohort


def link_ids(items: list[dict[str, Any]]) -> list[str]:
    return [link for item in items for link in (item["linkId"], *link_ids(item.get("item", [])))]


def test_every_response_answers_a_questionnaire_of_the_guide(made: Cohort):
    forms = {url: set(link_ids(form["item"])) for url, form in artefacts.load().all("Questionnaire").items()}
    responses = made.of_type("QuestionnaireResponse")
    assert len(responses) > 100
    for response in responses:
        assert set(link_ids(response["item"])) <= forms[response["questionnaire"].partition("|")[0]]


def test_the_questionnaires_are_left_to_publishing(made: Cohort):
    assert made.of_type("Questionnaire") == []


def test_reports_answer_the_measure(made: Cohort):
    [measure] = made.of_type("Measure")
    assert {report["measure"] for report in made.of_type("MeasureReport")} == {measure["url"]}

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import Cohort


def link_ids(items: list[dict[str, Any]]) -> list[str]:
    return [link for item in items for link in (item["linkId"], *link_ids(item.get("item", [])))]


def test_every_response_answers_a_questionnaire_that_is_there(made: Cohort):
    forms = {form["url"]: set(link_ids(form["item"])) for form in made.of_type("Questionnaire")}
    assert len(forms) == 4
    for response in made.of_type("QuestionnaireResponse"):
        assert set(link_ids(response["item"])) <= forms[response["questionnaire"]]


def test_link_ids_are_given_once(made: Cohort):
    for form in made.of_type("Questionnaire"):
        links = link_ids(form["item"])
        assert len(set(links)) == len(links)


def test_forms_under_others_licences_have_no_wording(made: Cohort):
    def texts(value: Any) -> list[str]:
        match value:
            case dict():
                return [
                    *([value["text"]] if "text" in value else []),
                    *(text for inner in value.values() for text in texts(inner)),
                ]
            case list():
                return [text for inner in value for text in texts(inner)]
            case _:
                return []

    for form in made.of_type("Questionnaire"):
        if form["id"] != "thrive-plan-review":
            assert texts(form) == []
            assert "title" not in form


def test_scales_stand_in_the_forms(made: Cohort):
    for top in (9, 4):
        form = made.by_reference[f"Questionnaire/collaborate-0-{top}"]
        for item in form["item"][:3]:
            assert [bound["valueInteger"] for bound in item["extension"]] == [0, top]
    goals = made.by_reference["Questionnaire/gbo-session"]
    for group in goals["item"]:
        assert [bound.get("valueDecimal") for bound in group["item"][1]["extension"]] == [0, 10, None]


def test_reports_answer_the_measure(made: Cohort):
    [measure] = made.of_type("Measure")
    assert {report["measure"] for report in made.of_type("MeasureReport")} == {measure["url"]}

"""Questionnaires and responses in a few words, and what the form says of a response."""

from __future__ import annotations

from typing import Any

from service.fhir.questionnaires import Form

Json = dict[str, Any]

R4 = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
NOBODY_KNOWS = lambda _value_set, _system, _code: None  # noqa: E731 - a stand-in for a terminology that holds nothing


def question(link: str, type_: str = "integer", *items: Json, **more: Any) -> Json:
    """An item of a Questionnaire."""
    found = {"linkId": link, "type": type_, **more}
    return found | {"item": list(items)} if items else found


def group(link: str, *items: Json, **more: Any) -> Json:
    return question(link, "group", *items, **more)


def having(*extensions: tuple[str, str, Any]) -> list[Json]:
    """Extensions, each by its address, the JSON name of its value and the value."""
    return [{"url": url, name: value} for url, name, value in extensions]


def questionnaire(*items: Json, **more: Any) -> Json:
    return {"resourceType": "Questionnaire", "status": "active", "item": list(items), **more}


def answered(link: str, *values: Any, name: str = "valueInteger") -> Json:
    """An item of a response with answers of one type."""
    return {"linkId": link, "answer": [{name: value} for value in values]}


def filled(link: str, *items: Json) -> Json:
    """A group of a response."""
    return {"linkId": link, "item": list(items)} if items else {"linkId": link}


def response(*items: Json, status: str = "completed", **more: Any) -> Json:
    found = {"resourceType": "QuestionnaireResponse", "status": status, **more}
    return found | {"item": list(items)} if items else found


def said(form: Json | Form, given: Json, contains: Any = NOBODY_KNOWS) -> list[tuple[str, str | None]]:
    """The slugs and expressions of what is wrong with a response."""
    form = form if isinstance(form, Form) else Form(form, regexes=True)
    return [(issue.slug, issue.expression) for issue in form.issues(given, contains)]


def slugs(form: Json | Form, given: Json, contains: Any = NOBODY_KNOWS) -> list[str]:
    return [slug for slug, _ in said(form, given, contains)]


def of_answer(item: Json, *values: Any, name: str, **more: Any) -> list[str]:
    """The slugs of what is wrong with the answers to the only question of a form."""
    return slugs(questionnaire(item), response(answered(item["linkId"], *values, name=name), **more))

"""The words of resources."""

import pytest

from service.fhir.search.texts import Texts


@pytest.fixture(scope="module")
def texts(registry):
    reader = Texts(registry)

    def read(type_, **elements):
        found = set()
        reader.add({"resourceType": type_, **elements}, found)
        return dict(found)

    return read


def in_order(words):
    return words and f" {' '.join(sorted(words.split()))} "


CODED = {
    "coding": [{"system": "http://a.example/S", "version": "V1", "code": "Code", "display": "A Display"}]
}


@pytest.mark.parametrize(
    ("type_", "elements", "words"),
    [
        ("Goal", {"description": {"text": "Go to the club; go!"}}, " go to the club "),
        ("Goal", {"description": CODED}, " a display "),
        ("Goal", {"note": [{"text": "One *two*", "authorString": "Exöm"}]}, " exom one two "),
        ("Goal", {"note": [{"authorReference": {"reference": "Patient/x", "display": "Probe"}}]}, " probe "),
        ("Goal", {"id": "some-id", "lifecycleStatus": "active", "startDate": "2026-01-01"}, None),
        ("Goal", {"identifier": [{"system": "http://a.example", "value": "Number", "type": {"text": "Slot"}}]}, " slot "),
        ("Goal", {"meta": {"profile": ["http://a.example/x"], "tag": [{"display": "Tagged"}]}}, " tagged "),
        ("Goal", {"extension": [{"url": "http://a.example", "valueString": "Told", "id": "x"}]}, " told "),
        ("Goal", {"extension": [{"url": "http://a.example", "valueUri": "urn:x"}]}, None),
        ("Goal", {"extension": [{"url": "u", "extension": [{"url": "v", "valueMarkdown": "Deep"}]}]}, " deep "),
        ("Goal", {"contained": [{"resourceType": "Patient", "id": "p", "name": [{"given": ["Inside"]}]}]}, " inside "),
        ("Goal", {"contained": [{"resourceType": "Nothing", "name": "x"}]}, None),
        ("Patient", {"name": [{"given": ["Exöm", None], "_given": [None, {"id": "x"}]}]}, " exom "),
        ("Patient", {"telecom": [{"system": "phone", "value": "0-1"}]}, " 0 1 "),
        ("QuestionnaireResponse", {"item": [{"linkId": "1", "item": [{"linkId": "a", "text": "Say",
                                                                      "answer": [{"valueString": "So"}]}]}]}, " say so "),
        ("Observation", {"valueQuantity": {"value": 5, "unit": "score", "code": "{score}"}}, " score "),
        ("Observation", {"valueSampledData": {"data": "1 2 E", "origin": {"value": 0}}}, None),
        ("Binary", {"contentType": "text/plain", "data": "AAAA"}, None),
        ("Goal", {"description": {"text": "- !"}}, None),
        ("Goal", {"description": {"text": "word " * 300}}, " word "),
        ("Goal", {"unknown": "x"}, None),
    ],
)  # fmt: skip
def test_the_words_of_all_text(texts, type_, elements, words):
    found = texts(type_, **elements)
    assert found.get("_content") == in_order(words)
    assert "_text" not in found


DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p class="hidden">Fine&#233; &amp;<!-- a > b --> caf&eacute;</p></div>'


def test_the_words_of_the_narrative(texts):
    text = {"status": "generated", "div": DIV}
    found = texts("Goal", text=text, description={"text": "Else"})
    assert found == {"_text": " cafe finee ", "_content": " cafe else finee "}
    assert texts("Goal", text={"status": "empty", "div": "<div/>"}) == {}

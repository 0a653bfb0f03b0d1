"""String parameters: what elements give, and what queries ask."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import And, String
from service.fhir.search.types.string import FAMILY_READERS, PHONETIC_READERS, READERS


def folded(texts):
    return [text for text, _ in texts]


def test_a_name_is_found_by_each_of_its_parts():
    name = {
        "use": "official", "text": "Dr Examplina Tester-Probe", "family": "Tester-Probe",
        "given": ["Examplina", None, "Exöm"], "prefix": ["Dr"], "suffix": ["III"],
        "_given": [None, {"extension": []}, None],
    }  # fmt: skip
    assert READERS["HumanName"](name) == [
        ("examplina", "Examplina"), ("exom", "Exöm"), ("dr", "Dr"), ("iii", "III"),
        ("tester probe", "Tester-Probe"), ("probe", "Tester-Probe"),
        ("dr examplina tester probe", "Dr Examplina Tester-Probe"),
    ]  # fmt: skip


def test_an_address_is_found_by_each_of_its_parts():
    address = {
        "use": "home", "line": ["1 Nowhere St.", None], "city": "Testham", "district": "Probe", "state": "None",
        "postalCode": "ZZ99 9ZZ", "country": "GB", "text": "whole",
    }  # fmt: skip
    assert sorted(folded(READERS["Address"](address))) == [
        "1 nowhere st", "gb", "none", "probe", "testham", "whole", "zz99 9zz",
    ]  # fmt: skip


def test_a_family_name_is_found_by_its_later_parts_but_exact_only_as_a_whole():
    assert FAMILY_READERS["string"]("Tester-Probe") == [
        ("tester probe", "Tester-Probe"),
        ("probe", "Tester-Probe"),
    ]
    assert READERS["string"]("Tester-Probe") == [("tester probe", "Tester-Probe")]


def test_a_phonetic_value_is_the_sound_of_each_word():
    assert PHONETIC_READERS["HumanName"]({"family": "Tastar-Lo", "given": ["Tester"]}) == [
        ("t236", "Tester"), ("t236", "Tastar-Lo"), ("l000", "Tastar-Lo"), ("l000", "Tastar-Lo"),
    ]  # fmt: skip
    assert PHONETIC_READERS["string"]("東京") == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("name", "Exöm", String("name", "exom", "starts")),
        ("name:contains", "O'T", String("name", "ot", "contains")),
        ("name:exact", "Exöm ", String("name", "Exöm ", "exact")),
        ("name", r"a\,b", String("name", "a b", "starts")),
        ("phonetic", "Tester", String("phonetic", "t236", "starts")),
        (
            "phonetic",
            "Tester Lo",
            And((String("phonetic", "t236", "starts"), String("phonetic", "l000", "starts"))),
        ),
    ],
)
def test_what_a_string_asks(ask, name, text, expected):
    assert ask("Patient", name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"), [("name", "-"), ("name:contains", "..."), ("phonetic", "東京"), ("phonetic", "-")]
)
def test_a_string_of_which_folding_leaves_nothing_would_find_everybody_and_is_refused(ask, name, text):
    with pytest.raises(Malformed) as refusal:
        ask("Patient", name, text)
    assert refusal.value.issues[0].slug == "search-value-string"


def test_punctuation_alone_can_be_asked_exactly(ask):
    assert ask("Patient", "name:exact", "-") == String("name", "-", "exact")

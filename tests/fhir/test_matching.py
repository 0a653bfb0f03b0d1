"""The meaning of search expressions, as tables."""

import math

import pytest

from service.fhir.matching import Candidate, matches
from service.fhir.search.dates import moment, period
from service.fhir.search.expressions import (
    And,
    Chain,
    Composite,
    Date,
    Everything,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Near,
    Not,
    Nothing,
    Number,
    Or,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
    Within,
    Words,
)
from service.fhir.search.values import SearchValues

UPDATED = moment("2026-11-22T10:00:00.123Z")[0]


class Ward:
    """A few resources and the references between them."""

    def __init__(self, *candidates):
        self.candidates = candidates

    def referred(self, type_, id_):
        return next((one for one in self.candidates if (one.type, one.id) == (type_, id_)), None)

    def referring(self, type_, parameter, to):
        return [
            one for one in self.candidates if one.type == type_ and (parameter, *to) in one.values.references
        ]


def holds(expression, values=None, follow=None):
    return matches(expression, "Goal", "g", UPDATED, values or SearchValues(), follow or Ward())


# What each prefix makes of a stored value beside the search value 2013-01-14.
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
STORED = {
    "that day": (moment("2013-01-14"), {"eq", "ge", "le", "ap"}),
    "a minute of that day": (moment("2013-01-14T10:00"), {"eq", "ge", "le", "ap"}),
    "its first instant": (moment("2013-01-14T00:00:00.000Z"), {"eq", "ge", "le", "ap"}),
    "the first instant after it": (moment("2013-01-15T00:00:00.000Z"), {"ne", "gt", "ge", "sa"}),
    "the last instant before it": (moment("2013-01-13T23:59:59.999Z"), {"ne", "lt", "le", "eb"}),
    "its month": (moment("2013-01"), {"ne", "gt", "lt", "ge", "le", "ap"}),
    "the month before": (moment("2012-12"), {"ne", "lt", "le", "eb"}),
    "the year after": (moment("2014"), {"ne", "gt", "ge", "sa"}),
    "a period that ends with it": (
        period({"start": "2013-01-10", "end": "2013-01-14"}),
        {"ne", "lt", "le", "ap"},
    ),
    "a period that begins with it": (
        period({"start": "2013-01-14", "end": "2013-01-20"}),
        {"ne", "gt", "ge", "ap"},
    ),
    "from earlier onwards": (period({"start": "2013-01-01"}), {"ne", "gt", "lt", "ge", "le", "ap"}),
    "from later onwards": (period({"start": "2013-01-15"}), {"ne", "gt", "ge", "sa"}),
    "until earlier": (period({"end": "2013-01-13"}), {"ne", "lt", "le", "eb"}),
    "until later": (period({"end": "2013-02-01"}), {"ne", "gt", "lt", "ge", "le", "ap"}),
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("stored", STORED)
def test_dates(stored, prefix):
    (low, high), found_by = STORED[stored]
    asked = Date("d", prefix, *moment("2013-01-14"))
    assert holds(asked, SearchValues(dates={("d", low, high)})) is (prefix in found_by)


@pytest.mark.parametrize(
    ("prefix", "asked", "found"),
    [
        ("eq", "2026-11-22", True),
        ("eq", "2026-11-22T10:00:00.123Z", True),
        ("eq", "2026-11-22T10:00:00.124Z", False),
        ("ne", "2026-11-22T10:00:00.123Z", False),
        ("gt", "2026-11-22T10:00:00.123Z", False),
        ("gt", "2026-11-22T10:00:00.122Z", True),
        ("ge", "2026-11-22T10:00:00.123Z", True),
        ("ge", "2026-11-22T10:00:00.124Z", False),
        ("lt", "2026-11-22T10:00:00.123Z", False),
        ("lt", "2026-11-22T10:00:00.124Z", True),
        ("le", "2026-11-22T10:00:00.123Z", True),
        ("sa", "2026-11-21", True),
        ("sa", "2026-11-22", False),
        ("eb", "2026-11-23", True),
        ("ap", "2026-11-22T10:00", True),
    ],
)
def test_last_updated_is_a_millisecond(prefix, asked, found):
    assert holds(LastUpdated(prefix, *moment(asked))) is found


# What each prefix makes of a stored number beside the search value 100, of which the digits imply [99.5, 100.5).
NUMBERS = {
    99.4: {"ne", "lt", "le", "eb", "ap"},
    99.5: {"eq", "lt", "le", "eb", "ap"},
    100.0: {"eq", "ge", "le", "ap"},
    100.4: {"eq", "gt", "ge", "sa", "ap"},
    100.5: {"ne", "gt", "ge", "sa", "ap"},
    110.0: {"ne", "gt", "ge", "sa", "ap"},
    111.0: {"ne", "gt", "ge", "sa"},
    math.inf: {"ne", "gt", "ge", "sa"},
    -math.inf: {"ne", "lt", "le", "eb"},
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("stored", NUMBERS)
def test_numbers(stored, prefix):
    low, high = (90, math.nextafter(110, math.inf)) if prefix == "ap" else (99.5, 100.5)
    found = prefix in NUMBERS[stored]
    assert holds(Number("n", prefix, 100, low, high), SearchValues(numbers={("n", stored)})) is found
    quantity = Quantity("n", prefix, 100, low, high, None, None)
    assert holds(quantity, SearchValues(quantities={("n", "s", "c", stored)})) is found


@pytest.mark.parametrize(
    ("system", "code", "found"),
    [
        (None, None, {"coded", "in words", "bare"}),
        ("s", "c", {"coded"}),
        ("s", None, {"coded"}),
        (None, "c", {"coded"}),
        (None, "points", {"in words"}),
        ("s", "other", set()),
    ],
)
def test_units(system, code, found):
    stored = {"coded": ("s", "c"), "in words": ("", "points"), "bare": ("", "")}
    asked = Quantity("q", "eq", 5, 4.5, 5.5, system, code)
    assert {
        name for name, unit in stored.items() if holds(asked, SearchValues(quantities={("q", *unit, 5.0)}))
    } == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Token("t", None, "c"), {"with system", "without system"}),
        (Token("t", "s", "c"), {"with system"}),
        (Token("t", "", "c"), {"without system"}),
        (Token("t", "s", None), {"with system", "another code"}),
        (Token("t", None, "C"), set()),
        (Token("other", None, "c"), set()),
        (Not(Token("t", None, "c")), {"another code", "in words", "nothing"}),
        (Missing("t", missing=True), {"nothing"}),
        (Missing("t", missing=False), {"with system", "without system", "another code", "in words"}),
    ],
)
def test_tokens(asked, found):
    stored = {
        "with system": {("t", "s", "c")}, "without system": {("t", "", "c")}, "another code": {("t", "s", "d")},
        "in words": {("t", "", "")}, "nothing": set(),
    }  # fmt: skip
    assert {name for name, tokens in stored.items() if holds(asked, SearchValues(tokens=tokens))} == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Reference("r", "Patient", "1"), {"Patient/1"}),
        (Reference("r", None, "1"), {"Patient/1", "Group/1"}),
        (Reference("r", "", "http://a.example/1"), {"elsewhere"}),
        (Reference("r", "Patient", "2"), set()),
    ],
)
def test_references(asked, found):
    stored = {
        "Patient/1": ("Patient", "1"),
        "Group/1": ("Group", "1"),
        "elsewhere": ("", "http://a.example/1"),
    }
    assert {
        name for name, to in stored.items() if holds(asked, SearchValues(references={("r", *to)}))
    } == found


@pytest.mark.parametrize(
    ("value", "match", "found"),
    [
        ("exom", "starts", True),
        ("xom", "starts", False),
        ("exom t", "starts", True),
        ("xom t", "contains", True),
        ("Exöm T", "exact", True),
        ("exom t", "exact", False),
        ("Exöm", "exact", False),
        ("100%", "contains", False),
        ("ex_m", "starts", False),
    ],
)
def test_strings(value, match, found):
    assert holds(String("s", value, match), SearchValues(strings={("s", "exom t", "Exöm T")})) is found


@pytest.mark.parametrize(
    ("asked", "match", "found"),
    [
        ("http://a.example/x/y", "exact", True),
        ("http://a.example/x", "exact", False),
        ("http://a.example/x", "below", True),
        ("http://a.example/x/y", "below", True),
        ("http://a.example/x/y/z", "below", False),
        ("http://a.example", "below", True),
        ("http://a.exam", "below", False),
        ("http://a.example/x/y/z", "above", True),
        ("http://a.example/x/y", "above", True),
        ("http://a.example/x/yz", "above", False),
        ("http://a.example/x", "above", False),
    ],
)
def test_uris(asked, match, found):
    assert holds(Uri("u", asked, match), SearchValues(uris={("u", "http://a.example/x/y")})) is found


LOINC = Token("", "l", "c")
DAY = (0, 10)


@pytest.mark.parametrize(
    ("second", "stored", "found"),
    [
        (Token("", None, "x"), ("s", "x"), True),
        (Token("", "", "x"), ("s", "x"), False),
        (Reference("", "Patient", "1"), ("Patient", "1"), True),
        (Reference("", "Patient", "1"), ("Group", "1"), False),
        (String("", "ex", "starts"), ("exom", "Exöm"), True),
        (String("", "xom", "starts"), ("exom", "Exöm"), False),
        (Date("", "eq", *DAY), (1, 2), True),
        (Date("", "sa", *DAY), (1, 2), False),
        (Number("", "eq", 5, 4.5, 5.5), (5.0,), True),
        (Number("", "gt", 5, 4.5, 5.5), (5.0,), False),
        (Quantity("", "eq", 5, 4.5, 5.5, None, "mg"), ("u", "mg", 5.0), True),
        (Quantity("", "eq", 5, 4.5, 5.5, None, "g"), ("u", "mg", 5.0), False),
        (Quantity("", "ne", 5, 4.5, 5.5, None, "mg"), ("u", "mg", 5.0), False),
        (Uri("", "http://a.example/x", "below"), ("http://a.example/x/y",), True),
        (Uri("", "http://a.example/x", "exact"), ("http://a.example/x/y",), False),
    ],
)
def test_both_parts_of_a_composite_hold_of_one_pair(second, stored, found):
    asked = Composite("c", LOINC, second)
    assert holds(asked, SearchValues(composites={("c", ("l", "c"), stored)})) is found
    assert not holds(
        asked, SearchValues(composites={("c", ("l", "d"), stored), ("other", ("l", "c"), stored)})
    )


POINT = {("near:x", 0.5), ("near:y", 0.25), ("near:z", -1.0)}


@pytest.mark.parametrize(
    ("near", "found"),
    [
        (Near("near", 0.5, 0.25, -1.0, 0.0), True), (Near("near", 0.5, 0.25, -0.5, 0.25), True),
        (Near("near", 1.0, 0.75, -0.5, 0.75), True), (Near("near", 1.0, 0.75, -0.5, 0.7499999), False),
        (Near("near", 0.5, 0.25, 1.0, 3.9), False), (Near("far", 0.5, 0.25, -1.0, 5.0), False),
    ],
)  # fmt: skip
def test_a_point_is_near_where_the_chord_reaches_it(near, found):
    assert holds(near, SearchValues(numbers=POINT)) is found
    assert not holds(near, SearchValues())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("club",), True), (("the", "club"), True), (("club", "the"), True), (("cl",), True),
        (("lub",), False), (("club", "week"), False), (("b t",), False),
    ],
)  # fmt: skip
def test_each_word_begins_a_word_of_the_text(words, found):
    assert holds(Words("_content", words), SearchValues(texts={("_content", " the club ")})) is found
    assert not holds(Words("_text", words), SearchValues(texts={("_content", " the club ")}))


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (Everything(), True),
        (Nothing(), False),
        (And(()), True),
        (Or(()), False),
        (And((Everything(), Nothing())), False),
        (Or((Everything(), Nothing())), True),
        (Not(Nothing()), True),
        (Ids(frozenset({"g", "h"})), True),
        (Ids(frozenset()), False),
    ],
)
def test_the_rest(expression, found):
    assert holds(expression) is found


@pytest.mark.parametrize(
    "kind",
    [
        SearchValues(tokens={("p", "", "x")}), SearchValues(references={("p", "", "x")}),
        SearchValues(strings={("p", "", "x")}), SearchValues(dates={("p", 0, 1)}), SearchValues(numbers={("p", 0.0)}),
        SearchValues(quantities={("p", "", "", 0.0)}), SearchValues(uris={("p", "x")}),
        SearchValues(composites={("p", ("", "x"), ("", "x"))}), SearchValues(texts={("p", " x ")}),
    ],
)  # fmt: skip
def test_a_value_of_any_kind_is_there(kind):
    assert holds(Missing("p", missing=False), kind)
    assert not holds(Missing("p", missing=True), kind)
    assert holds(Missing("q", missing=True), kind)


def test_one_value_of_many_is_enough_and_each_is_looked_at_by_itself():
    values = SearchValues(dates={("d", *moment("2013")), ("d", *moment("2020"))})
    assert holds(Date("d", "eq", *moment("2020")), values)
    assert holds(Date("d", "ne", *moment("2020")), values)
    assert not holds(Not(Date("d", "eq", *moment("2020"))), values)


def test_no_value_is_neither_equal_nor_unequal():
    assert not holds(Date("d", "ne", *moment("2020")))
    assert holds(Not(Date("d", "eq", *moment("2020"))))


MALE = Token("gender", None, "male")


def person(id_, gender, *references):
    return Candidate(
        "Patient", id_, UPDATED, SearchValues(tokens={("gender", "", gender)}, references=set(references))
    )


def goal(*references):
    return Candidate("Goal", "g", UPDATED, SearchValues(references=set(references)))


@pytest.mark.parametrize(
    ("references", "found"),
    [
        ({("subject", "Patient", "boy")}, True),
        ({("subject", "Patient", "girl")}, False),
        ({("subject", "Patient", "girl"), ("subject", "Patient", "boy")}, True),
        ({("subject", "Patient", "gone")}, False),
        ({("subject", "Group", "boy")}, False),
        ({("other", "Patient", "boy")}, False),
        ({("subject", "", "http://b.example/Patient/boy")}, False),
        (set(), False),
    ],
)
def test_a_chain_holds_where_one_of_the_resources_referred_to_does(references, found):
    ward = Ward(person("boy", "male"), person("girl", "female"))
    assert holds(Chain("subject", "Patient", MALE), SearchValues(references=references), ward) is found


def test_a_reverse_chain_holds_where_one_of_the_resources_that_refer_here_does():
    refers, elsewhere = ("link", "Goal", "g"), ("link", "Goal", "h")
    asked = Has("Patient", "link", MALE)
    assert holds(asked, follow=Ward(person("boy", "male", refers)))
    assert holds(asked, follow=Ward(person("girl", "female", refers), person("boy", "male", refers)))
    assert not holds(asked, follow=Ward(person("girl", "female", refers), person("boy", "male", elsewhere)))
    assert not holds(asked)


@pytest.mark.parametrize(
    ("at", "below_house", "above_room"),
    [("house", True, True), ("left", True, True), ("floor", True, True), ("room", True, True), ("attic", True, False),
     ("shed", False, False), ("gone", False, False)],
)  # fmt: skip
def test_a_hierarchy_leads_up_and_down_and_round(at, below_house, above_room):
    parts = {
        "house": "left",
        "left": "house",
        "floor": "house",
        "room": "floor",
        "attic": "left",
        "shed": "gone",
    }
    ward = Ward(
        *(
            Candidate("Location", id_, UPDATED, SearchValues(references={("partof", "Location", upper)}))
            for id_, upper in parts.items()
        )
    )
    values = SearchValues(references={("location", "Location", at)})
    below = Within("location", "Location", "house", "partof", "below")
    above = Within("location", "Location", "room", "partof", "above")
    assert holds(below, values, ward) is below_house
    assert holds(above, values, ward) is above_room


def test_chains_nest():
    ward = Ward(
        goal(("subject", "Patient", "boy")),
        person("boy", "male", ("link", "Patient", "girl")),
        person("girl", "female"),
    )
    onward = Chain("subject", "Patient", Chain("link", "Patient", Token("gender", None, "female")))
    assert holds(onward, SearchValues(references={("subject", "Patient", "boy")}), ward)
    back_again = Chain("subject", "Patient", Has("Goal", "subject", Ids(frozenset({"g"}))))
    assert holds(back_again, SearchValues(references={("subject", "Patient", "boy")}), ward)
    not_male = Chain("subject", "Patient", Not(MALE))
    assert not holds(not_male, SearchValues(references={("subject", "Patient", "boy")}), ward)

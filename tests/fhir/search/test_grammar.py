"""The query grammar as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.problems import Malformed
from service.fhir.registry import load
from service.fhir.search.dates import moment
from service.fhir.search.expressions import And, Date, Everything, Ids, Not, Query, Reference, String, Token
from service.fhir.search.grammar import MOST_CONDITIONS, UNSUPPORTED, parse

BASE = "http://127.0.0.1:8080/fhir"
NOW = moment("2026-11-22")[0] // 1000

REGISTRY = load()


def read(type_, *pairs, lenient=False, count_limit=1000):
    return parse(
        REGISTRY,
        type_,
        pairs,
        base_url=BASE,
        count_default=20,
        count_limit=count_limit,
        lenient=lenient,
        now=NOW,
    )


def refusal(type_, *pairs, lenient=False):
    with pytest.raises(Malformed) as refused:
        read(type_, *pairs, lenient=lenient)
    return [issue.slug for issue in refused.value.issues]


def test_a_search_for_nothing_in_particular_finds_everything():
    search = read("Goal")
    assert search.query == Query("Goal", Everything(), 20)
    assert search.understood == search.ignored == ()
    assert search.page is None


def test_criteria_must_all_hold_and_alternatives_any():
    search = read(
        "Goal", ("patient", "1"), ("lifecycle-status:not", "rejected"), ("start-date", "ge2026-01-01")
    )
    assert search.query.where == And((
        Reference("patient", "Patient", "1"),
        Not(Token("lifecycle-status", None, "rejected")),
        Date("start-date", "ge", *moment("2026-01-01")),
    ))  # fmt: skip
    assert search.understood == (
        ("patient", "1"),
        ("lifecycle-status:not", "rejected"),
        ("start-date", "ge2026-01-01"),
    )


def test_a_repeated_parameter_must_hold_each_time():
    both = And((String("given", "a", "starts"), String("given", "b", "starts")))
    assert read("Patient", ("given", "a"), ("given", "b")).query.where == both


@pytest.mark.parametrize(
    ("value", "count", "shown", "total"),
    [("5", 5, "5", False), ("5000", 1000, "1000", False), ("0", 0, "0", True)],
)
def test_count_is_granted_up_to_the_limit_and_none_means_the_total_alone(value, count, shown, total):
    search = read("Goal", ("_count", value))
    assert (search.query.count, search.query.total) == (count, total)
    assert search.understood == (("_count", shown),)


def test_the_default_count_keeps_to_the_limit_too():
    assert read("Goal", count_limit=5).query.count == 5


@pytest.mark.parametrize(("value", "total"), [("none", False), ("estimate", True), ("accurate", True)])
def test_total_is_counted_where_it_is_wanted(value, total):
    search = read("Goal", ("_total", value))
    assert search.query.total is total
    assert search.understood == (("_total", value),)


def test_the_page_is_handed_on_and_in_no_self_link():
    search = read("Goal", ("_page", "opaque"), ("_id", "a"))
    assert search.page == "opaque"
    assert search.understood == (("_id", "a"),)


def test_formats_are_somebody_elses_business():
    search = read("Goal", ("_format", "json"), ("_pretty", "true"), ("_format", ""))
    assert search == read("Goal")


@pytest.mark.parametrize(
    ("pairs", "slugs"),
    [
        ([("colour", "red")], ["search-parameter-unknown"]),
        ([("", "red")], ["search-parameter-unknown"]),
        ([("colour.name", "red")], ["search-parameter-unknown"]),
        ([("_count", "many")], ["search-value-count"]),
        ([("_count", "-1")], ["search-value-count"]),
        ([("_count", "1"), ("_count", "1")], ["search-parameter-repeated"]),
        ([("_total", "perhaps")], ["search-value-total"]),
        ([("_page", "a"), ("_page", "b")], ["search-parameter-repeated"]),
        ([("patient", "")], ["search-value-empty"]),
        ([("_count", "")], ["search-value-empty"]),
        ([("_include:iterate", "Goal:patient")], ["search-parameter-unsupported"]),
        (
            [("colour", "red"), ("start-date", "soon"), ("patient", "1")],
            ["search-parameter-unknown", "search-value-date"],
        ),
    ],
)
def test_every_fault_is_told_at_once(pairs, slugs):
    assert refusal("Goal", *pairs) == slugs


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_r4_has_and_we_do_not_offer_is_refused_by_name(name):
    with pytest.raises(Malformed, match=f"`{name}` is not offered here") as refused:
        read("Goal", (name, "x"))
    assert "`lifecycle-status`" in refused.value.issues[0].text
    assert "`_count`" in refused.value.issues[0].text


def test_a_lenient_caller_is_told_what_was_left_out():
    search = read(
        "Goal", ("colour", "red"), ("_sort", "start-date"), ("subject", ""), ("_id", "a"), lenient=True
    )
    assert search.query.where == Ids(frozenset("a"))
    assert search.ignored == ("colour", "_sort", "subject")
    assert search.understood == (("_id", "a"),)


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("start-date", "soon", "search-value-date"),
        ("subject:wrong", "1", "search-modifier-unsupported"),
        ("_count", "many", "search-value-count"),
        ("lifecycle-status.x", "1", "search-chain"),
    ],
)
def test_even_a_lenient_caller_is_refused_a_wrong_modifier_or_value(name, value, slug):
    assert refusal("Goal", (name, value), lenient=True) == [slug]


def test_a_search_of_more_conditions_than_databases_take_is_refused():
    most = ",".join(f"a{number}" for number in range(MOST_CONDITIONS))
    assert len(read("Patient", ("identifier", most)).query.where.parts) == MOST_CONDITIONS
    assert refusal("Patient", ("identifier", most), ("active", "true")) == ["search-too-many-conditions"]
    assert len(read("Patient", ("_id", most)).query.where.ids) == MOST_CONDITIONS
    assert refusal("Patient", ("_id", f"{most},b")) == ["search-too-many-conditions"]
    assert refusal("Goal", ("patient.identifier", most)) == ["search-too-many-conditions"]


NAMES = st.one_of(
    st.sampled_from(
        ["name", "birthdate", "identifier", "general-practitioner", "_id", "_count", "_has:Goal:patient:_id"]
    ),
    st.text(max_size=12),
)
SUFFIXES = st.one_of(
    st.just(""), st.sampled_from([":missing", ":not", ":exact", ":", ".", ".name"]), st.text(max_size=6)
)
VALUES = st.one_of(
    st.text(max_size=12), st.sampled_from(["ge2026", "a|b", "true", "\\", ",", "|", "Patient/1", "1e999"])
)


@given(st.lists(st.tuples(st.builds(str.__add__, NAMES, SUFFIXES), VALUES), max_size=4), st.booleans())
def test_whatever_is_asked_is_understood_named_or_refused(pairs, lenient):
    search = attempted(pairs, lenient=lenient)
    if search is not None:
        told = [name for name, _ in search.understood] + list(search.ignored)
        hidden = {"_page", "_format", "_pretty"}
        assert sorted(told) == sorted(name for name, _ in pairs if name not in hidden)


def attempted(pairs, *, lenient):
    """The search, or None where it was refused in our own words; any other exception is a fault."""
    try:
        return read("Patient", *pairs, lenient=lenient)
    except Malformed as refused:
        if all(issue.slug.startswith("search-") for issue in refused.issues):
            return None
        raise


@pytest.mark.parametrize(
    "pair",
    [("name", "a\x00b"), ("na\x00me", "a"), ("identifier", "\x00|x"), ("_has:Goal:patient:_id", "\x00")],
)
def test_what_no_text_holds_is_refused(pair):
    with pytest.raises(Malformed) as refused:
        read("Patient", pair)
    assert [issue.slug for issue in refused.value.issues] == ["search-value-characters"]

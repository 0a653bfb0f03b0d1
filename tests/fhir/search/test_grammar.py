"""The query grammar as a whole."""

from copy import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.problems import Malformed
from service.fhir.registry import Registry, load
from service.fhir.search.asked import Setting
from service.fhir.search.dates import moment
from service.fhir.search.expressions import (
    And,
    Date,
    Everything,
    Ids,
    Not,
    Or,
    Query,
    Reference,
    SortKey,
    String,
    Token,
)
from service.fhir.search.grammar import UNSUPPORTED, parse
from service.fhir.search.sizes import HIERARCHY, MOST_CONDITIONS, MOST_FAULTS, MOST_INCLUDES

BASE = "http://127.0.0.1:8080/fhir"
NOW = moment("2026-11-22")[0]
COUNT = ("_count", "20")  # what is granted where nothing is asked

REGISTRY = load()
SETTING = Setting(REGISTRY, BASE, NOW)


def read(type_, *pairs, lenient=False, count_limit=1000, **scope):
    return parse(SETTING, type_, pairs, count_default=20, count_limit=count_limit, lenient=lenient, **scope)


def refusal(type_, *pairs, **scope):
    with pytest.raises(Malformed) as refused:
        read(type_, *pairs, **scope)
    return [issue.slug for issue in refused.value.issues]


def test_a_search_for_nothing_in_particular_finds_everything():
    search = read("Goal")
    assert search.queries == (Query("Goal", Everything(), 20),)
    assert search.query == search.queries[0]
    assert (search.understood, search.ignored, search.page) == ((COUNT,), (), None)


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
        COUNT,
    )


def test_a_repeated_parameter_must_hold_each_time():
    both = And((String("given", "a", "starts"), String("given", "b", "starts")))
    assert read("Patient", ("given", "a"), ("given", "b")).query.where == both


@pytest.mark.parametrize(
    ("value", "count", "shown", "total"),
    [("5", 5, "5", "none"), ("5000", 1000, "1000", "none"), ("0", 0, "0", "accurate")],
)
def test_count_is_granted_up_to_the_limit_and_none_means_the_total_alone(value, count, shown, total):
    search = read("Goal", ("_count", value))
    assert (search.query.count, search.query.total) == (count, total)
    assert search.understood == (("_count", shown),)


def test_the_default_count_keeps_to_the_limit_too():
    search = read("Goal", count_limit=5)
    assert search.query.count == 5
    assert search.understood == (("_count", "5"),)


@pytest.mark.parametrize("value", ["none", "estimate", "accurate"])
def test_total_is_counted_where_it_is_wanted(value):
    search = read("Goal", ("_total", value))
    assert search.query.total == value
    assert search.understood == (("_total", value), COUNT)


def test_the_page_is_handed_on_and_in_no_self_link():
    search = read("Goal", ("_page", "opaque"), ("_id", "a"))
    assert search.page == "opaque"
    assert search.understood == (("_id", "a"), COUNT)


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
        ([("_sort", "-colour")], ["search-sort-unsupported"]),
        ([("_sort", "_id"), ("_sort", "_id")], ["search-parameter-repeated"]),
        ([("_sort:asc", "_id")], ["search-modifier-unsupported"]),
        ([("_count:exact", "1")], ["search-modifier-unsupported"]),
        ([("_include", "Goal")], ["search-include-form"]),
        ([("_summary", "short")], ["search-value-summary"]),
        ([("_elements", "colour")], ["search-element-unknown"]),
        ([("_explain", "please")], ["search-value-explain"]),
        ([("_type", "Goal")], ["search-parameter-unknown"]),
        (
            [("colour", "red"), ("start-date", "soon"), ("patient", "1")],
            ["search-parameter-unknown", "search-value-date"],
        ),
    ],
)
def test_every_fault_is_told_at_once(pairs, slugs):
    assert refusal("Goal", *pairs) == slugs


@pytest.mark.parametrize("name", sorted(UNSUPPORTED - {"_contained", "_containedType"}))
def test_what_r4_has_and_we_do_not_offer_is_refused_by_name(name):
    with pytest.raises(Malformed, match=f"`{name}` is not offered here") as refused:
        read("Goal", (name, "x"))
    for listed in ("lifecycle-status", "_has", "_count", "_sort", "_include"):
        assert f"`{listed}`" in refused.value.issues[0].text


@pytest.mark.parametrize("pair", [("_contained", "true"), ("_contained", "false"), ("_containedType", "x")])
def test_contained_resources_are_not_searched_and_that_is_said(pair):
    with pytest.raises(Malformed, match="Contained resources are not searched by themselves") as refused:
        read("Goal", pair)
    assert refused.value.issues[0].slug == "search-parameter-unsupported"


def test_a_lenient_caller_is_told_what_was_left_out():
    search = read(
        "Goal", ("colour", "red"), ("_contained", "true"), ("subject", ""), ("_id", "a"), lenient=True
    )
    assert search.query.where == Ids(frozenset("a"))
    assert search.ignored == ("colour", "_contained", "subject")
    assert search.understood == (("_id", "a"), COUNT)


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("start-date", "soon", "search-value-date"),
        ("subject:wrong", "1", "search-modifier-unsupported"),
        ("_count", "many", "search-value-count"),
        ("lifecycle-status.x", "1", "search-chain"),
        ("_sort", "colour", "search-sort-unsupported"),
        ("_include", "Goal:colour", "search-include-unknown"),
        # Left out, these would find more than was asked for.
        ("identifier", "a,", "search-value-empty"),
        ("identifier", ",", "search-value-empty"),
        ("patient.identifier", ",a", "search-value-empty"),
        ("_has:Observation:focus:code", "a,,b", "search-value-empty"),
        ("_content", "a,", "search-value-empty"),
        ("_list", "a,", "search-value-empty"),
        ("_id", "a,", "search-value-empty"),
        ("_sort", "start-date,", "search-value-empty"),
        ("_elements", "status,", "search-value-empty"),
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
    hierarchies = ",".join("a" for _ in range(MOST_CONDITIONS // HIERARCHY))
    assert refusal("Patient", ("organization:below", f"{hierarchies},a")) == ["search-too-many-conditions"]
    assert len(read("Patient", ("organization:below", hierarchies)).query.where.parts) > 1


@pytest.mark.parametrize("step", ["based-on", "focus"])
def test_a_chain_through_references_to_anything_is_refused_before_it_grows(step):
    """Each step doubles it at least: read to its end, one of twelve steps would stop a worker for a second."""
    asked = []

    class Counting(Registry):
        def search_parameters(self, type_):
            asked.append(type_)
            return super().search_parameters(type_)

    counting = copy(REGISTRY)
    counting.__class__ = Counting
    pairs = [(".".join([step] * 12) + "._id", "x")] * 1000
    with pytest.raises(Malformed) as refused:
        parse(Setting(counting, BASE, NOW), "Task", pairs, count_default=1, count_limit=1, lenient=False)
    assert [issue.slug for issue in refused.value.issues] == ["search-too-many-conditions"]
    assert len(asked) < 10_000


def test_conditions_are_counted_over_all_parameters():
    each = ",".join(f"a{number}" for number in range(MOST_CONDITIONS // 2))
    assert len(read("Patient", ("identifier", each), ("name", each)).query.where.parts) == 2
    slugs = refusal("Patient", ("identifier", each), ("name", each), ("active", "true"))
    assert slugs == ["search-too-many-conditions"]


def test_alternatives_are_counted_before_they_are_read():
    """The one that cannot be read would be told of, if any were read."""
    many = ",".join(["soon"] * (MOST_CONDITIONS + 1))
    assert refusal("Goal", ("start-date", many)) == ["search-too-many-conditions"]


def test_only_so_much_is_told_of_a_search_that_is_wrong_throughout():
    assert len(refusal("Patient", *[("colour", "red")] * 1000)) == MOST_FAULTS


def test_so_many_includes_and_no_more():
    one = ("_revinclude", "Goal:patient")
    assert len(read("Patient", *[one] * MOST_INCLUDES).includes) == MOST_INCLUDES
    assert refusal("Patient", *[one] * MOST_INCLUDES, one) == ["search-too-many-includes"]


NAMES = st.one_of(
    st.sampled_from([
        "name", "birthdate", "identifier", "general-practitioner", "_id", "_count", "_has:Goal:patient:_id",
        "_sort", "_include", "_revinclude", "_summary", "_elements", "_type", "_total", "_lastUpdated", "_text",
    ]),
    st.text(max_size=12),
)  # fmt: skip
SUFFIXES = st.one_of(
    st.just(""),
    st.sampled_from([":missing", ":not", ":exact", ":", ".", ".name", ":iterate"]),
    st.text(max_size=6),
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from([
        "ge2026", "a|b", "true", "\\", ",", "|", "Patient/1", "1e999", "-birthdate,_id", "Patient:*", "Goal:patient",
        "text", "name,gender", "Patient,Goal", "*",
    ]),
)  # fmt: skip


@given(
    st.sampled_from(["Patient", ""]),
    st.lists(st.tuples(st.builds(str.__add__, NAMES, SUFFIXES), VALUES), max_size=4),
    st.booleans(),
)
def test_whatever_is_asked_is_understood_named_or_refused(type_, pairs, lenient):
    search = attempted(type_, pairs, lenient=lenient)
    if search is not None:
        told = [name for name, _ in search.understood] + list(search.ignored)
        hidden = {"_page", "_format", "_pretty"}
        given = [name for name, _ in pairs if name not in hidden]
        # How many a page has is always told.
        granted = [] if any(name == "_count" and value for name, value in pairs) else ["_count"]
        assert sorted(told) == sorted(given + granted)
        again = parse(SETTING, type_, search.understood, count_default=1, count_limit=1000, lenient=False)
        assert again.queries == search.queries
        assert (again.includes, again.subset) == (search.includes, search.subset)


def attempted(type_, pairs, *, lenient):
    """The search, or None where it was refused in our own words; any other exception is a fault."""
    try:
        return read(type_, *pairs, lenient=lenient)
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


def test_an_order_goes_with_every_query():
    search = read("Goal", ("_sort", "-target-date,_id"))
    assert search.query.sort == (SortKey("target-date", "date", descending=True), SortKey("_id", "_id"))
    assert search.understood == (("_sort", "-target-date,_id"), COUNT)


def test_what_is_counted_only_has_no_order():
    for pair in (("_count", "0"), ("_summary", "count")):
        query = read("Goal", pair, ("_sort", "target-date"), ("_total", "none")).query
        assert (query.count, query.total, query.sort) == (0, "accurate", ())


def test_includes_are_handed_on():
    search = read("Goal", ("_include", "Goal:patient"), ("_revinclude", "Observation:focus"))
    assert [(each.reverse, each.parameters) for each in search.includes] == [
        (False, (("Goal", "patient"),)),
        (True, (("Observation", "focus"),)),
    ]
    assert [name for name, _ in search.understood] == ["_include", "_revinclude", "_count"]


def test_a_search_of_several_types_asks_each_the_same():
    search = read("", ("_type", "Observation,Goal"), ("patient", "1"), ("_sort", "-_lastUpdated"))
    assert [query.type for query in search.queries] == ["Observation", "Goal"]
    assert {query.where for query in search.queries} == {Reference("patient", "Patient", "1")}
    assert {query.sort for query in search.queries} == {
        (SortKey("_lastUpdated", "_lastUpdated", descending=True),)
    }
    assert search.understood[0] == ("_type", "Observation,Goal")


def test_a_parameter_means_in_each_type_what_it_means_there():
    search = read("", ("_type", "CarePlan,Goal"), ("subject:Patient", "1"))
    assert [query.where for query in search.queries] == [Reference("subject", "Patient", "1")] * 2
    assert refusal("", ("_type", "Goal,Task"), ("lifecycle-status", "active")) == ["search-parameter-unknown"]


def test_a_search_of_all_types_takes_what_all_of_them_have():
    search = read("", ("_lastUpdated", "ge2026-01-01"))
    assert len(search.queries) > 30
    with pytest.raises(Malformed, match="have in common") as refused:
        read("", ("patient", "1"))
    assert "`_lastUpdated`" in refused.value.issues[0].text
    assert "`patient`, " not in refused.value.issues[0].text


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("_type", "Goal,Colour")], "search-type-unknown"),
        ([("_type", "Goal"), ("_type", "Task")], "search-parameter-repeated"),
        ([("_type:not", "Goal")], "search-modifier-unsupported"),
        ([("_type", "")], "search-value-empty"),
        ([("_type", "Goal,CarePlan"), ("_sort", "status")], "search-sort-unsupported"),
    ],
)
def test_types_are_named_once_and_are_searched_here(pairs, slug):
    assert refusal("", *pairs) == [slug]


def test_a_compartment_adds_what_holds_of_its_resources():
    one = read("Goal", ("lifecycle-status", "active"), within=("Patient", "1"))
    belonging = one.query.where.parts[0]
    assert isinstance(belonging, Or | Reference)
    assert one.query.where.parts[1] == Token("lifecycle-status", None, "active")
    every = read("", within=("Patient", "1"))
    assert {"Goal", "Observation", "Patient"} <= {query.type for query in every.queries}
    assert "Organization" not in {query.type for query in every.queries}
    assert next(q.where for q in every.queries if q.type == "Patient") != Ids(frozenset("1"))


def test_only_some_types_may_be_searched():
    search = read("", within=("Patient", "1"), types=("Goal", "Organization", "Task"))
    assert {query.type for query in search.queries} <= {"Goal", "Task"}


@pytest.mark.parametrize(
    "pair",
    [
        ("code", "a"),
        ("_sort", "code"),
        ("code:not", "a"),
        ("_include", "Observation:focus"),
        ("_has:Observation:focus:status", "final"),
        ("focus:Goal.lifecycle-status", "active"),
    ],
)
def test_what_is_not_indexed_yet_is_refused_because_too_little_would_be_found(pair):
    pending = {"Observation": frozenset({"code", "focus"}), "Goal": frozenset({"lifecycle-status"})}
    setting = Setting(REGISTRY, BASE, NOW, pending=lambda type_: pending.get(type_, frozenset()))
    for lenient in (False, True):
        with pytest.raises(Malformed) as refused:
            parse(setting, "Observation", [pair], count_default=1, count_limit=1, lenient=lenient)
        (issue,) = refused.value.issues
        assert (issue.slug, issue.code) == ("search-parameter-not-indexed", "incomplete")
    parse(setting, "Observation", [("status", "final")], count_default=1, count_limit=1, lenient=False)

"""Which index codes a search needs complete."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.completeness import require_complete
from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Has,
    Ids,
    Missing,
    Near,
    Not,
    Or,
    Query,
    SortKey,
    String,
    Token,
    Within,
    Words,
)
from service.fhir.search.includes import Include

STATUS = Token("status", None, "final")


def named(registry, query, pending, includes=()):
    """The parameters that are named as not indexed, empty where the search may go on."""
    setting = Setting(registry, "", 0, pending=lambda type_: frozenset(pending.get(type_, ())))
    try:
        require_complete(setting, [query], includes)
    except Malformed as refused:
        return refused.issues[0].text
    return ""


@pytest.mark.parametrize(
    ("where", "sought"),
    [
        (STATUS, "Observation.status"),
        (Not(STATUS), "Observation.status"),
        (And((Ids(frozenset("1")), Or((Everything(), STATUS)))), "Observation.status"),
        (Missing("status", missing=True), "Observation.status"),
        (String("code:text", "mood", "starts"), "Observation.code:text"),
        (Near("near", 1, 0, 0, 4), "Observation.near:z"),
        (Words("_content", ("mood",)), "Observation._content"),
        (Within("focus", "Organization", "a", "partof", "below"), "Observation.focus"),
        (Within("focus", "Organization", "a", "partof", "below"), "Organization.partof"),
        (Chain("focus", "Goal", STATUS), "Observation.focus"),
        (Chain("focus", "Goal", Token("status", None, "a")), "Goal.status"),
        (Has("Task", "focus", Has("Provenance", "target", STATUS)), "Task.focus"),
        (Has("Task", "focus", Has("Provenance", "target", STATUS)), "Provenance.target"),
        (Has("Task", "focus", Has("Provenance", "target", STATUS)), "Provenance.status"),
    ],
)
def test_every_condition_needs_its_index(registry, where, sought):
    type_, _, code = sought.partition(".")
    query = Query("Observation", where, 10)
    assert f"`{sought}`" in named(registry, query, {type_: {code}})
    assert named(registry, query, {type_: {"other"}, "Location": {code}}) == ""


def test_an_order_and_an_include_need_theirs(registry):
    query = Query("Goal", Everything(), 10, sort=(SortKey("start-date", "date"),))
    following = Include(reverse=True, iterate=False, parameters=(("Task", "focus"),))
    assert "`Goal.start-date`" in named(registry, query, {"Goal": {"start-date"}})
    assert "`Task.focus`" in named(registry, query, {"Task": {"focus"}}, [following])
    assert named(registry, query, {"Goal": {"focus"}, "Task": {"start-date"}}, [following]) == ""


def test_all_of_them_are_named_each_once(registry):
    query = Query("Goal", And((STATUS, STATUS, Token("category", None, "x"))), 10)
    text = named(registry, query, {"Goal": {"status", "category"}})
    assert text.count("`Goal.status`") == text.count("`Goal.category`") == 1


@pytest.mark.parametrize("where", [Everything(), Ids(frozenset("1"))])
def test_what_needs_no_index(registry, where):
    pending = {"Goal": {"status", "_id", "_lastUpdated"}}
    sort = (SortKey("_id", "_id"), SortKey("_lastUpdated", "_lastUpdated"))
    assert named(registry, Query("Goal", where, 10, sort=sort), pending) == ""

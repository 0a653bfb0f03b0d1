"""Index rows: a pure function of a resource's body."""

import pytest

from service.fhir.search.derived import index_codes
from service.fhir.search.extraction import Part, Reading
from service.fhir.search.values import SearchValues
from service.outcomes.grants import Effect, Row
from service.outcomes.sharing import Facts
from service.storage.indexing import NO_ROWS, TABLES, Indexer, difference, gather, gathering, target
from service.storage.names import Kind, Names
from service.storage.sharing import Rule
from service.storage.tables import INDEXES, PARAMETER_INDEXES, index_sharing

SYSTEM = "http://a.example/s"
UCUM = "http://unitsofmeasure.org"


def read(values):
    """What was read, none of it remembered."""
    return Reading([], values)


@pytest.fixture
def names(registry):
    known = Names()
    rows = [(Kind.TYPE, number, type_) for number, type_ in enumerate(sorted(registry.served), 1)]
    codes = [
        f"{type_}.{code}" for type_ in ("Observation", "Patient") for code in index_codes(registry, type_)
    ]
    rows += [(Kind.PARAMETER, number, code) for number, code in enumerate(codes, 1)]
    rows += [(Kind.SYSTEM, 1, SYSTEM), (Kind.SYSTEM, 2, UCUM)]
    known.learn(rows)
    return known


@pytest.fixture
def indexer(registry, extractor, names):
    return Indexer(registry, extractor, names)


def test_the_tables_are_those_of_the_schema_in_their_order():
    assert tuple(table.name for table in INDEXES) == TABLES
    assert len(NO_ROWS) == len(TABLES)


@pytest.mark.parametrize(
    ("values", "table", "code", "columns"),
    [
        (SearchValues(tokens={("code", SYSTEM, "a")}), "index_token", "code", ("a", 1)),
        (SearchValues(tokens={("code", "", "a")}), "index_token", "code", ("a", 0)),
        (SearchValues(tokens={("subject:identifier", SYSTEM, "1")}), "index_token", "subject:identifier", ("1", 1)),
        (SearchValues(strings={("code:text", "a", "A")}), "index_string", "code:text", ("a", "A")),
        (SearchValues(dates={("date", 1, 2)}), "index_date", "date", (1, 2)),
        (SearchValues(quantities={("value-quantity", UCUM, "mg", 5.0)}), "index_quantity", "value-quantity",
         ("mg", 2, 5.0)),
        (SearchValues(uris={("_profile", "http://a.example")}), "index_uri", "_profile", ("http://a.example",)),
        (SearchValues(composites={("code-value-concept", (SYSTEM, "a"), (UCUM, "b"))}), "index_composite",
         "code-value-concept", ("a", 1, "b", 2, 0, 0, 0.0)),
        (SearchValues(composites={("code-value-string", (SYSTEM, "a"), ("x", "X"))}), "index_composite",
         "code-value-string", ("a", 1, "x", 0, 0, 0, 0.0)),
        (SearchValues(composites={("code-value-date", ("", "a"), (1, 2))}), "index_composite", "code-value-date",
         ("a", 0, "", 0, 1, 2, 0.0)),
        (SearchValues(composites={("code-value-quantity:canonical", ("", "a"), (UCUM, "g", 0.5))}), "index_composite",
         "code-value-quantity:canonical", ("a", 0, "g", 2, 0, 0, 0.5)),
        (SearchValues(texts={("_content", " a b ")}), "index_text", "_content", (" a b ",)),
    ],
)  # fmt: skip
def test_a_value_is_a_row_of_its_table(indexer, names, values, table, code, columns):
    assert names.unknown(indexer.systems(read(values))) == set()
    rows = dict(zip(TABLES, indexer.rows("Observation", read(values)), strict=True))
    assert rows.pop(table) == {(names.known(Kind.PARAMETER, f"Observation.{code}"), *columns)}
    assert not any(rows.values())


@pytest.mark.parametrize(
    ("kind", "second", "columns"),
    [
        ("reference", ("Patient", "1"), ("Patient/1", 0, 0, 0, 0.0)),
        ("reference", ("", "http://a.example"), ("http://a.example", 0, 0, 0, 0.0)),
        ("uri", ("http://a.example",), ("http://a.example", 0, 0, 0, 0.0)),
        ("number", (0.5,), ("", 0, 0, 0, 0.5)),
    ],
)
def test_second_parts_of_a_deployers_composite(indexer, kind, second, columns):
    assert indexer._second(kind, second) == columns


def test_the_systems_of_both_parts_of_a_composite_are_learnt(indexer):
    def values(code, second):
        return SearchValues(composites={(code, ("s", "a"), second)})

    def systems(code, second):
        return {text for _, text in indexer.systems(read(values(code, second)))}

    assert systems("code-value-concept", ("t", "b")) == {"s", "t"}
    assert systems("code-value-quantity", ("t", "b", 5.0)) == {"s", "t"}
    assert systems("code-value-string", ("folded", "Folded")) == {"s"}
    assert systems("code-value-date", (1, 2)) == {"s"}


@pytest.mark.parametrize(
    "values",
    [
        SearchValues(tokens={("code", "new", "a")}),
        SearchValues(quantities={("value-quantity", "new", "mg", 1.0)}),
        SearchValues(composites={("code-value-concept", ("new", "a"), ("http://a.example", "b"))}),
        SearchValues(composites={("code-value-concept", ("http://a.example", "a"), ("new", "b"))}),
    ],
)
def test_systems_without_number_are_told_wherever_they_stand(indexer, names, values):
    names.learn([(Kind.SYSTEM, 7_001, "http://a.example")])
    assert indexer.unknown(read(values)) == {(Kind.SYSTEM, "new")}
    assert names.unknown(indexer.systems(read(values))) == {(Kind.SYSTEM, "new")}
    names.learn([(Kind.SYSTEM, 7_002, "new")])
    assert indexer.unknown(read(values)) == set()
    assert names.systems["new"] == 7_002


def test_every_row_of_an_example_has_the_columns_of_its_table(indexer, extractor):
    resource = {
        "resourceType": "Observation", "id": "o", "status": "final", "code": {"coding": [{"code": "a"}], "text": "A"},
        "valueQuantity": {"value": 5, "system": UCUM, "code": "mg"}, "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026", "meta": {"profile": ["http://a.example"]},
    }  # fmt: skip
    rows = indexer.rows("Observation", extractor.read(resource))
    for table, found in zip(PARAMETER_INDEXES, rows[:-1], strict=True):
        named = [
            column.name for column in table.columns if column.name not in {"locality", "parameter", "rid"}
        ]
        assert found or table.name == "index_number"
        assert all(len(row) == 1 + len(named) for row in found)


PARTS = [
    Part(((0, (("code", SYSTEM, "a"), ("code", "", "b"))),), ()),
    Part(((1, (("subject", "Patient", "1"),)), (2, (("code:text", "a", "A"),))), ()),
    Part(((5, (("value-quantity", UCUM, "mg", 5.0),)), (6, (("_profile", "http://a.example"),))), ()),
    Part(((3, (("date", 1, 2),)), (4, (("code", 1.0),))), ()),
]


def test_rows_of_remembered_parts_are_those_of_their_values(indexer):
    rest = SearchValues(tokens={("status", "", "final")}, dates={("date", 1, 2), ("date", 3, 4)})
    whole = SearchValues(set(rest.tokens), dates=set(rest.dates))
    kinds = (
        *(whole.tokens, whole.references, whole.strings, whole.dates),
        *(whole.numbers, whole.quantities, whole.uris),
    )
    for part in PARTS:
        for kind, values in part.values:
            kinds[kind].update(values)
    for _ in range(2):  # made, and remembered
        assert indexer.rows("Observation", Reading(PARTS, rest)) == indexer.rows("Observation", read(whole))
    assert indexer.unknown(Reading(PARTS, rest)) == set()


@pytest.mark.parametrize("kind", [0, 5])
def test_systems_without_number_are_told_of_remembered_parts_too(indexer, names, kind):
    value = ("code", "new", "a") if kind == 0 else ("value-quantity", "new", "mg", 1.0)
    reading = Reading([Part(((kind, (value,)),), ())], SearchValues())
    assert indexer.unknown(reading) == {(Kind.SYSTEM, "new")} == names.unknown(indexer.systems(reading))
    names.learn([(Kind.SYSTEM, 7_002, "new")])
    assert indexer.unknown(reading) == set()
    assert any(7_002 in row for row in indexer.rows("Observation", reading)[kind])


def test_stores_that_share_an_extractor_have_their_own_numbers(registry, extractor, names):
    """What one of them keeps with a part is not what the other one finds there."""
    others = Names()
    others.learn(
        (kind, names.known(kind, text) + 100, text)
        for kind in (Kind.TYPE, Kind.PARAMETER, Kind.SYSTEM)
        for text in names.texts(kind)
    )
    ours, theirs = Indexer(registry, extractor, names), Indexer(registry, extractor, others)
    reading = Reading([Part(((0, (("code", SYSTEM, "a"),)),), ())], SearchValues())
    code, system = names.known(Kind.PARAMETER, "Observation.code"), names.known(Kind.SYSTEM, SYSTEM)
    for _ in range(2):
        assert ours.rows("Observation", reading)[0] == {(code, "a", system)}
        assert theirs.rows("Observation", reading)[0] == {(code + 100, "a", system + 100)}
        others.learn([(Kind.SYSTEM, 8_000, "only theirs")])
    unknown = Reading([Part(((0, (("code", "only theirs", "a"),)),), ())], SearchValues())
    assert theirs.rows("Observation", unknown)[0] == {(code + 100, "a", 8_000)}
    assert ours.unknown(unknown) == {(Kind.SYSTEM, "only theirs")}


def test_what_a_resource_tells_of_sharing_has_the_columns_of_its_table(registry, extractor, names):
    names.learn([(Kind.AGENCY, 3, "camhs")])
    facts = Facts("ash", False, 0, (Row("ash", "camhs", Effect.TEAM, team="team-1"),))
    indexer = Indexer(registry, extractor, names, Rule(facts=lambda _: facts))
    assert indexer.facts(None) is None
    told = indexer.facts({"resourceType": "Patient", "id": "ash"})
    assert set(indexer.systems(read(SearchValues()), told)) == {(Kind.AGENCY, "camhs"), (Kind.PURPOSE, "")}
    *others, [row] = indexer.rows("Patient", read(SearchValues()), told)
    assert not any(others)
    assert len(row) + 2 == len(index_sharing.columns)
    assert (row[0], row[1], row[2]) == (b"ash", 3, Effect.TEAM)


def test_an_update_adds_and_removes_what_differs():
    old = ({(1, "a"), (1, "b")}, *(set() for _ in TABLES[1:]))
    new = ({(1, "b"), (1, "c")}, *(set() for _ in TABLES[1:]))
    change = difference(old, new)
    assert change.removed[0] == {(1, "a")}
    assert change.added[0] == {(1, "c")}
    assert not any(change.removed[1:])
    assert not any(change.added[1:])


def test_the_target_of_a_reference(names):
    patient = names.known(Kind.TYPE, "Patient")
    assert target(names, "Patient", "1") == (patient, b"1")
    assert target(names, "", "http://a.example") == (0, b"http://a.example")
    assert target(names, "Nothing", "1") == (0, b"Nothing/1")


def test_rows_are_gathered_by_table_behind_the_numbers_of_their_resource():
    gathered = gathering()
    gather(gathered, (1, 7), ({(2, "a", 3)}, {(4, 5, b"b")}, *(set() for _ in TABLES[2:])))
    gather(gathered, (1, 8), NO_ROWS)
    gather(gathered, (1, 9), ({(2, "c", 3)}, *(set() for _ in TABLES[1:])))
    assert gathered[:2] == ([(1, 7, 2, "a", 3), (1, 9, 2, "c", 3)], [(1, 7, 4, 5, b"b")])
    assert not any(gathered[2:])


def test_a_difference_has_the_size_of_all_its_rows():
    one = ({(1, "a")}, {(1, 2, b"c"), (1, 3, b"c")}, *(set() for _ in TABLES[2:]))
    assert difference(NO_ROWS, one).size == 3
    assert difference(one, NO_ROWS).size == 3
    assert difference(one, ({(1, "b")}, *one[1:])).size == 2

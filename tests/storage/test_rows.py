"""In which table the rows of a code are: where the indexer puts them."""

from __future__ import annotations

from service.fhir.search.derived import STORED, index_codes
from service.fhir.search.extraction import Extractor
from service.storage.indexing import Indexer
from service.storage.names import Kind, Names
from service.storage.rows import INSERT, REMOVE, home
from service.storage.tables import (
    INDEXES,
    index_composite,
    index_quantity,
    index_string,
    index_text,
    index_token,
)
from tests.conftest import BASE_URL
from tests.storage.reindexed import DEPLOYERS, people, registry_with

REGISTRY = registry_with(*DEPLOYERS)


def test_codes_are_at_home_in_the_table_of_what_they_are_read_as():
    def at_home(code: str):
        return home(REGISTRY, "Observation", code)

    assert at_home("code") is index_token
    assert at_home("code:text") is index_string
    assert at_home("identifier:of-type") is index_token
    assert at_home("subject:identifier") is index_token
    assert at_home("value-quantity:canonical") is index_quantity
    assert at_home("code-value-quantity") is index_composite
    assert at_home("code-value-quantity:canonical") is index_composite
    assert at_home("_content") is index_text
    assert home(REGISTRY, "Location", "near") is None


def test_the_indexer_puts_every_row_where_its_code_is_at_home():
    names = Names()
    wanted = [
        (Kind.PARAMETER, f"{type_}.{code}")
        for type_ in REGISTRY.served
        for code in index_codes(REGISTRY, type_)
    ] + [(Kind.TYPE, type_) for type_ in REGISTRY.served]
    names.learn((kind, number, text) for number, (kind, text) in enumerate(wanted, 1))
    indexer = Indexer(REGISTRY, Extractor(REGISTRY, BASE_URL), names)
    looked_at = set()
    for resource in people(3):
        type_, reading = resource["resourceType"], indexer.read(resource)
        names.learn(
            (kind, 1 + len(names.texts(kind)), text) for kind, text in names.unknown(indexer.systems(reading))
        )
        for table, rows in zip(INDEXES, indexer.rows(type_, reading), strict=True):
            for row in rows:
                name = names.text(Kind.PARAMETER, row[0])
                assert home(REGISTRY, type_, name.removeprefix(f"{type_}.")) is table, name
                looked_at.add(table.name)
    assert len(looked_at) >= 7


def test_every_code_but_of_what_the_store_knows_itself_and_special_ones_has_a_home():
    for type_ in REGISTRY.served:
        for code in set(index_codes(REGISTRY, type_)) - STORED:
            parameter = REGISTRY.search_parameters(type_).get(code)
            is_special = parameter is not None and parameter.type == "special"
            assert (home(REGISTRY, type_, code) is None) == is_special


def test_there_are_statements_for_every_table():
    assert set(INSERT) == set(REMOVE) == {table.name for table in INDEXES}

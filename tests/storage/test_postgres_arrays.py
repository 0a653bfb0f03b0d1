"""Arrays reach PostgreSQL as they are, looked through once or twice."""

import asyncpg
import pytest

from service.storage.postgres_arrays import Flat
from tests.postgres import fresh_database


@pytest.fixture
async def connection(postgres_server: str):
    opened = await asyncpg.connect(fresh_database(postgres_server))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("bigint", (1, -(2**63), 2**63 - 1)),
        ("smallint", [3, None, -1]),
        ("text", ("", "é", '{a,"b"}', None, "NULL")),
        ("varchar", ["a"]),
        ("bytea", (b"", b"\x00\xff" * 9, None)),
        ("double precision", (1.5, -0.0, 1e300)),
        ("integer", ()),
    ],
)  # fmt: skip
async def test_the_values_are_those_of_the_array(connection, type_, values):
    arguments = Flat(values)
    for _ in range(3):  # the statement is prepared, then asked again, with what was looked at before too
        found = await connection.fetchval(f"SELECT $1::{type_}[]", arguments)
        assert found == list(values)
        assert await connection.fetchval(f"SELECT $1::{type_}[]", Flat(values)) == list(values)


async def test_what_is_no_value_is_refused_where_it_is_encoded(connection):
    with pytest.raises(asyncpg.DataError):
        await connection.fetchval("SELECT $1::bigint[]", Flat((1, "a")))


def test_it_has_the_length_of_its_values_whether_or_not_it_was_looked_at():
    flat = Flat((1, 2, 3))
    assert len(flat) == 3
    assert list(flat) == []
    assert list(flat) == [1, 2, 3]
    assert len(flat) == 3

"""What resources refer to, and what refers to them, as SQL: the resources that a page includes.

Both are lookups: from a resource to its rows of `index_reference` and on to the targets by
type and id, or from a target to the rows that hold it. A canonical is followed by the
`url` of the resource it names, and by its `version` where the canonical says one. The text is the
same for both databases but for how a list is given and how a table is looked into for each row.

Source: https://hl7.org/fhir/R4/search.html#revinclude, https://hl7.org/fhir/R4/references.html#canonical, ADR 0004
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from sqlalchemy import Dialect

from service.fhir.registry import Registry
from service.fhir.search.parameters import elements
from service.fhir.search.sight import Sight
from service.storage.indexing import URL_TARGET
from service.storage.names import Kind, Names, pack_id
from service.storage.querying.decision import PARTY, TYPES, ground, slots, withheld
from service.storage.querying.decision import number as decided
from service.storage.querying.said import GROUND
from service.storage.statements import COLUMNS
from service.storage.tables import DELETED

Statement = tuple[str, list[Any]]
Parameter = tuple[str, str]  # resource type and code

_COLUMNS = ", ".join(f"r.{column}" for column in COLUMNS)
_NO_NUMBER = -1  # of a parameter that a type does not have

_CURRENT = f"method <> {DELETED}"

# So many texts are kept; a client that asks in more different ways has them made anew.
_MOST_TEXTS = 500

# Types of element that hold a canonical.
_CANONICAL = frozenset({"canonical", "uri"})


class Eyes(NamedTuple):
    """With whose eyes it is looked, and the values of `decision` for them."""

    sight: Sight | None = None
    values: Mapping[str, Any] = MappingProxyType({})


EVERYTHING = Eyes()


class Inclusion:
    """The statements of `Store.referred` and `Store.referring` for one database.

    By the parameters in `revealing`, and to the types in `places`, nothing is followed from a resource
    whose places are withheld.
    """

    def __init__(
        self,
        registry: Registry,
        names: Names,
        dialect: Dialect,
        revealing: frozenset[Parameter] = frozenset(),
        places: frozenset[str] = frozenset(),
    ) -> None:
        self._registry = registry
        self._places = places
        self._revealing = revealing
        self._names = names
        self._sqlite = dialect.name == "sqlite"
        self._canonical: dict[Parameter, bool] = {}
        self._texts: dict[tuple[object, ...], tuple[str, list[tuple[str, Any]]]] = {}

    def referred(
        self,
        locality: int,
        keys: Sequence[int],
        parameters: Sequence[Parameter],
        types: frozenset[str],
        limit: int,
        eyes: Eyes = EVERYTHING,
    ) -> Statement:
        """SQL and arguments of the current resources that those of the keys refer to, as the eyes see them."""
        readable = self._readable(eyes.sight)
        given = {**eyes.values, "locality": locality, "limit": limit, "keys": self._list(keys)}
        key = ("referred", slots(eyes.sight), tuple(parameters), types)
        return self._statement(key, given, readable, lambda text: self._referred(text, parameters, types))

    def _referred(self, text: _Text, parameters: Sequence[Parameter], types: frozenset[str]) -> str:
        rids, asked = text.listed("keys"), text.numbers(self._numbers(parameters))
        rows = text.beside("index_reference", "i", "rid = k.value", "parameter = p.value")
        refers = f"SELECT i.* FROM {rids} AS k CROSS JOIN {asked} AS p {rows}"
        if told := text.told(self._withheld(parameters), self._types(self._places)):
            refers += f" WHERE {told}"
        wanted = ""
        if types:
            wanted = f" AND f.target_type IN (SELECT value FROM {text.numbers(self._types(types))} AS t)"
        local = f"WHERE f.target_type <> {URL_TARGET}{wanted}"
        found = [f"SELECT r.rid FROM refers AS f {text.target('r')} {local}"]
        if any(self._is_canonical(parameter) for parameter in parameters):
            found.append(_named(text, self._urls(types or self._registry.served)))
        return text.resources(f"refers AS MATERIALIZED ({refers})", found, seen=False)

    def referring(
        self,
        locality: int,
        targets: Sequence[tuple[str, str]],
        parameters: Sequence[Parameter],
        limit: int,
        eyes: Eyes = EVERYTHING,
    ) -> Statement:
        """SQL and arguments of the current resources that refer to any of the targets, as the eyes see them."""
        known = [
            (code, pack_id(id_)) for type_, id_ in targets if (code := self._names.code(Kind.TYPE, type_))
        ]
        types, readable = frozenset(type_ for type_, _ in targets), self._readable(eyes.sight)
        given: dict[str, Any] = {**eyes.values, "locality": locality, "limit": limit}
        count = 0  # PostgreSQL takes lists
        if self._sqlite:
            # Bytes cannot stand in JSON. Some are said twice, so that there are few texts to keep.
            known = known or [(URL_TARGET, b"")]
            known += known[:1] * ((1 << (len(known) - 1).bit_length()) - len(known))
            count = len(known)
            for place, (type_, id_) in enumerate(known):
                given |= {f"type{place}": type_, f"target{place}": id_}
        else:
            given |= {"types": [type_ for type_, _ in known], "targets": [id_ for _, id_ in known]}
        key = ("referring", slots(eyes.sight), tuple(parameters), types, count)
        return self._statement(
            key, given, readable, lambda text: self._referring(text, parameters, types, count)
        )

    def _referring(
        self, text: _Text, parameters: Sequence[Parameter], types: frozenset[str], count: int
    ) -> str:
        text.hides = text.told(self._withheld(parameters), self._types(self._places))
        listed = text.targets(count)
        most = text.take("limit", "bigint")
        asked = text.numbers(self._numbers(parameters))
        rows = text.first(most, "f.target", "parameter = p.value", "target_type = f.target_type")
        found = [f"SELECT i.value AS rid FROM targets AS f CROSS JOIN {asked} AS p {rows}"]
        canonical = [parameter for parameter in parameters if self._is_canonical(parameter)]
        if canonical and (urls := self._urls(types)):
            found += _naming(text, urls, text.numbers(self._numbers(canonical)), most)
        # The first of each target are the first that are seen.
        return text.resources(f"targets (target_type, target) AS ({listed})", found, seen=True)

    def _statement(
        self,
        key: tuple[object, ...],
        given: dict[str, Any],
        readable: Sequence[int] | None,
        build: Callable[[_Text], str],
    ) -> Statement:
        """The statement: its text is made once, and takes its values from those `given`."""
        if readable is not None:
            given["readable"] = self._list(readable)
        key = (*key, readable is None)
        made = self._texts.get(key)
        if made is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            text = _Text(self._sqlite, cast("int", key[1]), is_narrowed=readable is not None)
            made = self._texts[key] = (build(text), text.bound)
        sql, bound = made
        return sql, [given[name] if name else constant for name, constant in bound]

    def _list(self, numbers: Sequence[int]) -> Any:
        """The numbers as `_Text.listed` takes them."""
        return json.dumps(list(numbers)) if self._sqlite else list(numbers)

    def _withheld(self, parameters: Sequence[Parameter]) -> list[int]:
        """The numbers of those by which nothing is followed where places are withheld."""
        return self._numbers(self._revealing.intersection(parameters))

    def _readable(self, sight: Sight | None) -> list[int] | None:
        """The numbers of the types that are seen, None where all are."""
        if sight is None or sight.readable is None:
            return None
        return self._types(sight.readable)

    def _types(self, types: Iterable[str]) -> list[int]:
        """The numbers of those types that there are."""
        return self._names.numbers(Kind.TYPE, types)

    def _numbers(self, parameters: Iterable[Parameter]) -> list[int]:
        known = self._names.known
        return sorted({known(Kind.PARAMETER, f"{type_}.{code}") for type_, code in parameters})

    def _is_canonical(self, parameter: Parameter) -> bool:
        known = self._canonical.get(parameter)
        if known is None:
            type_, code = parameter
            read = elements(self._registry, self._registry.search_parameters(type_)[code])
            # What an expression reads cannot always be told without running it.
            known = not read or any(_CANONICAL.intersection(types) for _, types in read)
            self._canonical[parameter] = known
        return known

    def _urls(self, types: Iterable[str]) -> list[tuple[int, int, int]]:
        """Of each type that canonicals lead to: the numbers of the type, of its `url` and of its `version`."""
        code = self._names.code
        found = []
        for type_ in sorted(self._registry.served.keys() & types):
            url = self._registry.search_parameters(type_).get("url")
            if url is not None and url.expression == f"{type_}.url":  # a Subscription's is of what it tells
                named = self._names.known(Kind.PARAMETER, f"{type_}.url")
                version = code(Kind.PARAMETER, f"{type_}.version")
                found.append((self._names.known(Kind.TYPE, type_), named, version or _NO_NUMBER))
        return found


def _named(text: _Text, urls: Sequence[tuple[int, int, int]]) -> str:
    """The resources whose url, and version where one is said, the canonicals among `refers` name.

    Beside a canonical with a version stands one without, which is then not meant by itself.
    """
    listed = text.numbers([url for _, url, _ in urls], [version for _, _, version in urls])
    canonicals = (
        f"SELECT rid, parameter, target, {text.split('target')} FROM refers WHERE target_type = {URL_TARGET}"
    )
    named = text.beside("index_uri", "n", "parameter = u.value", "uri = f.url")
    version = text.exists("index_token", "v", "parameter = u.also", "code = f.version", "rid = n.rid")
    same = (
        "rid = f.rid",
        "parameter = f.parameter",
        f"target_type = {URL_TARGET}",
        *text.versioned("f.target"),
    )
    with_version = text.exists("refers", "g", *same)
    return (
        f"SELECT n.rid FROM ({canonicals}) AS f CROSS JOIN {listed} AS u {named}"
        f" WHERE CASE WHEN f.version <> '' THEN {version} ELSE NOT {with_version} END"
    )


def _naming(text: _Text, urls: Sequence[tuple[int, int, int]], asked: str, most: str) -> list[str]:
    """The resources that name the targets by their url: with the version of the target, or without any."""
    types, url, version = zip(*urls, strict=True)
    target = (
        f"targets AS f CROSS JOIN {text.numbers(types, url, version)} AS u {text.target('r')}"
        f" {text.beside('index_uri', 'n', 'parameter = u.also', 'rid = r.rid')}"
    )
    versions = text.beside("index_token", "v", "parameter = u.third", "rid = r.rid")
    plain, pinned = text.bytes("n.uri"), text.bytes("n.uri || '|' || v.code")
    same = ("rid = i.rid", "parameter = p.value", f"target_type = {URL_TARGET}", *text.versioned(plain))
    also = text.exists("index_reference", "g", *same)
    row = ("parameter = p.value", f"target_type = {URL_TARGET}")
    without = text.first(most, plain, *row, besides=f" AND NOT {also}")
    with_it = text.first(most, pinned, *row)
    of_type = "WHERE u.value = f.target_type"
    return [
        f"SELECT i.value AS rid FROM {target} CROSS JOIN {asked} AS p {without} {of_type}",
        f"SELECT i.value AS rid FROM {target} {versions} CROSS JOIN {asked} AS p {with_it} {of_type}",
    ]


@dataclass(slots=True)
class _Text:
    """A statement in the making, and what the two databases say differently."""

    sqlite: bool
    slots: int
    is_narrowed: bool  # whether not all types are seen
    bound: list[tuple[str, Any]] = field(default_factory=list)  # by name, or without one
    locality: str = ""
    hides: str = ""
    _places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.locality = self.take("locality", "smallint")

    def bind(self, value: Any, type_: str, name: str = "") -> str:
        """A place for the value, which is the same each time; or for that of the name."""
        self.bound.append((name, value))
        return f"?{len(self.bound)}" if self.sqlite else f"${len(self.bound)}::{type_}"

    def take(self, name: str, type_: str) -> str:
        """A place for the value that is given by the name, the same each time."""
        if name not in self._places:
            self._places[name] = self.bind(None, type_, name)
        return self._places[name]

    def _eye(self, name: str) -> str:
        """A place for a value of the decision."""
        return self.take(name, TYPES.get(name, PARTY)[1])

    def _seen(self, rid: str, part: Callable[..., str]) -> str:
        """That part of the number of the resource of that key."""
        row = {name: f"w.{name}" for name in ("author", "child", "label", "type")}
        number = part(row, self.slots, self._eye, sqlite=self.sqlite)
        of = f"w.locality = {self.locality} AND w.rid = {rid}"
        return f"(SELECT {number} FROM resource AS w WHERE {of})"

    def visible(self, rid: str) -> str:
        """Whether the resource of that key is seen; empty where all are."""
        return f"{self._seen(rid, ground)} > 0" if self.slots else ""

    def told(self, revealing: Sequence[int], places: Sequence[int]) -> str:
        """Whether a row `i` of references is one that is told of; empty where all are.

        It is not, where places are withheld of its resource, by the parameters or to the types of these numbers.
        """
        if not (revealing or places) or not self.slots:
            return ""
        among = ", ".join(map(str, revealing)) or str(_NO_NUMBER)
        types = ", ".join(map(str, places)) or str(_NO_NUMBER)
        known = f"i.parameter NOT IN ({among}) AND i.target_type NOT IN ({types})"
        return f"({known} OR {self._seen('i.rid', withheld)} = 0)"

    def numbers(self, values: Sequence[int], *more: Sequence[int]) -> str:
        """A FROM item with the numbers as `value`, and with those that go with them as `also` and `third`."""
        columns = ("value", "also", "third")[: 1 + len(more)]
        if not self.sqlite:
            lists = (f"unnest({self.bind(list(one), 'bigint[]')}) AS {column}"
                     for column, one in zip(columns, (values, *more), strict=True))  # fmt: skip
            return f"(SELECT {', '.join(lists)})"
        if not more:
            return f"json_each({self.bind(json.dumps(list(values)), '')})"
        rows = self.bind(json.dumps(list(zip(values, *more, strict=True))), "")
        parts = ", ".join(
            f"json_extract(value, '$[{index}]') AS {column}" for index, column in enumerate(columns)
        )
        return f"(SELECT {parts} FROM json_each({rows}))"

    def listed(self, name: str) -> str:
        """A FROM item with the numbers that are given by the name as `value`."""
        place = self.take(name, "bigint[]")
        return f"json_each({place})" if self.sqlite else f"(SELECT unnest({place}) AS value)"

    def targets(self, count: int) -> str:
        """A SELECT of the types and ids that are given; on SQLite so many."""
        if not self.sqlite:
            types, ids = self.take("types", "smallint[]"), self.take("targets", "bytea[]")
            return f"SELECT unnest({types}), unnest({ids})"
        each = ((self.take(f"type{place}", ""), self.take(f"target{place}", "")) for place in range(count))
        return "VALUES " + ", ".join(f"({type_}, {id_})" for type_, id_ in each)

    def beside(self, table: str, alias: str, *conditions: str) -> str:
        """The table's rows of the locality, looked up for each row before; conditions begin with a column of it."""
        rows = self._rows(alias, *conditions)
        if self.sqlite:
            return f"CROSS JOIN {table} AS {alias} ON {rows}"
        # Without OFFSET it would be taken for a join, and perhaps be made one with all of the table.
        return f"CROSS JOIN LATERAL (SELECT * FROM {table} AS {alias} WHERE {rows} OFFSET 0) AS {alias}"

    def target(self, alias: str) -> str:
        """The current resource of the type and id in a row of `f`, looked up."""
        if self.sqlite:
            return self.beside("resource", alias, "type = f.target_type", "id = f.target", _CURRENT)
        # As the next one behind: only the index that has resources in this order can tell it, whatever else
        # seems as good to a planner that knows nothing yet of the tables.
        rows = self._rows("x", "type = f.target_type", "id >= f.target")
        following = f"SELECT * FROM resource AS x WHERE {rows} ORDER BY x.locality, x.type, x.id LIMIT 1"
        is_it = f"x.id = f.target AND x.{_CURRENT}"
        return f"CROSS JOIN LATERAL (SELECT * FROM ({following}) AS x WHERE {is_it} OFFSET 0) AS {alias}"

    def first(self, most: str, target: str, *conditions: str, besides: str = "") -> str:
        """The `most` first resources with a row of `index_reference` for the target, looked up for each row before."""
        besides += "".join(f" AND {seen}" for seen in (self.visible("i.rid"), self.hides) if seen)
        if self.sqlite:
            rows = self._rows("i", f"target = {target}", *conditions) + besides
            first = f"SELECT i.rid FROM index_reference AS i WHERE {rows} ORDER BY i.rid LIMIT {most}"
            # A function in FROM sees the rows before it, a subquery there does not.
            return f"CROSS JOIN json_each((SELECT json_group_array(rid) FROM ({first}))) AS i"
        # As in `target`: the order is that of one index.
        rows = self._rows("i", f"target BETWEEN {target} AND {target}", *conditions) + besides
        first = f"SELECT i.rid FROM index_reference AS i WHERE {rows} ORDER BY i.target, i.rid LIMIT {most}"
        return f"CROSS JOIN LATERAL (SELECT rid AS value FROM ({first}) AS i) AS i"

    def _rows(self, alias: str, *conditions: str) -> str:
        return " AND ".join(
            f"{alias}.{condition}" for condition in (f"locality = {self.locality}", *conditions)
        )

    def exists(self, table: str, alias: str, *conditions: str) -> str:
        """Whether the table has such a row of the locality."""
        # As EXISTS it would be taken for a join.
        return (
            f"((SELECT 1 FROM {table} AS {alias} WHERE {self._rows(alias, *conditions)} LIMIT 1) IS NOT NULL)"
        )

    def split(self, target: str) -> str:
        """The url and the version of a canonical, as columns of these names; the version empty where none is said."""
        if self.sqlite:
            text = f"CAST({target} AS TEXT)"
            return (
                f"substr({text}, 1, instr({text} || '|', '|') - 1) AS url,"
                f" substr({text}, instr({text} || '|', '|') + 1) AS version"
            )
        text = f"convert_from({target}, 'UTF8')"
        return f"split_part({text}, '|', 1) AS url, split_part({text}, '|', 2) AS version"

    def versioned(self, url: str) -> tuple[str, str]:
        """Conditions on a target: it is the url with a version."""
        # The bar, and the character behind it.
        low, high = ("x'7c'", "x'7d'") if self.sqlite else ("'\\x7c'::bytea", "'\\x7d'::bytea")
        if self.sqlite:  # there, bytes that are joined become text
            return f"target >= CAST({url} || {low} AS BLOB)", f"target < CAST({url} || {high} AS BLOB)"
        return f"target >= {url} || {low}", f"target < {url} || {high}"

    def bytes(self, text: str) -> str:
        """The text as a target holds it."""
        return f"CAST({text} AS BLOB)" if self.sqlite else f"convert_to({text}, 'UTF8')"

    def resources(self, given: str, found: Sequence[str], *, seen: bool) -> str:
        """The whole: the current resources of the rids found, each once, in their order.

        `seen`: whether those found are known to be seen; else each is looked at, once, and left out where it is not.
        """
        rids = " UNION ALL ".join(found)
        most = self.take("limit", "bigint")
        row = self.beside("resource", "r", "rid = f.rid", _CURRENT)
        fence = "LIMIT -1" if self.sqlite else "OFFSET 0"
        first = f"SELECT DISTINCT rid FROM ({rids}) AS one"
        if self.is_narrowed:
            of = f"SELECT w.type FROM resource AS w WHERE w.locality = {self.locality} AND w.rid = every.rid"
            narrowed = f"({of}) IN (SELECT value FROM {self.listed('readable')} AS t)"
            first = f"SELECT rid FROM ({first} {fence}) AS every WHERE {narrowed}"
        if self.slots and not seen:
            # Pages refer to the same over and over.
            number = self._seen("every.rid", decided)
            first = f"SELECT every.rid, {number} AS seen FROM ({first} {fence}) AS every {fence}"
            first = f"SELECT rid, seen FROM ({first}) AS every WHERE seen & {GROUND} > 0"
            number = "f.seen"
        else:
            each = {name: f"r.{name}" for name in ("author", "child", "label", "type")}
            number = decided(each, self.slots, self._eye, sqlite=self.sqlite)
        return (
            f"WITH {given} SELECT {_COLUMNS}, {number} AS seen FROM ({first} ORDER BY rid LIMIT {most}) AS f"
            f" {row} ORDER BY f.rid"
        )

"""Looking at a lived world with somebody's eyes, and holding every answer against what they may see."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

from tests.agreement.asking import Said
from tests.agreement.comparing import difference, next_of, shown, told
from tests.agreement.lived import Service
from tests.agreement.masks import neutral, places_in, words_in
from tests.agreement.oracle import Eyes, Record
from tests.agreement.questions import TYPES, questions
from tests.agreement.reduced import Reduction, plain

Json = dict[str, Any]

_POSTED = 0.1  # of the questions are asked by POST as well
_IN_BUNDLES = 0.1  # are asked in a batch or transaction as well
_ON_A_PAGE = 9  # versions of a history
_SINCE = "2026-11-17T12:20:00Z"  # in the middle of what is written
_PAGES = 4  # that are walked of what is found


class Look:
    """One caller's look at one moment: the service, the reduced one, and what the oracle says is seen."""

    def __init__(self, service: Service, reduced: Service, reduction: Reduction, tally: Counter[str]) -> None:
        self.service, self.reduced, self.reduction, self.tally = service, reduced, reduction, tally
        self.eyes: Eyes = reduction.eyes
        self.records = list(reduction.oracle.records.values())
        self.faults: list[str] = []

    @property
    def who_reduced(self) -> str:
        """By which name the reduced service is asked."""
        return f"{self.eyes.name}-{self.reduction.now}"

    async def all_reads(self) -> None:
        """Every resource, every version and every history, seen or not, directly against the oracle."""
        for record in self.records:
            await self._read(record)
            await self._history(record)
            for version in record.versions:
                await self._vread(record, version.number)
        for type_ in TYPES:
            if self.eyes.token.reads(type_):
                await self._list(type_)
                of_type = [each for each in self.records if each.type == type_]
                await self._history_of(f"{type_}/_history", of_type)
        await self._history_of("_history", self.records)
        await self._history_of("_history", self.records, since=_SINCE)
        await self._history_in_pages()

    async def _read(self, record: Record) -> None:
        address = f"{record.type}/{record.id}"
        said = await self.service.ask(self.eyes.name, "GET", address)
        if not self.reduction.sees(record):
            return self._expect(said.status == self._hidden(record), "read-hidden", address, said)
        if record.current.resource is None:
            return self._expect(said.status == 410, "read-deleted", address, said)
        fits = said.status == 200 and said.headers["etag"] == f'W/"{record.current.number}"'
        fits = fits and self._is_shown(record, record.current.number, said.json)
        return self._expect(fits, "read", address, said)

    def _hidden(self, record: Record) -> int:
        """The status of what is hidden: what the token says nothing of is refused, whether it is there or not."""
        return 404 if self.eyes.token.reads(record.type) else 403

    async def _vread(self, record: Record, number: int) -> None:
        address = f"{record.type}/{record.id}/_history/{number}"
        said = await self.service.ask(self.eyes.name, "GET", address)
        version = record.versions[number - 1]
        if not self.reduction.sees(record, version):
            return self._expect(said.status == self._hidden(record), "vread-hidden", address, said)
        if version.resource is None:
            return self._expect(said.status == 410, "vread-deleted", address, said)
        fits = said.status == 200 and self._is_shown(record, number, said.json)
        return self._expect(fits, "vread", address, said)

    async def _history(self, record: Record) -> None:
        address = f"{record.type}/{record.id}/_history"
        said = await self.service.ask(self.eyes.name, "GET", address)
        if not self.reduction.sees(record):
            return self._expect(said.status == self._hidden(record), "history-hidden", address, said)
        seen = [each for each in record.versions if self.reduction.sees(record, each)]
        fits = said.status == 200 and said.json["total"] == len(seen)
        fits = fits and _etags(said) == [f'W/"{each.number}"' for each in reversed(seen)]
        return self._expect(fits and self._all_shown(said), "history", address, said)

    async def _history_of(self, address: str, records: list[Record], *, since: str = "") -> None:
        bound = f"&_since={since}" if since else ""
        said = await self.service.ask(self.eyes.name, "GET", f"{address}?_count=1000{bound}")
        # Whom the token lets read nothing is refused, whatever there is.
        expected = self._versions_seen(records, since) if self.eyes.token.types != {} else None
        found = sorted(_versions(said)) if said.status == 200 else None
        self._expect(found == expected and self._all_shown(said), "histories", address, said)

    def _versions_seen(self, records: list[Record], since: str = "") -> list[tuple[str, str, int]]:
        first = int(datetime.fromisoformat(since).timestamp() * 1000) if since else 0
        return sorted(
            (record.type, record.id, version.number)
            for record in records
            for version in record.versions
            if version.at >= first and self.reduction.sees(record, version)
        )

    async def _history_in_pages(self) -> None:
        """Every page but the last is full: one that were short would tell that something was left out of it."""
        found: list[tuple[str, str, int]] = []
        url: str | None = f"_history?_count={_ON_A_PAGE}"
        while url is not None:
            said = await self.service.ask(self.eyes.name, "GET", url)
            versions = _versions(said)
            found += versions
            url = next_of(said)
            is_whole = len(versions) == _ON_A_PAGE or url is None
            self._expect(is_whole and self._all_shown(said), "history-page", "_history", said)
        expected = self._versions_seen(self.records)
        self._expect(sorted(found) == expected, "history-pages", "_history", None)

    async def _list(self, type_: str) -> None:
        said = await self.service.ask(self.eyes.name, "GET", f"{type_}?_count=1000&_total=accurate")
        expected = sorted(
            record.id
            for record in self.records
            if record.type == type_ and record.current.resource is not None and self.reduction.sees(record)
        )
        found = sorted(entry["resource"]["id"] for entry in said.json.get("entry", ()))
        fits = found == expected and said.json["total"] == len(expected)
        self._expect(fits and self._all_shown(said), "list", type_, said)

    async def all_questions(self, rng: Random) -> None:
        """Every question, whose answer is that of a service that holds nothing but what is seen."""
        ids = [record.id for record in self.records]
        for question in questions(rng, ids):
            await self._same("GET", question)
            if rng.random() < _POSTED:
                await self._same("POST", *posted(question))
            if rng.random() < _IN_BUNDLES and "$" not in question:
                await self._same_in_a_bundle(question, rng.choice(("batch", "transaction")))

    async def _same(self, method: str, url: str, form: str | None = None) -> None:
        ours: str | None = url
        theirs: str | None = url
        for _ in range(_PAGES):
            if ours is None and theirs is None:
                return None
            if ours is None or theirs is None:
                return self._expect(fits=False, kind="pages", what=url, said=None)
            one = await self._ask(self.service, self.eyes.name, method, ours, form)
            other = await self._ask(self.reduced, self.who_reduced, method, theirs, form)
            same = told(one) == told(other)
            self._expect(same and self._all_shown(one), "same", url, one, other)
            ours, theirs = next_of(one), next_of(other)
            method, form = "GET", None
        return None

    async def _same_in_a_bundle(self, question: str, kind: str) -> None:
        entry = {"request": {"method": "GET", "url": question}}
        body = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        one = await self.service.ask(self.eyes.name, "POST", "", body)
        other = await self.reduced.ask(self.who_reduced, "POST", "", body)
        same = told(one) == told(other)
        self._expect(same and self._all_shown(one), f"in-{kind}", question, one, other)

    async def _ask(self, service: Service, who: str, method: str, url: str, form: str | None) -> Said:
        if form is None:
            return await service.ask(who, method, url)
        media = "application/x-www-form-urlencoded"
        return await service.ask(who, method, url, form.encode(), content_type=media)

    def _all_shown(self, said: Said) -> bool:
        return all(self.may_be_shown(resource) for resource in shown(said))

    def may_be_shown(self, resource: Json) -> bool:
        record = self.reduction.oracle.records.get((resource["resourceType"], resource["id"]))
        number = int(resource.get("meta", {}).get("versionId", "0"))
        if record is None or not number:
            return True  # made up for the answer
        return self._is_shown(record, number, resource, part=True)

    def _is_shown(self, record: Record, number: int, resource: Json, *, part: bool = False) -> bool:
        version = record.versions[number - 1]
        expected = self.reduction.shown(record, version)
        if expected is None or not self.reduction.sees(record, version):
            return False
        withheld = self.reduction.oracle.withheld(self.eyes, record, version, self.reduction.now)
        if withheld and (places_in(resource) or words_in(resource)):
            return False
        return part or neutral(plain(resource)) == neutral(expected)

    def _expect(
        self,
        fits: bool,  # noqa: FBT001 - reads as a sentence where it is called
        kind: str,
        what: str,
        said: Said | None,
        other: Said | None = None,
    ) -> None:
        self.tally[kind] += 1
        if not fits:
            parts = [f"{self.eyes.name} at {self.reduction.now}: {kind}: {what}"]
            if said is not None and other is not None:
                parts.append(f"  differ at {difference(told(said), told(other))}")
            parts += [f"  {_short(each)}" for each in (said, other) if each is not None]
            self.faults.append("\n".join(parts))


def posted(question: str) -> tuple[str, str | None]:
    """The same by POST: where, and the form that is sent; an operation takes its parameters from the query too."""
    path, _, query = question.partition("?")
    return (question, None) if "$" in path else (f"{path}/_search".lstrip("/"), query)


def _short(said: Said) -> str:
    return f"{said.status} {re.sub(rb'[a-zA-Z0-9_-]{60,}', b'...', said.body)[:400].decode()}"


def _etags(said: Said) -> list[str]:
    return [entry["response"]["etag"] for entry in said.json.get("entry", ())]


def _versions(said: Said) -> list[tuple[str, str, int]]:
    found = []
    for entry in said.json.get("entry", ()):
        type_, id_ = entry["fullUrl"].rsplit("/", 2)[1:]
        found.append((type_, id_, int(entry["response"]["etag"].strip('W/"'))))
    return found

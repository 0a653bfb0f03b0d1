"""Provenance of what is exported, where a client asks for it: all there is, or the newest of each resource.

Source: http://hl7.org/fhir/uv/bulkdata/ValueSet/include-associated-data
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from service.bulk.export_reading import Reading, settled
from service.bulk.export_request import LATEST_PROVENANCE
from service.fhir import codec
from service.fhir.search.dates import instant
from service.storage.exporting import LAST, Chunk, Record, Slice
from service.storage.store import Key

PROVENANCE: Final = "Provenance"
_TARGET: Final = "target"
# So many are looked at together.
_TOGETHER: Final = 200
# Units: resources that refer to those of them; there are few of each.
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Associated:
    """Looks at the Provenance of slices. `members`: the young people whom the export is about, None for all."""

    reading: Reading
    members: Sequence[str] | None

    def chunks(self, of: Slice) -> Iterator[Chunk]:
        """The lines of those of the slice that are about something that is exported."""
        return self.reading.chunks(PROVENANCE, self._records(of))

    def _records(self, of: Slice) -> Iterator[Record]:
        look = self.reading.look
        whole = Slice(of.type, of.low, of.high, of.at)
        is_latest = LATEST_PROVENANCE in look.request.associated
        records = look.view.records(whole)
        while some := list(islice(records, _TOGETHER)):
            targets = {one.key: self._targets(one) for one in some if not one.deleted}
            exported = self._exported({each for found in targets.values() for each in found})
            newest = self._newest(exported) if is_latest else {}
            for one in some:
                about = targets.get(one.key, frozenset()) & exported
                if about and (not is_latest or any(newest.get(each) == one.key for each in about)):
                    yield one

    def _targets(self, one: Record) -> frozenset[Key]:
        """What it is about, of the types that are exported."""
        types = self.reading.look.request.types
        values = self.reading.look.context.extractor.values(codec.restore(one.body))
        return frozenset(
            (type_, id_)
            for code, type_, id_ in values.references
            if code == _TARGET and type_ in types and type_ != PROVENANCE
        )

    def _exported(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Those of the resources that the export has."""
        look = self.reading.look
        stored = self.reading.ask(look.store.read_many(look.locality, sorted(keys)))
        moved: dict[str, list[int]] = {}
        found: list[tuple[str, Record]] = []
        for (type_, _), one in stored.items():
            if one.updated > look.at:
                moved.setdefault(type_, []).append(one.key)
            elif not one.deleted:
                found.append((type_, settled(one)))
        for type_, numbers in moved.items():
            found += [(type_, one) for one in look.view.named(look.whole(type_), numbers) if not one.deleted]
        return frozenset((type_, one.id) for type_, one in found if self._is_exported(type_, one))

    def _is_exported(self, type_: str, one: Record) -> bool:
        look = self.reading.look
        if one.updated <= look.since or not self.reading.keeps(type_, self.members)(one):
            return False
        return look.meets(type_, look.wanted(type_), one)

    def _newest(self, keys: frozenset[Key]) -> dict[Key, int]:
        """Of each resource, the key of the Provenance that was recorded last."""
        look = self.reading.look
        asked = ([(PROVENANCE, _TARGET)], _MOST)
        stored = self.reading.ask(look.store.referring(look.locality, sorted(keys), *asked))
        records = [settled(one) for one in stored if one.updated <= look.at]
        # Asked for afterwards: what has moved on may have been about something else at the moment.
        whole = Slice(PROVENANCE, 0, LAST, look.at)
        records += [one for one in look.view.records(whole, moved=True) if not one.deleted]
        newest: dict[Key, tuple[int, int]] = {}
        for one in records:
            recorded = instant(codec.restore(one.body).get("recorded", ""))
            place = (recorded[0] if recorded else 0, one.key)
            for each in self._targets(one) & keys:
                newest[each] = max(newest.get(each, place), place)
        return {each: key for each, (_, key) in newest.items()}

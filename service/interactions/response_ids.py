"""The ids of responses that are posted: functions of what is sent, so that sending it again finds it there.

A client that heard no answer sends the same again, and perhaps from two threads at once. Of a
response to one of our forms that would make scores that count twice. So its id is an HMAC
over the caller's locality and agency, the form, and the identifier of the response, or without one all that
it says. What a Bundle creates along with it, such as the encounter, has an id by the same key.

Source: ADR 0016; RFC 2104 (HMAC), RFC 9562 section 5.8 (UUID version 8)
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from service.fhir import codec
from service.interactions.context import Act, Context
from service.interactions.entries import Entry
from service.interactions.linking import Link, Links
from service.outcomes.extraction import form_of, is_ours, uuid_of

Json = dict[str, Any]

RESPONSE: Final = "QuestionnaireResponse"
# What the server writes, and no part of what is said.
_SET_BY_SERVER: Final = frozenset({"versionId", "lastUpdated", "_versionId", "_lastUpdated"})
# So many steps from an entry along its links, what it leads to still tells it from another.
_STEPS: Final = 3


def response_id(context: Context, act: Act, type_: str, resource: Json) -> str | None:
    """The id of a response of ours that is posted by itself; None for any other resource."""
    if not _is_response_of_ours(type_, resource):
        return None
    return _id_of_response(context, act, resource, _digest(plain(resource)))


def _is_response_of_ours(type_: str, resource: Json) -> bool:
    return type_ == RESPONSE and resource.get("resourceType") == RESPONSE and is_ours(resource)


def _id_of_response(context: Context, act: Act, resource: Json, digest: bytes) -> str:
    identifier = _identifier(resource)
    said = [b"identifier", *identifier] if identifier else [b"content", digest]
    return _id(context, act, "response", form_of(resource).encode(), *said)


def _identifier(resource: Json) -> tuple[bytes, ...]:
    """System and value of the identifier; () where it lacks one of them, and so does not tell it from others."""
    match resource.get("identifier"):
        case {"system": str() as system, "value": str() as value} if system and value:
            return system.encode(), value.encode()
        case _:
            return ()


def _id(context: Context, act: Act, *parts: str | bytes) -> str:
    """A UUID of version 8 from an HMAC over the locality, the agency and the parts, each with its length."""
    code = hmac.new(context.response_key, digestmod=hashlib.sha256)
    for part in (act.caller.locality, act.caller.agency, *parts):
        raw = part.encode() if isinstance(part, str) else part
        code.update(len(raw).to_bytes(8, "big") + raw)
    return uuid_of(code.digest())


def plain(resource: Json) -> Json:
    """What a resource says, without id and what the server writes in meta."""
    said = {name: value for name, value in resource.items() if name not in {"id", "meta"}}
    meta = resource.get("meta")
    if isinstance(meta, dict):
        meta = {name: value for name, value in meta.items() if name not in _SET_BY_SERVER}
    return said if not meta else {**said, "meta": meta}


def _digest(value: Any) -> bytes:
    return hashlib.sha256(codec.encode(_ordered(value))).digest()


def _ordered(value: Any) -> Any:
    """The value in one of the many ways in which it can be written: 7.0 is 7, and members are in order."""
    match value:
        case dict():
            return {name: _ordered(value[name]) for name in sorted(value)}
        case list():
            return [_ordered(each) for each in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else value.normalize()
        case _:
            return value


def posted_ids(context: Context, act: Act, entries: Iterable[Entry], links: Links) -> dict[int, str]:
    """The ids, by entry, of the responses of ours that a transaction posts, and of what it creates with any of ours.

    With them is what they refer to by an entry's fullUrl, what refers to them so, and so on. Ids of
    the Bundle do not count: the same session sent under other fullUrls is the same.
    """
    by_index = {entry.index: entry for entry in entries}
    ours = {index: entry for index, entry in by_index.items() if _writes_one_of_ours(entry)}
    if not ours:
        return {}
    posts = {index: entry for index, entry in by_index.items() if _is_post(entry)}
    by_entry: dict[int, list[Link]] = {}
    for link in links.links:
        if link.target is not None and link.slot.entry in posts.keys() | ours.keys():
            by_entry.setdefault(link.slot.entry, []).append(link)
    digests = _digests(posts, by_entry, by_index)
    ids = {
        index: _id_of_response(context, act, entry.body, digests[index])
        for index, entry in ours.items()
        if index in posts
    }
    for group in _groups(posts | ours, by_entry):
        responses = sorted(ids.get(index) or _address(ours[index]) for index in group if index in ours)
        if responses:
            others = [posts[index] for index in group if index not in ours]
            ids |= _ids_of_others(context, act, responses, others, digests)
    return ids


def _writes_one_of_ours(entry: Entry) -> bool:
    return entry.method in {"POST", "PUT"} and _is_response_of_ours(entry.target.type, entry.body)


def _is_post(entry: Entry) -> bool:
    return entry.method == "POST" and entry.resource is not None


def _ids_of_others(
    context: Context,
    act: Act,
    responses: Sequence[str],
    others: Sequence[Entry],
    digests: Mapping[int, bytes],
) -> dict[int, str]:
    """The ids of what is created with these responses; not of what a condition may find there already."""
    ids = {}
    alike: Counter[bytes] = Counter()
    for entry in others:
        if entry.criteria is None:
            digest = digests[entry.index]
            number = alike[digest]
            alike[digest] += 1
            ids[entry.index] = _id(
                context, act, "brought", *responses, entry.target.type, digest, str(number)
            )
    return ids


def _digests(
    posts: Mapping[int, Entry], by_entry: Mapping[int, Sequence[Link]], entries: Mapping[int, Entry]
) -> dict[int, bytes]:
    """What tells the content of each entry from others, where its links lead included."""
    alone = {index: _unlinked(entry, by_entry.get(index, ())) for index, entry in posts.items()}
    found = alone
    for _ in range(_STEPS):
        found = {index: _joined(own, by_entry.get(index, ()), found, entries) for index, own in alone.items()}
    return found


def _unlinked(entry: Entry, links: Sequence[Link]) -> bytes:
    """The digest of an entry's content without where its links lead."""
    for link in links:
        link.slot.fill("")
    digest = _digest(plain(entry.body))
    for link in links:
        link.slot.fill(link.slot.text)
    return digest


def _joined(
    own: bytes, links: Sequence[Link], digests: Mapping[int, bytes], entries: Mapping[int, Entry]
) -> bytes:
    """The digest of an entry's content and of what its links lead to, as far as that is known by `digests`."""
    if not links:
        return own
    joined = hashlib.sha256(own)
    for link in sorted(links, key=lambda link: str(link.slot.trail)):
        target = entries[0 if link.target is None else link.target]
        joined.update(str(link.slot.trail).encode() + bytes([link.versioned]))
        is_new = target.index in digests and target.criteria is None
        joined.update(digests[target.index] if is_new else _address(target).encode())
    return joined.digest()


def _address(entry: Entry) -> str:
    """What an entry is about that names it, or says which is meant: whatever it says of it."""
    return f"{entry.target.type}/{entry.target.id}?{entry.criteria or ''}"


def _groups(posts: Mapping[int, Entry], by_entry: Mapping[int, Sequence[Link]]) -> list[list[int]]:
    """The entries that links join to each other, by whatever way, in order."""
    neighbours: dict[int, set[int]] = {index: set() for index in posts}
    for index, links in by_entry.items():
        for link in links:
            if link.target is not None and link.target in neighbours:
                neighbours[index].add(link.target)
                neighbours[link.target].add(index)
    groups = []
    seen: set[int] = set()
    for start in posts:
        group, waiting = set[int](), [start]
        while waiting:
            index = waiting.pop()
            if index not in seen:
                seen.add(index)
                group.add(index)
                waiting += neighbours[index]
        if group:
            groups.append(sorted(group))
    return groups

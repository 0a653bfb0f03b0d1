"""Comparing what two services said, as far as it may tell anything: all but the seals of pages' links."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.agreement.asking import Said
from tests.agreement.masks import neutral

Json = dict[str, Any]

_HEADERS = ("etag", "last-modified", "location", "content-type")


def told(said: Said) -> tuple[int, Any, Any]:
    """What an answer tells: its status, its headers and its content."""
    headers = tuple(said.headers.get(name) for name in _HEADERS)
    media = said.headers.get("content-type", "")
    return said.status, headers, neutral(_content(said.json)) if "json" in media else said.body


def _content(document: Any) -> Any:
    """The document with the seals taken out of its links, and of those of Bundles in it."""
    if isinstance(document, dict):
        shown = {name: _content(value) for name, value in document.items()}
        if document.get("resourceType") == "Bundle" and "link" in document:
            shown["link"] = [(link["relation"], _unsealed(link["url"])) for link in document["link"]]
        return shown
    return [_content(each) for each in document] if isinstance(document, list) else document


def _unsealed(url: str) -> Any:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return parts.path, [(name, "sealed" if name.startswith("_page") else value) for name, value in pairs]


def next_of(said: Said) -> str | None:
    """The address of the next page, if there is one."""
    if "json" not in said.headers.get("content-type", "") or said.status != 200:
        return None
    for link in said.json.get("link", ()):
        if link["relation"] == "next":
            return str(link["url"])
    return None


def shown(said: Said) -> list[Json]:
    """The resources that an answer shows, however deep they stand."""
    return list(_resources(said.json)) if "json" in said.headers.get("content-type", "") else []


def _resources(value: Any) -> Any:
    if isinstance(value, dict):
        if "resourceType" in value and "id" in value:
            yield value
        for each in value.values():
            yield from _resources(each)
    elif isinstance(value, list):
        for each in value:
            yield from _resources(each)


def difference(one: Any, other: Any, place: str = "") -> str:
    """Where two answers differ first, and what stands there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            if one.get(name) != other.get(name):
                return difference(one.get(name), other.get(name), f"{place}.{name}")
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            place = f"{place} ({len(one)} and {len(other)})"
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            if left != right:
                return difference(left, right, f"{place}[{index}]")
    return f"{place}: {str(one)[:300]} | {str(other)[:300]}"

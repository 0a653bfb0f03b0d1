"""The record of the clinic of `searched.py`, as a client asks it of a real server of two workers."""

from __future__ import annotations

import httpx


class Clinic:
    """The clinic's record as a client asks it."""

    def __init__(self, http: httpx.Client):
        self.http = http

    def get(self, path, *pairs, **headers):
        return self.http.get(path, params=list(pairs) or None, headers=headers)

    def bundle(self, path, *pairs, **headers):
        answer = self.get(path, *pairs, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, path, *pairs, **headers):
        """The ids of the matches in their order."""
        return shown(self.bundle(path, *pairs, **headers))

    def found(self, path, *pairs):
        return set(self.ids(path, *pairs))

    def follow(self, url, relation):
        """The matches of that page and of all in the direction of the relation, a list for each page."""
        pages = []
        while url is not None:
            page = self.bundle(url)
            pages.append(shown(page))
            url = links(page).get(relation)
        return pages


def shown(bundle, mode="match"):
    return [one["resource"]["id"] for one in bundle.get("entry", []) if one["search"]["mode"] == mode]


def links(bundle):
    return {link["relation"]: link["url"] for link in bundle["link"]}


def outcome(bundle):
    """The issues of the outcome in a searchset."""
    told = [one["resource"] for one in bundle.get("entry", []) if one["search"]["mode"] == "outcome"]
    return [issue for one in told for issue in one["issue"]]

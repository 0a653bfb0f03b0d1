"""The searches of docs/interactions/search.md, run as they stand against a fresh sandbox, give the answers printed there."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.documented.test_readme import ADDRESS, pattern
from tests.rest.serving import ROOT, serving

PAGE = (ROOT / "docs" / "interactions" / "search.md").read_text()
SEARCHES = re.findall(r"\*\*(\d)\. .*?```sh\n(.*?)```\n\n```json\n(.*?)\n```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("search")
    with serving(folder, f"sqlite:///{folder / 'thrive.db'}", "--sandbox") as server:
        yield server.url


def test_there_are_five():
    assert [number for number, _, _ in SEARCHES] == ["1", "2", "3", "4", "5"]


@pytest.mark.slow
def test_the_five_searches_give_the_answers_printed(address: str):
    for number, command, printed in SEARCHES:
        asked = command.replace(ADDRESS, address)
        answer = subprocess.run(
            ["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        answer = answer.replace(address, ADDRESS)
        assert re.fullmatch(pattern(printed), answer), f"search {number} answered {answer}"


@pytest.mark.slow
def test_the_next_page_begins_where_the_first_ended(address: str):
    """What the first example promises, followed to its end and back."""
    command = SEARCHES[0][1].replace(ADDRESS, address)
    seen: list[list[str]] = []
    following = "next"
    while True:
        answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
        seen.append(re.findall(r'"fullUrl":"[^"]*/Observation/([^"]+)"', answer))
        found = re.search(rf'"relation":"{following}","url":"([^"]+)"', answer)
        if found is None and following == "next":
            following = "previous"
            found = re.search(r'"relation":"previous","url":"([^"]+)"', answer)
        if found is None:
            break
        command = f"curl -s '{found[1]}'"
    there = seen[: len(seen) // 2 + 1]
    assert seen[len(there) :] == there[-2::-1]
    shown = [id_ for page in there for id_ in page]
    assert len(shown) == len(set(shown)) > 4

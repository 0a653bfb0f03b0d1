"""The README's requests, run as they stand against a fresh sandbox, give the answers printed there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.rest.serving import ROOT, serving

README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8080"
REQUESTS = re.findall(r"\*\*(\d)\. .*?```sh\n(.*?)```\n\n```json\n(.*?)\n```", README, re.DOTALL)


def pattern(printed: str) -> str:
    """A regular expression of the printed answer, in which … stands for anything."""
    return ".*?".join(re.escape(part) for part in printed.split("…"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("readme")
    with serving(folder, f"sqlite:///{folder / 'thrive.db'}", "--sandbox") as server:
        yield server.url


def test_there_are_six():
    assert [number for number, _, _ in REQUESTS] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.slow
def test_the_six_requests_give_the_answers_printed(address: str):
    for number, command, printed in REQUESTS:
        asked = command.replace(ADDRESS, address)
        answer = subprocess.run(
            ["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        answer = answer.replace(address, ADDRESS)
        assert re.fullmatch(pattern(printed), answer), f"request {number} answered {answer}"


def test_every_page_it_names_is_there():
    pages = re.findall(r"\]\(([^)#]+)\)", README)
    assert pages
    for page in pages:
        assert (ROOT / Path(page)).exists(), page

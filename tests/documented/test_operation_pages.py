"""The requests of the pages on operations, run as they stand against a fresh sandbox, give the answers printed there."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.documented.test_readme import ADDRESS, pattern
from tests.rest.serving import ROOT, serving

FOLDER = ROOT / "docs" / "operations"
# Those of terminology and validation say what R4 says, and only what differs.
WITHOUT_EXAMPLE = {"expand", "lookup", "subsumes", "validate", "validate-code"}
PAGES = sorted({path.stem for path in FOLDER.glob("*.md")} - WITHOUT_EXAMPLE)
EXAMPLES = [
    pytest.param(command, printed, id=f"{page}-{number}")
    for page in PAGES
    for number, (command, printed) in enumerate(
        re.findall(
            r"```sh\n(.*?)```\n\n```(?:json|csv|xml|text)\n(.*?)\n```",
            (FOLDER / f"{page}.md").read_text(),
            re.DOTALL,
        ),
        start=1,
    )
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("operations")
    with serving(folder, f"sqlite:///{folder / 'thrive.db'}", "--sandbox") as server:
        yield server.url


def test_every_page_has_an_example():
    assert {example.id.rpartition("-")[0] for example in EXAMPLES} == set(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "printed"), EXAMPLES)
def test_an_example_gives_the_answer_printed(address, command, printed):
    asked = command.replace(ADDRESS, address)
    answer = subprocess.run(
        ["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace(address, ADDRESS)
    # Rows end with the end of a line.
    assert re.fullmatch(pattern(printed), answer.removesuffix("\n")), answer

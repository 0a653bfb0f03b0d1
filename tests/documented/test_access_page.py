"""docs/access.md, run as it stands: keys, registration, sign-in, and the file of issuers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.access import assertions, fetching, tokens
from service.access.issuer_file import _OF_AGENCY, _OF_ISSUER, read_issuers
from service.access.keys import ALGORITHMS, SHORTEST_RSA
from service.access.refusing import Error
from service.fhir.search.asked import Setting
from service.storage.open import migrate
from tests.rest.serving import ROOT, command, serving

PAGE = (ROOT / "docs" / "access.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
BASE = "https://fhir.example"


def blocks(kind: str) -> list[str]:
    return [text for of, text in BLOCKS if of == kind]


@pytest.mark.slow
def test_the_page_works_as_it_stands(tmp_path: Path):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make the page's key with")
    make_key, register, configuration, others = blocks("sh")
    subprocess.run(["bash", "-ec", make_key], cwd=tmp_path, check=True, capture_output=True)
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    arguments = (
        register.replace("\\\n", " ")
        .removeprefix("thrive-fhir ")
        .replace("public.pem", str(tmp_path / "public.pem"))
    )
    said = command(*shlex.split(arguments), database_url=url).stdout
    assert "epr-north" in said
    with serving(tmp_path, url, "--workers", "2") as server:
        [script] = blocks("python")
        shown = _python(script.replace(BASE, server.url), tmp_path)
        assert shown == blocks("text")[0]
        token = _python(script.replace(BASE, server.url) + 'print(answer["access_token"])', tmp_path).split()[
            -1
        ]
        document = json.loads(_bash(configuration.replace(BASE, server.url), tmp_path))
        assert document["token_endpoint"] == f"{server.url}/auth/token"
        asked, called_back = others.replace(BASE, server.url).splitlines()
        assert json.loads(_bash(f"TOKEN={token}\n{asked}", tmp_path))["active"] is True
        assert json.loads(_bash(f"TOKEN={token}\n{called_back}", tmp_path)) == {}
        time.sleep(tokens.FRESH * 1.2)
        assert json.loads(_bash(f"TOKEN={token}\n{asked}", tmp_path))["error"] == "invalid_client"
        assert token not in server.said()


def _python(script: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def _bash(line: str, folder: Path) -> str:
    return subprocess.run(
        ["bash", "-ec", line], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_its_file_of_issuers_is_one(registry):
    [text] = blocks("json")
    [issuer] = read_issuers(text.encode(), Setting(registry, f"{BASE}/fhir", 0))
    assert {each.agency for each in issuer.agencies.values()} == {"camhs-north", "school-west"}


def test_it_names_every_member_of_that_file():
    told = PAGE[PAGE.index("## Tokens of others") :]
    for name in _OF_ISSUER | _OF_AGENCY:
        assert f"`{name}`" in told, name


def test_its_numbers_are_ours():
    for said in (
        f"at most {assertions.LONGEST} seconds ahead",
        f"Clocks may differ by {assertions.SKEW} seconds",
        f"RSA key of {SHORTEST_RSA} bits",
        f"at most every {fetching.PAUSE:.0f} seconds",
        f"every {fetching.FRESH / 60:.0f} minutes in any case",
        f"count for {fetching.STALE / 60:.0f} minutes",
        f"no more than {fetching.LARGEST // 1024} KiB",
        f"bearer {tokens.LIFETIME} ",
    ):
        assert said in PAGE, said
    assert tokens.FRESH == 1


def test_it_names_every_algorithm_and_every_error():
    assert f"one of {', '.join(ALGORITHMS)}," in PAGE
    for error in Error.__args__:
        assert f"| `{error}` |" in PAGE, error

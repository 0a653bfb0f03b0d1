"""What is compiled does what its sources do: the same lines, many of them broken, come to the same refusals and rows."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from scripts.compile_layers import ASKED
from tests.compilers import compiles
from tests.rest.serving import ROOT

pytestmark = [pytest.mark.slow, compiles, pytest.mark.timeout(900)]
PATIENTS = 25


def run(*arguments: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_compiled_and_pure_refuse_and_store_alike(tmp_path):
    run(
        *[
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-build-isolation",
            "-w",
        ],
        *(tmp_path, ROOT),
        **{ASKED: "1"},
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "compiled")
    cohort = tmp_path / "cohort.ndjson"
    run("-m", "service.cli", "sandbox", f"--patients={PATIENTS}", f"--output={cohort}", PYTHONPATH=str(ROOT))
    program = ROOT / "tests" / "agreement" / "compiled_alike.py"
    said = {}
    for name, path in (("pure", str(ROOT)), ("compiled", f"{tmp_path / 'compiled'}{os.pathsep}{ROOT}")):
        url = f"sqlite:///{tmp_path / name}.db"
        said[name] = run(program, cohort, url, PYTHONPATH=path).splitlines()
    kinds = {name: lines.pop(0) for name, lines in said.items()}
    assert kinds == {"pure": ".py", "compiled": ".so"}
    assert len(said["pure"]) > 10
    assert said["compiled"] == said["pure"]

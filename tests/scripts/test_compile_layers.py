from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from scripts.compile_layers import ASKED, CompiledLayers
from tests.compilers import compiles
from tests.rest.serving import ROOT

WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
MODULES = WHEEL["hooks"]["custom"]["modules"]


def hook(root, *modules: str) -> CompiledLayers:
    return CompiledLayers(str(root), {"modules": list(modules)}, None, None, str(root), "wheel")


def test_each_module_that_is_compiled_is_there_and_stands_once_in_order():
    assert sorted(set(MODULES)) == MODULES
    assert [module for module in MODULES if not (ROOT / module).is_file()] == []


@pytest.mark.parametrize(("asked", "version"), [(None, "standard"), ("0", "standard"), ("1", "editable")])
def test_nothing_is_compiled_unasked_or_beside_sources(asked, version, tmp_path, monkeypatch):
    monkeypatch.delenv(ASKED, raising=False)
    if asked is not None:
        monkeypatch.setenv(ASKED, asked)
    data = {"force_include": {}}
    made = hook(tmp_path, "not/there.py")
    made.initialize(version, data)
    made.finalize(version, data, "")
    assert data == {"force_include": {}}


@pytest.mark.slow
@compiles
def test_what_is_compiled_lies_in_the_wheel_where_its_source_does(tmp_path):
    package = tmp_path / "goals"
    package.mkdir()
    for name in ("__init__", "scores"):
        (package / f"{name}.py").write_text("def least() -> int:\n    return 0\n")
    # In a process of its own: mypyc and setuptools change what others find.
    program = (
        "import pathlib; from tests.scripts.test_compile_layers import hook; data = {'force_include': {}}; "
        f"made = hook({str(tmp_path)!r}, 'goals/scores.py'); made.initialize('standard', data); "
        "print(data['pure_python'], data['infer_tag'], *data['force_include'].values()); "
        "there = [pathlib.Path(path) for path in data['force_include']]; print(all(path.is_file() for path in there)); "
        "made.finalize('standard', data, ''); print(any(path.is_file() for path in there))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", ASKED: "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    what, there, after = done.stdout.splitlines()[-3:]
    pure, tagged, *names = what.split(" ")
    assert (pure, tagged, there, after) == ("False", "True", "True", "False")
    module, library = sorted(name.partition(".")[0] for name in names)
    assert (module, library) == ("goals/scores", "thrive_fhir__mypyc")
    assert list(package.glob("*.so")) == []

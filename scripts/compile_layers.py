"""The build's hook that has the hot layers compiled: wheels made with THRIVE_COMPILE=1 contain them, others do not.

Their sources stay in the wheel beside what was made of them. An editable install is never compiled: what stands
beside sources that are edited would be older than they are. The modules are listed in pyproject.toml.

Source: ADR 0029, https://hatch.pypa.io/latest/plugins/build-hook/custom/, https://mypyc.readthedocs.io
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASKED: Final = "THRIVE_COMPILE"
NAME: Final = "thrive_fhir"
"""Of the one library that holds what was compiled: Python finds it beside the package, with `__mypyc` behind."""
OPTIMISED: Final = "1"
"""How much a C compiler is to optimise: 2 takes two fifths longer, and gives nothing that was measured."""


class CompiledLayers(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel where that is asked for."""

    _made: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles; what was made lies outside the sources until the wheel is written.

        Raises:
            SystemExit: what is to be compiled has faults, or there is no C compiler.
        """
        if version == "editable" or os.environ.get(ASKED) != "1":  # noqa: TID251 - of the build, no setting of the service
            return
        self._made = Path(tempfile.mkdtemp(prefix="thrive-compile-"))
        libraries = self._made / "libraries"
        compile_modules(Path(self.root), self.config["modules"], self._made, libraries)
        found = sorted(path for path in libraries.rglob("*") if path.is_file())
        build_data["force_include"].update({str(path): str(path.relative_to(libraries)) for path in found})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - as hatchling calls it
        """Removes what is in the wheel now."""
        if self._made is not None:
            shutil.rmtree(self._made)


def compile_modules(root: Path, modules: Sequence[str], work: Path, libraries: Path) -> None:
    """Compiles modules (paths below `root`) into `libraries`, where each lies as in the package.

    Raises:
        SystemExit: they have faults of types, or there is no C compiler.
    """
    # Not at the top: who makes a pure wheel needs none of it.
    mypyc = importlib.import_module("mypyc.build")
    setuptools = importlib.import_module("setuptools")
    commands = importlib.import_module("setuptools.command.build_ext")
    with contextlib.chdir(root):
        extensions = mypyc.mypycify(
            ["--cache-dir", str(work / "types"), *modules],
            opt_level=OPTIMISED,
            debug_level="0",
            multi_file=True,
            target_dir=str(work / "c"),
            group_name=NAME,
        )
        command = commands.build_ext(setuptools.Distribution({"name": NAME, "ext_modules": extensions}))
        command.build_lib, command.build_temp = str(libraries), str(work / "objects")
        command.ensure_finalized()
        command.run()

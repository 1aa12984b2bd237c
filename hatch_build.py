"""Puts the keeper into a wheel: compiled, static, under the key of the sources beside it.

That takes x86_64 Linux, rustc and a static libc. Elsewhere the wheel is pure, and the keeper is
compiled on the machine that needs it.
"""

import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# A static program needs no libc, of whatever kind and age.
TAG = "py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64"
SECONDS = 300


class KeeperHook(BuildHookInterface):
    """Compiles in a temporary folder, which goes when the wheel is written."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="evolve-keeper-")
        recipe = _recipe(Path(self.root))
        program = Path(self._folder.name) / recipe.PROGRAM
        missing = _what_is_missing(recipe, program)
        if missing:
            self.app.display_warning(f"a pure wheel, without a compiled keeper: {missing}")
            return
        program.chmod(0o755)
        place = recipe.shipped().relative_to(self.root)
        build_data["force_include"][str(program)] = str(place)
        build_data["pure_python"] = False
        build_data["tag"] = TAG

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _recipe(root: Path) -> ModuleType:
    """The module alone: the package needs more than there is where a wheel is built."""
    place = root / "evolve_ai" / "colony" / "keeper_recipe.py"
    spec = importlib.util.spec_from_file_location("keeper_recipe", place)
    assert spec is not None
    assert spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    return recipe


def _what_is_missing(recipe: ModuleType, program: Path) -> str:
    """Why the keeper cannot be compiled, or "" when it was."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"this is {sys.platform} on {platform.machine()}"
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            recipe.command(program),
            cwd=program.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no rustc works here: {error}"
    if done.returncode:
        return f"rustc: {next(iter(done.stderr.splitlines()), done.returncode)}"
    return ""

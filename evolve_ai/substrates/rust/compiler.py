"""Owns how cargo is called to build: which one, in which box, within which limits."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.sandbox import Box, Confinement
from evolve_ai.model.settings import GIB, BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.cargo import build_argv
from evolve_ai.substrates.rust.toolchain import (
    Toolchain,
    build_environment,
    cargo_home,
    configuration_files,
)
from evolve_ai.system.box import NOT_STARTED, TOO_MANY, box_argv
from evolve_ai.system.commands import Completed, Limits, run_command
from evolve_ai.system.leftovers import started_by_us

# Compilers, linkers, and what they load. Nix keeps all of it in its store.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache")
_THREADS = 256  # of one process
_DESCRIPTORS = 4096
FILE_BYTES = 4 * GIB
# Each core has a rustc, and that a linker of three processes.
PROCESSES = max(256, 8 * (os.cpu_count() or 1))


class Compiler:
    """Cargo for one project. `tools` and `confine` are asked when a build begins."""

    def __init__(self, tools: Callable[[], Toolchain], confine: Confine, settings: BuildSettings):
        self.tools = tools
        self.memory = settings.memory_bytes
        self.limits = Limits(settings.timeout, settings.silence)
        self._confine = confine

    def build(
        self,
        area: BuildArea,
        package: str,
        hear: Callable[[bytes], None],
        seconds: float = math.inf,
    ) -> Completed:
        """Compile one package of the area. ToolchainError when no box can be made for it."""
        tools, confinement = self.tools(), self._confine()
        argv = box_argv(
            confinement.program,
            build_box(tools, confinement, area, os.environ),
            build_argv(tools.cargo, package),
            processes=PROCESSES,
            memory=self.memory,
            file_bytes=FILE_BYTES,
            descriptors=_DESCRIPTORS,
        )
        area.make_room()
        done = run_command(
            argv,
            cwd=area.folder,
            env={
                **build_environment(os.environ),
                **tools.variables(),
                **area.variables(),
                **started_by_us(),
            },
            limits=replace(self.limits, total=min(seconds, self.limits.total)),
            on_line=hear,
        )
        _raise_if_box(done, area.folder)
        return done


def build_box(
    tools: Toolchain, confinement: Confinement, area: BuildArea, environ: Mapping[str, str]
) -> Box:
    """What a build may touch: compilers, the sources laid out for it, and one folder to write in.

    Where there are crates, their build scripts are compiled there and run.
    """
    crates = (cargo_home(environ) / "registry",) if area.has_crates else ()
    scripts = (area.target,) if area.has_crates else ()
    configuration = (*configuration_files(area.folder, environ), *crates)
    return Box(
        readable=(*area.sources(), *(path for path in configuration if os.access(path, os.R_OK))),
        executable=(*map(Path, _SYSTEM), tools.sysroot, *confinement.readable, *scripts),
        writable=(area.target,),
        threads=_THREADS,
        lifted=confinement.lifted,
    )


def _raise_if_box(done: Completed, where: Path) -> None:
    if done.code not in (NOT_STARTED, TOO_MANY):
        return
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        what = line.removeprefix("evolve-keeper: ")
        if what != line and done.code == NOT_STARTED:
            todo = "see what `evolve doctor` says of the sandbox"
            raise ToolchainError(
                f"no compiler is run without its box: {what}", where=where, todo=todo
            )
        if what != line:
            todo = "see which crate of the template starts so many (a build script, a macro)"
            raise ToolchainError(f"the build was ended: {what}", where=where, todo=todo)

"""Calls cargo to build: which one, in which box, within which limits."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.sandbox import EVERYTHING, Box, Confinement
from evolve_ai.model.settings import GIB, BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.cargo import build_argv, control_argv
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.own_home import CWD, cargo_home
from evolve_ai.substrates.rust.toolchain import Toolchain, build_environment
from evolve_ai.system import bubblewrap
from evolve_ai.system.box import box_argv
from evolve_ai.system.boxed_command import Verdict, run_boxed
from evolve_ai.system.commands import Completed, Ending, Limits
from evolve_ai.system.leftovers import started_by_us
from evolve_ai.system.refusals import refusal

# Compilers, linkers, and what they load. Nix keeps all of it in its store.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache")
_PAUSES = (0.0, 0.5, 2.0)  # seconds before each trial
_CONTROL_SECONDS = 60.0
_THREADS = 256  # of one process
_DESCRIPTORS = 1024
FILE_BYTES = 4 * GIB
# Each core has a rustc, and that a linker of three processes.
PROCESSES = max(256, 8 * (os.cpu_count() or 1))
ALL_THREADS = 16 * PROCESSES  # a machine has room for 32,768 by default


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
        """Compile one package of the area. ToolchainError when no box can be made for it, or the
        box has ended it; MachineError when the machine refuses it what it needs; LeftBehindError
        when a process of it cannot be ended."""
        tools = self.tools()
        area.target.make_ready()
        argv = build_argv(tools.cargo, area.folder / MANIFEST, package)
        return self._run(argv, tools, area, hear, seconds)

    def works(self, area: BuildArea) -> bool:
        """Can a program of one line be compiled and linked, in the same box? Tried again after a
        while, for others may have taken for a moment what there is."""
        tools = self.tools()
        for pause in _PAUSES:
            time.sleep(pause)
            area.target.make_ready()
            argv = control_argv(tools.rustc, area.control())
            done = self._run(argv, tools, area, lambda line: None, _CONTROL_SECONDS)
            if done.ending is Ending.EXITED and done.code == 0:
                return True
        return False

    def _run(
        self,
        command: Sequence[str],
        tools: Toolchain,
        area: BuildArea,
        hear: Callable[[bytes], None],
        seconds: float,
    ) -> Completed:
        confinement = self._confine()
        done, verdict = run_boxed(
            lambda status: self._boxed(command, tools, confinement, area, status),
            cwd=CWD,
            env={
                **build_environment(os.environ),
                **tools.variables(),
                **area.variables(),
                **started_by_us(area.folder),
            },
            limits=replace(self.limits, total=min(seconds, self.limits.total)),
            on_line=hear,
        )
        _raise_if_box(verdict, area.folder)
        return done

    def _boxed(
        self,
        command: Sequence[str],
        tools: Toolchain,
        confinement: Confinement,
        area: BuildArea,
        status: int,
    ) -> tuple[str, ...]:
        box = build_box(tools, confinement, area, os.environ)
        argv = box_argv(
            confinement.program,
            box,
            command,
            processes=PROCESSES,
            all_threads=ALL_THREADS,
            memory=self.memory,
            file_bytes=FILE_BYTES,
            descriptors=_DESCRIPTORS,
            status=status,
        )
        if confinement.bwrap is None:
            return argv
        seen = (confinement.program, *box.readable, *box.executable)
        words = bubblewrap.around(confinement.bwrap, CWD, seen, box.writable)
        # bwrap ends at the first signal, and what it started lives on: somebody watches it, too.
        return box_argv(confinement.program, Box(lifted=EVERYTHING), (*words, *argv))


def build_box(
    tools: Toolchain, confinement: Confinement, area: BuildArea, environ: Mapping[str, str]
) -> Box:
    """What a build may touch: compilers, the sources laid out for it, and one folder to write in.

    Where there are crates, their build scripts are compiled there and run.
    """
    crates = (cargo_home(environ) / "registry",) if area.has_crates else ()
    scripts = (area.target.folder,) if area.has_crates else ()
    return Box(
        readable=(*area.sources(), *(path for path in crates if os.access(path, os.R_OK))),
        executable=(*map(Path, _SYSTEM), tools.sysroot, *confinement.readable, *scripts),
        writable=(area.target.folder,),
        threads=_THREADS,
        lifted=confinement.lifted,
    )


def _raise_if_box(verdict: Verdict, where: Path) -> None:
    if verdict.failed:
        if refused := refusal(verdict.failed, what="no compiler can be run", where=where):
            raise refused
        raise ToolchainError(
            f"no compiler is run without its box: {verdict.failed}",
            where=where,
            todo="see what `evolve doctor` says of the sandbox",
        )
    if verdict.limit:
        raise ToolchainError(
            f"the build was ended: {verdict.limit}",
            where=where,
            todo="see which crate of the template starts so many (a build script, a macro)",
        )
    if verdict.lost:
        raise ToolchainError(
            "the build was ended, since those who watch over it were ended from outside",
            where=where,
            todo="see who ends processes here (for want of memory the kernel does: `dmesg` tells)",
        )

"""Builds the programs of a task that is a Cargo package: many together, or each alone."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evolve_ai.contracts.program_builder import Built
from evolve_ai.contracts.substrate import Confine
from evolve_ai.model.candidate import Sources, genome_of, hash_of, program_digest
from evolve_ai.model.errors import TaskError, ToolchainError
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.settings import BuildSettings
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.substrates.rust.compiler import FILE_BYTES, Compiler
from evolve_ai.substrates.rust.crates import CRATES, CrateStore
from evolve_ai.substrates.rust.dependencies import dependencies_of
from evolve_ai.substrates.rust.lock import LOCK, Member, lock_of
from evolve_ai.substrates.rust.machine import (
    crashed,
    is_starved,
    raise_if_disk,
    starved_error,
)
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.target import MAX_PROGRAM, Target
from evolve_ai.substrates.rust.task_area import PACKAGE, TaskArea
from evolve_ai.substrates.rust.task_package import read_package
from evolve_ai.substrates.rust.task_report import TaskReport, rendered
from evolve_ai.substrates.rust.task_store import TaskStore
from evolve_ai.substrates.rust.task_together import TogetherBuild
from evolve_ai.substrates.rust.toolchain import Toolchain, find_toolchain, toolchain_line
from evolve_ai.system.commands import Completed, Ending
from evolve_ai.system.files import read_regular, storage_errors
from evolve_ai.system.leftovers import end_orphans
from evolve_ai.system.refusals import refusal

FOLDER = "cargo"  # in the workspace
_MOST_BYTES = 4 * 1024 * 1024  # of a fixed file that programs may be compiled with
_FORMAT = 1
_ALONE, _TOGETHER = "alone", "together"  # in FOLDER


@dataclass(frozen=True, slots=True)
class TaskBuild:
    """What is built: the files of a task, the crates that it may have with their versions, and how
    many programs are compiled together, at most."""

    files: TaskFiles
    crates: Mapping[str, str]
    together: int


class CargoBuilder:
    """Satisfies contracts.program_builder.ProgramBuilder, over one workspace."""

    def __init__(
        self,
        asked: TaskBuild,
        workspace: Path,
        confine: Confine,
        settings: BuildSettings | None = None,
    ):
        """TaskError for a task that cannot be built."""
        files = asked.files
        self.most = max(1, asked.together)
        self._home = workspace.absolute() / FOLDER
        self._crates = workspace.absolute() / CRATES
        contents = {path: files.contents[code] for path, code in files.fixed.items()}
        _check(files)
        both = {**contents, **files.initial}
        self._package = read_package(contents[MANIFEST], frozenset(both), asked.crates)
        self._seed = contents.get(LOCK)
        self._fixed = {
            path: data
            for path, data in contents.items()
            if len(data) <= _MOST_BYTES and not path.startswith(".")
        }
        self._initial = files.initial
        self._compiler = Compiler(self._tools, confine, settings or BuildSettings())
        self._found: Toolchain | None = None
        self._target = Target(self._home / "target")
        self._built_at = 0.0

    def prepare(self) -> None:
        """End compilers that a killed run has left, find the toolchain, and fetch crates the first
        time. ToolchainError."""
        for name in (_ALONE, _TOGETHER):
            end_orphans(self._home / name / PACKAGE)
        _ = self._lock

    def build(self, programs: Sequence[Sources]) -> Sequence[Built | Fault]:
        keys = [self._key(one) for one in programs]
        found: dict[str, Built | Fault] = {}
        missing: dict[str, Sources] = {}
        for key, sources in zip(keys, programs, strict=True):
            data = self._store.find(key)
            if data is None:
                missing[key] = sources
            else:
                found[key] = Built(hash_of(data), data)
        if missing:
            self._forget_the_future()
            found |= self._made(missing)
        return [found[key] for key in keys]

    def _made(self, missing: Mapping[str, Sources]) -> dict[str, Built | Fault]:
        found: dict[str, Built | Fault] = {}
        if len(missing) > 1 and self._together is not None:
            found |= self._together.build(missing)
        for key, sources in missing.items():
            if key not in found:
                found[key] = self._alone_built(sources)
        for key, one in found.items():
            if isinstance(one, Built):
                self._store.add(key, one.data)
        return found

    # What is the same for all programs.

    def _tools(self) -> Toolchain:
        if self._found is None:
            with storage_errors(self._home):
                self._home.mkdir(parents=True, exist_ok=True)
            self._found = find_toolchain(self._home.parent)
        return self._found

    @cached_property
    def _lock(self) -> bytes:
        """The Cargo.lock of the package. Crates are fetched the first time."""
        package, lock = self._package, None
        if dependencies_of(package.manifest):
            crates = CrateStore(self._crates, self._compiler.limits, self._tools)
            lock = crates.lock(package.manifest, self._seed)
            assert lock is not None
            crates.require({MANIFEST: package.manifest, LOCK: lock})
        return lock_of(lock, {package.name: Member(package.version)})

    @cached_property
    def _base(self) -> str:
        """What every program depends on."""
        files = {path: hash_of(data) for path, data in self._fixed.items()}
        line = toolchain_line(self._tools())
        told = [_FORMAT, line, files, self._package.manifest.decode(), hash_of(self._lock)]
        return json.dumps([*told, self.most > 1], sort_keys=True)

    def _key(self, sources: Sources) -> str:
        return hash_of(f"{self._base}\n{program_digest(genome_of(sources))}".encode())

    @cached_property
    def _store(self) -> TaskStore:
        return TaskStore(self._home / "programs")

    @cached_property
    def _alone(self) -> TaskArea:
        return self._area(_ALONE, self._package.manifest)

    @cached_property
    def _together(self) -> TogetherBuild | None:
        package = self._package
        if self.most < 2 or not TogetherBuild.suits(package, self._initial, self._fixed):
            return None
        area = self._area(_TOGETHER, package.with_main(TogetherBuild.MAIN))
        return TogetherBuild(package, area, self._compiler, self._fixed, self.program_of)

    def _area(self, name: str, manifest: bytes) -> TaskArea:
        fixed = {**self._fixed, MANIFEST: manifest, LOCK: self._lock}
        crates = bool(dependencies_of(manifest))
        return TaskArea(self._home / name, self._target, fixed, crates)

    def _forget_the_future(self) -> None:
        """Cargo compares times; after a step back of the clock it would take old for new."""
        now = time.time()
        if now < self._built_at:
            self._target.empty()
        self._built_at = now

    # One program.

    def _alone_built(self, sources: Sources, again: bool = False) -> Built | Fault:
        area, package = self._alone, self._package
        area.lay(sources)
        report = TaskReport(package.name)
        done = self._compiler.build(area, package.name, report.hear)
        if report.torn and not again:
            self._target.empty()
            return self._alone_built(sources, again=True)
        if report.program is not None and done.ending is Ending.EXITED and done.code == 0:
            data = self.program_of(report)
            return Built(hash_of(data), data)
        return self._blamed(report, done)

    def program_of(self, report: TaskReport) -> bytes:
        assert report.program is not None
        return read_regular(self._target.made(report.program), MAX_PROGRAM)

    def _blamed(self, report: TaskReport, done: Completed) -> Fault:
        """What is wrong with a program, unless the machine or a crate is to blame."""
        area, stderr = self._alone, done.stderr.decode("utf-8", "replace")
        told = "\n".join([stderr, *report.elsewhere, *(one.rendered for one in report.errors)])
        raise_if_disk(told, area.folder, FILE_BYTES)
        if done.ending is not Ending.EXITED:
            words = f"not compiled within {done.seconds:.0f} s ({done.ending})"
            return Fault(Cause.TIMEOUT, words)
        refused = refusal(told, what="no compiler can be run", where=area.folder)
        if (refused or is_starved(told) or not report.errors) and not self._compiler.works(area):
            raise refused or starved_error(self._compiler.memory, area.folder)
        if report.elsewhere:
            raise ToolchainError(
                f"a crate of the task does not compile: {report.elsewhere[0][:600]}",
                where=area.folder,
                todo="see Cargo.toml and [crates] of task.toml",
            )
        if not report.errors:
            if "error: " in stderr and "could not compile" not in stderr:
                raise ToolchainError(f"cargo failed: {stderr[-600:].strip()}", where=area.folder)
            return Fault(Cause.BUILD, crashed(told, FILE_BYTES), {"compiler": stderr[-4096:]})
        errors = report.errors
        return Fault(Cause.BUILD, errors[0].sentence(), {"compiler": rendered(errors)})


def _check(files: TaskFiles) -> None:
    for name in (MANIFEST, LOCK):
        if name in files.initial:
            raise TaskError(
                f"program.files: {name} is one of the files that may change",
                todo="let program.files name only the program: src/**/*.rs",
            )
    if MANIFEST not in files.fixed:
        raise TaskError(
            f'evaluate.build = "cargo", and there is no {MANIFEST} in the folder',
            todo="make one (cargo init), or compile in the evaluator",
        )

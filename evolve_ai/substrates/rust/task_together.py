"""Builds many programs of a task as one, again without those that have errors."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from evolve_ai.contracts.program_builder import Built
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.substrates.rust import together
from evolve_ai.substrates.rust.compiler import Compiler
from evolve_ai.substrates.rust.machine import is_starved
from evolve_ai.substrates.rust.task_area import TaskArea
from evolve_ai.substrates.rust.task_package import TaskPackage
from evolve_ai.substrates.rust.task_report import PlacedError, TaskReport, rendered
from evolve_ai.system.commands import Completed, Ending

_PASSES = 8  # an error may hide those of other programs
# Where impls of others in the crate may be why: E0119 conflicts, E0282 to E0284 what is ambiguous.
_OF_NEIGHBOURS = frozenset({"E0119", "E0282", "E0283", "E0284", "E0790"})
_MODULES = re.compile(rb"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", re.MULTILINE)

Made = dict[str, Built | Fault]


class TogetherBuild:
    """Over one area. What it does not answer for is to be built alone."""

    MAIN = together.MAIN

    def __init__(
        self,
        package: TaskPackage,
        area: TaskArea,
        compiler: Compiler,
        fixed: Sources,
        program_of: Callable[[TaskReport], bytes],
    ):
        self._package, self._area, self._compiler = package, area, compiler
        self._program_of = program_of
        self._shared = dict(_modules_of(package, fixed, fixed.get(package.main, b"")))

    @staticmethod
    def suits(package: TaskPackage, initial: Sources, fixed: Sources) -> bool:
        """Not where more than the program's own modules may change: its library, other files."""
        main = PurePosixPath(package.main)
        if not package.may_be_together or main.name != "main.rs" or package.edition == "2015":
            return False
        if not all(PurePosixPath(path).is_relative_to(main.parent) for path in initial):
            return False
        if package.library in initial or not all(path.endswith(".rs") for path in initial):
            return False
        library = fixed.get(package.library, b"")
        of_library = _MODULES.findall(library)
        tops = {_top(path, main.parent).encode() for path in initial}
        return b"#[path" not in library and not tops & set(of_library)

    def build(self, programs: Mapping[str, Sources]) -> Made:
        """Verdicts by key, of those programs for which there is one."""
        keys = dict(enumerate(programs))
        files = {n: {**self._shared, **programs[key]} for n, key in keys.items()}
        main = self._package.main
        left: dict[int, Sources] = {n: one for n, one in files.items() if together.fits(one, main)}
        found: Made = {}
        for _ in range(_PASSES):
            if len(left) < 2:
                return found
            report, done = self._run(left)
            if done.ending is not Ending.EXITED:
                return found
            if done.code == 0:
                return found | {keys[n]: one for n, one in self._linked(report, left).items()}
            told = [*report.elsewhere, *(one.rendered for one in report.errors)]
            by_number = _by_number(report.errors)
            if None in by_number or not by_number or report.elsewhere or any(map(is_starved, told)):
                return found
            for number, errors in by_number.items():
                assert number is not None
                if self._is_sure(errors, left.pop(number)):
                    found[keys[number]] = self._fault(errors)
        return found

    def _run(self, left: Mapping[int, Sources]) -> tuple[TaskReport, Completed]:
        """Code is only made of what has no errors, so a run with errors is quick."""
        self._area.lay(together.laid_out(left, self._package.main))
        report = TaskReport(self._package.name)
        return report, self._compiler.build(self._area, self._package.name, report.hear)

    def _is_sure(self, errors: Iterable[PlacedError], sources: Sources) -> bool:
        """Would it fail alone with this very error?"""
        lines = sources[self._package.main].count(b"\n") + 1
        for one in errors:
            is_main = PurePosixPath(one.file).name == "main.rs"
            if one.code in _OF_NEIGHBOURS or (is_main and one.line > lines):
                return False
        return True

    def _fault(self, errors: list[PlacedError]) -> Fault:
        main = self._package.main
        told = {"compiler": together.as_alone(rendered(errors), main)}
        return Fault(Cause.BUILD, together.as_alone(errors[0].sentence(), main), told)

    def _linked(self, report: TaskReport, left: Mapping[int, Sources]) -> dict[int, Built]:
        """The program of each."""
        if report.program is None:
            return {}
        program = self._program_of(report)
        found: dict[int, Built] = {}
        for number, sources in left.items():
            data = together.calling(program, number, sources, self._package.main)
            if data is not None:
                found[number] = Built(hash_of(data), data)
        return found


def _by_number(errors: Iterable[PlacedError]) -> dict[int | None, list[PlacedError]]:
    found: dict[int | None, list[PlacedError]] = {}
    for one in errors:
        found.setdefault(together.number_of(one.file), []).append(one)
    return found


def _modules_of(package: TaskPackage, fixed: Sources, main: bytes) -> Sources:
    """The fixed Rust files of the program, without those of the library alone."""
    home = PurePosixPath(package.main).parent
    of_library = {name.decode() for name in _MODULES.findall(fixed.get(package.library, b""))}
    of_library -= {name.decode() for name in _MODULES.findall(main)}
    return {
        path: data
        for path, data in fixed.items()
        if path.endswith(".rs")
        and path != package.library
        and PurePosixPath(path).is_relative_to(home)
        and _top(path, home) not in of_library
    }


def _top(path: str, home: PurePosixPath) -> str:
    return PurePosixPath(path).relative_to(home).parts[0].removesuffix(".rs")

"""Makes one batch: units in, one binary with all their genes out, and what failed with reasons."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.errors import TemplateError, ToolchainError
from evolve_ai.model.report import BuildProgress
from evolve_ai.substrates.rust.area import BATCH, BuildArea, row_of_line
from evolve_ai.substrates.rust.cargo import (
    CargoReport,
    first_error,
    not_compiled,
    said_of_no_place,
)
from evolve_ai.substrates.rust.compiler import FILE_BYTES, Compiler
from evolve_ai.substrates.rust.machine import (
    crashed,
    ending,
    is_starved,
    raise_if_disk,
    starved,
    starved_error,
)
from evolve_ai.substrates.rust.plan import Gene, Wiring
from evolve_ai.substrates.rust.units import Unit, module_of, path_of
from evolve_ai.system.commands import Completed, Ending
from evolve_ai.system.leftovers import end_orphans
from evolve_ai.system.refusals import refusal

_UNIT_SECONDS = 120.0  # for one unit compiled alone, after it was part of a batch that hung

Hearing = Callable[[CargoReport], None]


@dataclass(slots=True)
class Outcome:
    """`units` and `genes` are what the binary holds, the genes by row. Reasons are sentences."""

    program: Path | None = None
    units: tuple[str, ...] = ()
    genes: tuple[Gene, ...] = ()
    failed_units: dict[str, str] = field(default_factory=dict)  # for good: the compiler says so
    stuck_units: dict[str, str] = field(default_factory=dict)  # for now: it hung or crashed
    failed_genes: dict[Gene, str] = field(default_factory=dict)

    def blame(self, wiring: Wiring) -> str | None:
        """Why this wiring cannot be built: its first failed unit by path, or a failed call."""
        broken = {**self.stuck_units, **self.failed_units}
        if not wiring.needs.isdisjoint(broken):
            for path, _ in sorted(wiring.files):
                unit = wiring.units[module_of(path)]
                if unit.name in broken:
                    return broken[unit.name]
            return next(broken[name] for name in sorted(wiring.needs) if name in broken)
        if self.failed_genes:
            return next(
                (self.failed_genes[g] for g in wiring.genes() if g in self.failed_genes), None
            )
        return None

    def is_outside(self, wiring: Wiring) -> bool:
        """Is it only for what the machine did to a compiler that this wiring is not built?"""
        return wiring.needs.isdisjoint(self.failed_units) and not wiring.needs.isdisjoint(
            self.stuck_units
        )

    def sound(self, units: Iterable[Unit]) -> list[Unit]:
        """Those that nothing is known against, nor against what they need."""
        broken = self.stuck_units.keys() | self.failed_units.keys()
        return [unit for unit in units if unit.needs.isdisjoint(broken)]


class BatchBuild:
    """Runs cargo as often as it takes to leave out exactly what cannot be built."""

    def __init__(self, area: BuildArea, code: Callable[[str], bytes], compiler: Compiler):
        self._area = area
        self._code = code
        self._compiler = compiler
        self._cleaned = False

    def run(
        self,
        wirings: Iterable[Wiring],
        units: Mapping[str, Unit],
        genes: Mapping[str, Sequence[Gene]],
        known: Outcome,
        progress: Progress | None,
    ) -> Outcome:
        """Make one binary of all sound units, as long as a wiring asks for it.

        `units` are all that the wirings need, and more if it is foreseen that they will be needed;
        `genes` those of each unit; `known` what failed before. Returns `known`, with the rest.

        Raises ToolchainError, MachineError, TemplateError (the kernel does not compile) or
        StorageError.
        """
        self._end_orphans()
        if self._area.seal.is_broken():
            self._area.clean()
        self._outcome = known
        left = [wiring for wiring in wirings if known.blame(wiring) is None]
        while left and known.program is None:
            sound = known.sound(units.values())
            rows = sorted({gene for unit in sound for gene in genes[unit.name]})
            hearing = _hearing(sound, len(left), progress) if progress else None
            self._attempt(sound, [g for g in rows if g not in known.failed_genes], hearing)
            left = [wiring for wiring in left if known.blame(wiring) is None]
        return known

    def _attempt(self, units: list[Unit], genes: list[Gene], hearing: Hearing | None) -> None:
        self._area.write(units, self._code, genes)
        self._area.forget_batch()
        report, done = self._cargo(BATCH, hearing)
        if done.ending is Ending.EXITED and done.code == 0 and report.program is not None:
            self._outcome.program = self._area.target.made(report.program)
            self._outcome.units = tuple(unit.name for unit in units)
            self._outcome.genes = tuple(genes)
            return
        self._raise_if_ours(report, done)
        learned = not report.torn and self._learn(report, done, units, genes)
        if not learned and self._cleaned:
            self._raise_if_refused(said_of_no_place(report, done), again=True)
            error = first_error(report, done.stderr.decode("utf-8", "replace"))
            raise ToolchainError(
                f"cargo failed ({ending(done.code)}), and not because of a gene: {error}",
                where=self._area.folder,
                todo="evolve doctor builds a program of one line, and says what is missing",
            )
        if not learned:
            self._area.clean()  # a torn file from before a power cut looks like this
            self._cleaned = True

    def _cargo(
        self, package: str, hearing: Hearing | None = None, seconds: float = math.inf
    ) -> tuple[CargoReport, Completed]:
        report = CargoReport()

        def hear(line: bytes) -> None:
            report.hear(line)
            if hearing is not None:
                hearing(report)

        done = self._compiler.build(self._area, package, hear, seconds)
        self._area.seal.renew()
        return report, done

    def _end_orphans(self) -> None:
        """No compiler that is left from before may write where the next one does."""
        left = end_orphans(self._area.folder)
        if left:
            raise ToolchainError(
                f"process {left[0].pid}, left from an earlier build, cannot be ended",
                where=self._area.folder,
                todo="see what it waits for (a disk?), then run again",
            )

    def _raise_if_ours(self, report: CargoReport, done: Completed) -> None:
        """Failures that no gene is to blame for."""
        told, kernel = said_of_no_place(report, done), self._area.kernel
        raise_if_disk(told, self._area.folder, FILE_BYTES)
        if is_starved(told) and _uncompiled(done) & {kernel, BATCH}:
            raise starved_error(self._compiler.memory, self._area.folder)
        if _uncompiled(done) & {kernel, BATCH} or not _uncompiled(done):
            self._raise_if_refused(told)
        reason = report.reason(kernel)
        if reason is not None:
            where, _, what = reason.partition(": ")
            raise TemplateError(
                f"the kernel does not compile: {what}", where=where, todo="mend the template"
            )
        if done.ending is not Ending.EXITED and kernel not in report.made:
            raise ToolchainError(
                f"cargo was ended by its {done.ending} after {done.seconds:.0f} s",
                where=self._area.folder,
                todo="see whether another cargo holds its lock; try `cargo build` there",
            )

    def _raise_if_refused(self, told: str, *, again: bool = False) -> bool:
        """MachineError where the machine lets no compiler run; whether it did so just now.

        Others may have taken for a moment what there is: a small program that has nothing to do
        with agents is compiled, too, and what was refused then is tried once more.
        """
        if is_starved(told):  # its own limit, as a rule
            return False
        refused = refusal(told, what="no compiler can be run", where=self._area.folder)
        if refused is not None and (again or not self._compiler.works(self._area)):
            raise refused
        return refused is not None

    def _learn(
        self,
        report: CargoReport,
        done: Completed,
        needed: list[Unit],
        table: Sequence[Gene],
    ) -> bool:
        """Note whom this failed run is to blame on; False if it led nowhere."""
        reasons = {unit.name: report.reason(unit.name) for unit in needed}
        known = {name: reason for name, reason in reasons.items() if reason is not None}
        self._outcome.failed_units.update(known)
        genes = _failed_genes(report, table)
        self._outcome.failed_genes.update(genes)
        late = done.ending is not Ending.EXITED
        silent = {unit.name for unit in needed} - report.made if late else _uncompiled(done)
        suspects = [unit for unit in needed if unit.name in silent - known.keys()]
        suspects.sort(key=lambda unit: len(unit.needs))
        stuck = [unit for unit in suspects if self._is_stuck(unit)]
        return bool(known or genes or stuck or (late and suspects))

    def _is_stuck(self, unit: Unit, *, again: bool = False) -> bool:
        """Compile a suspected unit alone: the verdict is not to depend on its neighbours.

        MachineError where the machine refuses its compiler what it needs, `again`.
        """
        if unit.needs & {*self._outcome.failed_units, *self._outcome.stuck_units}:
            return True
        report, done = self._cargo(unit.name, seconds=_UNIT_SECONDS)
        reason = report.reason(unit.name)
        path = path_of(unit.members[0][0])
        if reason is not None:
            self._outcome.failed_units[unit.name] = reason
        elif done.ending is not Ending.EXITED and unit.needs - report.made <= {unit.name}:
            limit = f"{done.seconds:.0f} s ({done.ending})"
            self._outcome.stuck_units[unit.name] = f"{path}:1: the compiler took over {limit}"
        elif unit.name in _uncompiled(done):
            told = said_of_no_place(report, done)
            raise_if_disk(told, self._area.folder, FILE_BYTES)
            if self._raise_if_refused(told, again=again):
                return self._is_stuck(unit, again=True)
            self._outcome.stuck_units[unit.name] = f"{path}:1: {self._crash(unit, report, done)}"
        else:
            return False
        return True

    def _crash(self, unit: Unit, report: CargoReport, done: Completed) -> str:
        """What became of a compiler that ended without an error in this unit."""
        told = said_of_no_place(report, done)
        if is_starved(told):
            return starved(self._compiler.memory)
        errors = report.errors.get(unit.name)
        return errors[0].text if errors else crashed(told, FILE_BYTES)


def _hearing(units: Iterable[Unit], wirings: int, progress: Progress) -> Hearing:
    """Tells of progress whenever cargo has said something; cargo names fresh crates too."""
    names = frozenset(unit.name for unit in units)

    def hearing(report: CargoReport) -> None:
        progress(BuildProgress(len(report.made & names), len(names), wirings))

    hearing(CargoReport())
    return hearing


def _failed_genes(report: CargoReport, genes: Sequence[Gene]) -> dict[Gene, str]:
    """Genes that the table cannot name, or whose type is not that of a gene."""
    found: dict[Gene, str] = {}
    for error in report.errors.get(BATCH, ()):
        row = row_of_line(error.line)
        if error.file == "src/main.rs" and 0 <= row < len(genes):
            found.setdefault(genes[row], f"src/main.rs: {genes[row][1]}: {error.text}")
    return found


def _uncompiled(done: Completed) -> set[str]:
    return not_compiled(done.stderr.decode("utf-8", "replace"))

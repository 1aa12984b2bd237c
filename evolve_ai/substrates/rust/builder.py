"""Owns building: requests in, one verdict each out, every distinct program made at most once."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import StorageError
from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool, Program, SourceReport
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.batch import BatchBuild, Wiring
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.substrates.rust.store import DEFAULT_LIMIT, ProgramStore
from evolve_ai.substrates.rust.units import Unit, UnitPlanner, module_of
from evolve_ai.system.commands import Limits
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import publish

DEFAULT_LIMITS = Limits(total=600.0, silence=180.0)
MAX_FAILURES_KEPT = 4096


class RustBuilder:
    """A builder over one workspace and one template. Satisfies contracts.substrate.Builder."""

    def __init__(
        self,
        workspace: Path,
        pool: GenePool,
        toolchain: Callable[[], str],
        *,
        store_limit: int = DEFAULT_LIMIT,
        limits: Limits = DEFAULT_LIMITS,
    ):
        workspace = workspace.resolve()  # programs are started from other folders
        self.sources = ContentStore(workspace / "store" / "sources")
        for code in pool.code.values():
            self.sources.put(code)
        self.programs = ProgramStore(workspace / "store" / "programs", store_limit)
        self._pool = pool
        self._folder = workspace / "build"
        self._failures = _Failures(self._folder / "failed")
        self._intact: set[str] = set()  # sources verified in this run
        self._stuck: dict[str, str] = {}  # for this run only: a busy machine may be to blame
        self._toolchain = toolchain
        self._limits = limits
        self._report = lru_cache(maxsize=65536)(self._read_report)

    def ready(self, fingerprints: Sequence[str]) -> Mapping[str, Program]:
        return self.programs.find(fingerprints)

    def build(
        self,
        requests: Sequence[BuildRequest],
        progress: Callable[[int, int, str], None] | None = None,
    ) -> tuple[BuildVerdict, ...]:
        """One verdict for each request, in order.

        Raises ToolchainError (no cargo, or it fails by itself), TemplateError (the kernel does
        not compile) and StorageError (the disk is full).
        """
        stored = self.programs.find({request.fingerprint for request in requests})
        missing = {one.fingerprint: one for one in requests if one.fingerprint not in stored}
        made, faults = self._make(missing, progress) if missing else ({}, {})
        return tuple(
            BuildVerdict(
                agent=request.agent,
                fingerprint=request.fingerprint,
                program=stored.get(request.fingerprint) or made.get(request.fingerprint),
                fault=faults.get(request.fingerprint),
                reused=request.fingerprint in stored,
            )
            for request in requests
        )

    def prune(self, needed: Sequence[str]) -> int:
        """Drop programs beyond the size limit that are not needed; returns how many batches."""
        if self._folder.is_dir():
            self._area().prune()
        self._failures.prune()
        return self.programs.prune(needed)

    def _make(
        self,
        missing: Mapping[str, BuildRequest],
        progress: Callable[[int, int, str], None] | None,
    ) -> tuple[Mapping[str, Program], dict[str, Fault]]:
        """Programs and faults by fingerprint."""
        planner = UnitPlanner(self._base(), self._report)
        faults: dict[str, Fault] = {}
        wirings = []
        for request in missing.values():
            found = self._wiring(request, planner)
            if isinstance(found, Fault):
                faults[request.fingerprint] = found
            else:
                wirings.append(found)
        outcome_of = BatchBuild(self._area(), self._code, self._limits)
        units = planner.units()
        known = {**self._stuck, **self._failures.of(units)}
        outcome = outcome_of.run(wirings, units, known, progress)
        self._failures.keep(outcome.failed_units, known)
        self._stuck.update(outcome.stuck_units)
        for wiring in wirings:
            reason = outcome.blame(wiring)
            if reason is not None:
                faults[wiring.fingerprint] = Fault(Cause.BUILD, reason)
        if outcome.program is None:
            return {}, faults
        return self.programs.add(outcome.program, outcome.rows), faults

    def _wiring(self, request: BuildRequest, planner: UnitPlanner) -> Wiring | Fault:
        """What to build, or why it is not even tried."""
        files = dict(request.files)
        genes: set[str] = set()
        for path, code in request.files:
            if not self._is_kept(code):
                reason = f"{path}: its code ({code[:12]}…) is not in the store"
                return Fault(Cause.BUILD, reason)
            report = self._report(path, code)
            fault = _source_fault(report) or _missing_use(report, files)
            if fault is not None:
                return fault
            genes.update(f"{module_of(path)}::{name}" for name in report.genes)
        for call in request.calls:
            if call not in genes:
                reason = f"src/main.rs: `{call}` is no gene of an active file"
                return Fault(Cause.BUILD, reason)
        return Wiring(
            request.fingerprint, request.calls, request.files, planner.plan(request.files)
        )

    def _area(self) -> BuildArea:
        return BuildArea(self._folder, self._pool, self._base())

    def _base(self) -> str:
        """What every crate depends on: kernel, edition, profile, toolchain."""
        text = f"{self._pool.fixed_hash}\n{self._toolchain()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _is_kept(self, code: str) -> bool:
        """Is this source here and intact? Read once in a run."""
        if code not in self._intact and self._find(code) is not None:
            self._intact.add(code)
        return code in self._intact

    def _find(self, code: str) -> bytes | None:
        data = self.sources.get(code)
        if data is None and code in self._pool.code:
            data = self._pool.code[code]
            self.sources.put(data)
        return data

    def _code(self, code: str) -> bytes:
        data = self._find(code)
        if data is None:
            where = self.sources.folder
            raise StorageError(f"source {code} is gone", where=where, todo="run again")
        return data

    def _read_report(self, path: str, code: str) -> SourceReport:
        return read_source(path, self._code(code))


class _Failures:
    """Units that the compiler refused, so that it is not asked again. One small file each."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[str, str | None] = {}

    def of(self, units: Mapping[str, Unit]) -> dict[str, str]:
        for name in units:
            if name not in self._known:
                self._known[name] = self._read(name)
        return {name: reason for name in units if (reason := self._known[name])}

    def keep(self, failed: Mapping[str, str], known: Mapping[str, str]) -> None:
        for name, reason in failed.items():
            if name not in known:
                publish(self._folder / name, reason.encode())
                self._known[name] = reason

    def prune(self) -> None:
        kept = list(self._folder.glob("*"))
        if len(kept) > MAX_FAILURES_KEPT:
            kept.sort(key=lambda path: path.stat().st_mtime_ns)
            for path in kept[:-MAX_FAILURES_KEPT]:
                path.unlink(missing_ok=True)

    def _read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text("utf-8", "replace") or None
        except FileNotFoundError:
            return None


def _source_fault(report: SourceReport) -> Fault | None:
    error = report.syntax_error or report.audit_error
    if error is None:
        return None
    line, _, reason = error.removeprefix("line ").partition(": ")
    cause = Cause.BUILD if report.syntax_error else Cause.AUDIT
    return Fault(cause, f"{report.path}:{line}: {reason}")


def _missing_use(report: SourceReport, files: Mapping[str, str]) -> Fault | None:
    for module in report.uses:
        if f"src/genes/{module}.rs" not in files:
            reason = f"{report.path} uses crate::genes::{module}, which is not active"
            return Fault(Cause.BUILD, reason)
    return None

"""Builds: requests in, one verdict each out, no unit and no program made twice."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.errors import EvolveError, StorageError
from evolve_ai.model.report import (
    BuildProgress,
    BuildRequest,
    BuildVerdict,
    Explanation,
    GenePool,
    Program,
    SourceReport,
)
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.batch import BatchBuild, Outcome
from evolve_ai.substrates.rust.compiler import Compiler
from evolve_ai.substrates.rust.crates import CRATES, CrateStore
from evolve_ai.substrates.rust.dependencies import crate_roots
from evolve_ai.substrates.rust.explain import explain_fault, explain_wiring
from evolve_ai.substrates.rust.failures import Failures
from evolve_ai.substrates.rust.fingerprint import Ingredients, hashed, ingredients
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.plan import Gene, Plan, Wiring, plan
from evolve_ai.substrates.rust.policy import Policy
from evolve_ai.substrates.rust.profile import rust_flags
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.substrates.rust.store import ProgramStore
from evolve_ai.substrates.rust.stored_batch import Origin
from evolve_ai.substrates.rust.units import Unit, UnitPlanner, path_of
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.leftovers import end_orphans
from evolve_ai.system.project import KEY

DEFAULTS = BuildSettings()
COMPACTION = 4  # batches in use hold so many times the units that the living need


class RustBuilder:
    """A builder over one workspace and one template. Satisfies contracts.substrate.Builder.

    Gene code is compiled once for each distinct file; all of it that is in use goes into one
    binary, a batch. A program is a batch and an argument that says which of its genes to call.
    """

    def __init__(
        self,
        workspace: Path,
        pool: GenePool,
        made_with: Callable[[], Ingredients],
        compiler: Compiler | None,
        settings: BuildSettings = DEFAULTS,
        *,
        check: Callable[[], None] = lambda: None,
        tidy: bool = True,
        policy: Policy | None = None,
    ):
        workspace = workspace.resolve()  # programs are started from other folders
        self.sources = ContentStore(workspace / "store" / "sources", tidy=tidy)
        self._policy = policy or Policy(crate_roots(pool.manifests[MANIFEST]))
        self.programs = ProgramStore(
            workspace / "store" / "programs",
            settings.store_bytes,
            workspace / KEY,
            self._policy.hash,
            tidy=tidy,
        )
        self._pool = pool
        self._folder = workspace / "build"
        self._failures = Failures(self._folder / "failed")
        self._stuck: dict[str, str] = {}  # in this run: a busy machine may be to blame
        self._made_with = made_with
        self._check = check  # raises ToolchainError if that no longer holds
        self._compiler = compiler  # None: one who only looks
        self._flags = rust_flags(settings)
        self._workspace = workspace
        self._reports: dict[tuple[str, str], SourceReport] = {
            (source.path, source.code): source for source in pool.sources
        }
        self._planned: UnitPlanner | None = None
        for code in pool.code.values() if tidy else ():
            self.sources.put(code)
        if tidy and self._folder.is_dir():
            end_orphans(self._folder)

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        return self._found(self._plan(requests).wirings.values())

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        """One verdict for each request, in order.

        Raises ToolchainError (no cargo, or it fails by itself), TemplateError (the kernel does
        not compile) and StorageError (the disk is full).
        """
        planned = self._plan(requests)
        verdicts = {one: BuildVerdict("", one, fault=why) for one, why in planned.faults.items()}
        stored = self._found(planned.wirings.values())
        for one, program in stored.items():
            verdicts[one] = BuildVerdict("", one, program, reused=True)
        altered = self._altered(w for w in planned.wirings.values() if w.fingerprint not in stored)
        verdicts |= {one: BuildVerdict("", one, fault=why) for one, why in altered.items()}
        missing = [one for one in planned.wirings.values() if one.fingerprint not in verdicts]
        if missing:
            verdicts |= self._make(missing, progress)
        return tuple(replace(verdicts[one.fingerprint], agent=one.agent) for one in requests)

    def trial(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        """As build(), but no program is kept. What a stored batch holds compiles."""
        planned = self._plan(requests)
        faults, outside = dict(planned.faults), set[str]()
        held = self.programs.holds()
        wirings = [wiring for wiring in planned.wirings.values() if not wiring.needs <= held]
        if wirings:
            outcome = self._compile(wirings, progress, keep=False)
        for wiring in wirings:
            reason = outcome.blame(wiring)
            if reason is not None:
                faults[wiring.fingerprint] = Fault(Cause.BUILD, reason)
            if outcome.is_outside(wiring):
                outside.add(wiring.fingerprint)
        return tuple(
            BuildVerdict(one.agent, key, fault=faults.get(key), outside=key in outside)
            for one in requests
            for key in (one.fingerprint,)
        )

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        wirings = self._plan(requests).wirings.values()
        for wiring in wirings:
            self._failures.forget(wiring.needs, wiring.genes())
        self.programs.forgive(wirings)

    def verify(self) -> tuple[int, Sequence[tuple[Path, str]]]:
        """Look at every batch. Those set aside count until an operator has revived."""
        count, altered = self.programs.inspect()
        return count, [(one.folder, one.reason) for one in altered]

    def explain(self, request: BuildRequest, code: Mapping[str, bytes]) -> Explanation:
        """What this program is made of, and why it is there or is not.

        `code` is what lies in the agent's folder, by SHA-256. Nothing is written.
        """
        for path, digest in request.files:
            if digest in code and (path, digest) not in self._reports:
                self._reports[path, digest] = self._read(path, code[digest])
        planned = self._plan([request])
        called = [NAMES.call(*call) for call in request.calls]
        parts = ingredients(self._pool.fixed_hash, self._made_with(), called, request.files)
        if planned.faults:
            return explain_fault(parts, planned.faults[request.fingerprint])
        wiring = planned.wirings[request.fingerprint]
        return explain_wiring(parts, wiring, self.programs, self._failures)

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        """Drop what nobody needs: batches beyond the size limit, crates long unused, old failures.

        When the living need little of the many batches they run from, that little is gathered in
        a new one first. Returns how many batches were dropped.
        """
        wirings = list(self._plan(needed).wirings.values())
        running = frozenset(running)
        dropped = self._gather(wirings, running) + self.programs.prune(wirings, running)
        if self._folder.is_dir():
            self._area().prune(self._units(wirings))
        self._failures.prune()
        self._forget_all_but(wirings)
        return dropped

    def _forget_all_but(self, wirings: Iterable[Wiring]) -> None:
        """What is remembered of sources and layouts is not to grow with history."""
        kept = {file for wiring in wirings for file in wiring.files}
        kept |= {(source.path, source.code) for source in self._pool.sources}
        self._reports = {file: self._reports[file] for file in kept}
        needed = frozenset[str]().union(*(wiring.needs for wiring in wirings))
        self._stuck = {name: why for name, why in self._stuck.items() if name in needed}
        self._planned = None

    def _gather(self, wirings: Sequence[Wiring], running: frozenset[Path]) -> int:
        """Compaction: one batch instead of several that are mostly dead."""
        before = self.programs.batches_of(wirings)
        held = sum(len(batch.units) for batch in before.values())
        if held <= COMPACTION * len(self._units(wirings)):
            return 0
        with suppress(EvolveError):  # a full disk, say; the next build tells
            self._compile(wirings, None)
        return self.programs.drop(before.keys() - self.programs.batches_of(wirings), running)

    def _make(
        self, missing: Sequence[Wiring], progress: Progress | None
    ) -> dict[str, BuildVerdict]:
        """Verdicts by fingerprint."""
        stuck = frozenset(self._stuck)
        outcome = self._compile(missing, progress)
        made = self._found(one for one in missing if outcome.blame(one) is None)
        lost = self._altered(one for one in missing if one.fingerprint not in made)
        verdicts = {}
        for wiring in missing:
            one, reason = wiring.fingerprint, outcome.blame(wiring)
            verdicts[one] = BuildVerdict(
                agent="",
                fingerprint=one,
                program=made.get(one),
                fault=Fault(Cause.BUILD, reason) if reason is not None else lost.get(one),
                reused=not wiring.needs.isdisjoint(stuck),
                outside=outcome.is_outside(wiring),
            )
        return verdicts

    def _compile(
        self, wirings: Sequence[Wiring], progress: Progress | None, *, keep: bool = True
    ) -> Outcome:
        """One batch with all that these wirings and the pool are made of, to keep in the store."""
        units = self._units(wirings)
        genes = {name: self._genes(unit) for name, unit in units.items()}
        known = Outcome(
            failed_units=self._failures.units(units),
            stuck_units={name: why for name, why in self._stuck.items() if name in units},
            failed_genes=self._failures.genes(gene for row in genes.values() for gene in row),
        )
        if all(known.blame(wiring) is not None for wiring in wirings):
            return known
        assert self._compiler is not None
        fetched = CrateStore(self._workspace / CRATES, self._compiler.limits, self._compiler.tools)
        fetched.require(self._pool.manifests)
        self._check()
        batch = BatchBuild(self._area(), self._code, self._compiler)
        outcome = batch.run(wirings, units, genes, known, progress)
        if progress is not None:
            progress(BuildProgress(len(outcome.units), len(units), len(wirings), over=True))
        self._failures.keep(outcome.failed_units, outcome.failed_genes)
        self._stuck.update(outcome.stuck_units)
        if outcome.program is not None and keep:
            self.programs.add(outcome.program, outcome.genes, self._origin(outcome, units))
        return outcome

    def _origin(self, outcome: Outcome, units: Mapping[str, Unit]) -> Origin:
        """What was linked, as it is signed. The plan has let through audited files only."""
        files = {
            name: [(path_of(module), code) for module, code in units[name].members]
            for name in outcome.units
        }
        return Origin(self._ingredients(), {self._planner.kernel: (), **files}, self._policy.hash)

    def _units(self, wirings: Iterable[Wiring]) -> dict[str, Unit]:
        """What these wirings need, and the whole pool: a mutation may call for any of it."""
        pool = self._planner.plan((source.path, source.code) for source in self._pool.sources)
        return self._planner.units(pool.needs.union(*(wiring.needs for wiring in wirings)))

    def _genes(self, unit: Unit) -> list[Gene]:
        return [
            (unit.name, f"{module}::{name}")
            for module, code in unit.members
            for name in self._reports[path_of(module), code].genes
        ]

    def _found(self, wirings: Iterable[Wiring]) -> dict[str, Program]:
        found = ((one.fingerprint, self.programs.find(one)) for one in wirings)
        return {fingerprint: program for fingerprint, program in found if program is not None}

    def _altered(self, wirings: Iterable[Wiring]) -> dict[str, Fault]:
        """What is wrong with programs that were there, by fingerprint."""
        found = ((one.fingerprint, self.programs.altered(one)) for one in wirings)
        return {fingerprint: fault for fingerprint, fault in found if fault is not None}

    def _plan(self, requests: Sequence[BuildRequest]) -> Plan:
        return plan(requests, self._planner, self._report)

    @property
    def _planner(self) -> UnitPlanner:
        if self._planned is None:
            self._planned = UnitPlanner(self._base(), self._modules)
        return self._planned

    def _modules(self, path: str, code: str) -> tuple[str, ...]:
        """Those that a gene file uses."""
        return tuple(map(NAMES.name_of, self._reports[path, code].uses))

    def _area(self) -> BuildArea:
        return BuildArea(self._folder, self._pool, self._base(), self._flags)

    def _base(self) -> str:
        """What every crate depends on: kernel, profile, toolchain, other people's crates."""
        return hashed(self._ingredients())

    def _ingredients(self) -> Ingredients:
        return (("kernel", self._pool.fixed_hash), *self._made_with())

    def _report(self, path: str, code: str) -> SourceReport | None:
        """What is known of a gene file; None if its code is neither kept nor in the pool."""
        if (path, code) not in self._reports:
            data = self._find(code)
            if data is None:
                return None
            self._reports[path, code] = self._read(path, data)
        return self._reports[path, code]

    def _read(self, path: str, data: bytes) -> SourceReport:
        return read_source(path, data, self._policy)

    def _find(self, code: str) -> bytes | None:
        return self._pool.code.get(code) or self.sources.get(code)

    def _code(self, code: str) -> bytes:
        data = self._find(code)
        if data is None:
            where = self.sources.folder
            raise StorageError(f"source {code} is gone", where=where, todo="run again")
        return data

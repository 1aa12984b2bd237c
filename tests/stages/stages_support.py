"""Owns a small population in folders, without processes, for tests of stages."""

import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.draws import Draws
from evolve_ai.model.genome import Genome, decode, encode
from evolve_ai.model.report import ScanReport
from evolve_ai.model.settings import Settings
from evolve_ai.model.variation_settings import StandardOptions
from evolve_ai.stages.agent_scan_update import Scanned, scan
from evolve_ai.stages.audit import audit
from evolve_ai.stages.birth import bear
from evolve_ai.stages.context import Context
from evolve_ai.stages.genome_sync import sync
from evolve_ai.stages.metrics import measure
from evolve_ai.stages.succession import newborn_record
from evolve_ai.stages.update import Updated, update
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.project import Project
from evolve_ai.variation.standard import StandardVariation

TEMPLATE = Path(__file__).parents[1] / "substrates" / "rust" / "fixtures" / "healthy"
SETTINGS = Settings()
VARIATION = StandardVariation(StandardOptions(likely={"speak": 0.7, "listen": 0.7}))


def context_in(root: Path, cycle: int = 1) -> Context:
    """A project with the healthy template; its code is in the store."""
    project, substrate = Project(root, SETTINGS), RustSubstrate()
    if not project.template.exists():
        shutil.copytree(TEMPLATE, project.template)
        project.agents.mkdir()
    pool = substrate.read_pool(project.template)
    for code in pool.code.values():
        ContentStore(project.sources).put(code)
    return Context(project, substrate, InlineExecutor(), Draws(7), pool, cycle)


def found(context: Context, count: int) -> tuple[Genome, ...]:
    ids = [context.draws.uuid("founder", n) for n in range(count)]
    return tuple(VARIATION.found(id, context.pool, random.Random(id)) for id in ids)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, inode and change time of every regular file."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.lstat().st_ino,
            path.lstat().st_ctime_ns,
        )
        for path in files
    }


@dataclass
class Population:
    """Agents in folders, and what a registry would know of them."""

    context: Context
    agents: dict[str, AgentRecord] = field(default_factory=dict)
    genomes: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, genomes: Iterable[Genome] | int) -> "Population":
        """Born, and looked at once."""
        context = context_in(root)
        chosen = found(context, genomes) if isinstance(genomes, int) else tuple(genomes)
        population = cls(context)
        for place, newborn in enumerate(bear(context, chosen)):
            one = newborn_record(newborn, place, place, 0, 46_000, founder=True)
            population.agents[one.id] = replace(one, state=State.RUNNING)
            population.genomes[one.id] = newborn.genome_bytes
        population.look()
        return population

    @property
    def first(self) -> str:
        return next(iter(self.agents))

    def folder(self, agent: str | None = None) -> Path:
        return self.context.project.agent(agent or self.first)

    def genome(self, agent: str | None = None) -> Genome:
        return decode(self.genomes[agent or self.first])

    def scan(self) -> Scanned:
        return scan(self.context, self.agents, {})

    def report(self) -> ScanReport:
        """The report of the only agent that has changed."""
        (report,) = self.scan().reports
        return report

    def look(self) -> Updated:
        """Scan, sync and update: the part of a cycle before the build."""
        scanned = self.scan()
        synced = sync(self.context, scanned.reports)
        reports = measure(audit(synced, scanned.sources), scanned.sources)
        updated = update(self.context, self.agents, reports, self.genomes.__getitem__)
        self.agents = dict(updated.agents)
        self.genomes |= updated.genomes
        self.context = replace(self.context, cycle=self.context.cycle + 1)
        return updated

    def write_genome(self, genome: Genome | bytes, agent: str | None = None) -> None:

        data = genome if isinstance(genome, bytes) else encode(genome)
        (self.folder(agent) / "genome.bin").write_bytes(data)

"""Owns mutation to life in free mode: a changed agent gets its new process between two ticks."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from evolve_ai.colony.colony import Colony
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.report import GenePool
from evolve_ai.pipelines.background import BackgroundBuilder
from evolve_ai.pipelines.population import Population
from evolve_ai.stages.agent_scan_update import scan
from evolve_ai.stages.audit import audit
from evolve_ai.stages.build import Built
from evolve_ai.stages.context import Context
from evolve_ai.stages.genome_sync import sync
from evolve_ai.stages.metrics import measure
from evolve_ai.stages.observe import Renewed
from evolve_ai.stages.record import changed
from evolve_ai.stages.update import Updated, update
from evolve_ai.system.watch import Watcher

_HERE = InlineExecutor()


def open_watcher(agents: Path, substrate: Substrate, pool: GenePool) -> Watcher:
    """A watcher of what a genome may name and we do not write ourselves."""
    suffixes = {PurePosixPath(source.path).suffix for source in pool.sources}
    return Watcher(agents, suffixes, substrate.wiring_files)


class Renewals:
    """Changed agents of a population, renewed at the moments when the manager has time."""

    def __init__(
        self,
        population: Population,
        colony: Colony,
        builder: BackgroundBuilder,
        watcher: Watcher,
    ):
        self._population = population
        self._colony = colony
        self._builder = builder
        self._watcher = watcher
        self._told: set[str] = set()

    def follow(self) -> None:
        """Watch exactly the living; before the scan, so that nothing is written unnoticed."""
        before = self._watcher.unwatched
        self._watcher.follow(self._population.agents)
        if self._watcher.unwatched and not before:
            self._population.notes.append(
                f"{self._watcher.unwatched} agents are looked at once a second: the system has no "
                "more inotify watches for us; raise sysctl fs.inotify.max_user_watches"
            )

    def wait(self, seconds: float) -> None:
        """Sleep, but not through what somebody writes."""
        self._watcher.wait(seconds)

    def look(self, context: Context, lived: Mapping[str, int], failed: Collection[str]) -> Renewed:
        """Renew whoever has changed or been built since; what was so far is committed.

        `lived` is the last tick of the world that an agent has answered. Who has failed waits for
        the next cycle, as after any failure.
        """
        built = self._builder.finished()
        if self._builder.prune_due:
            self._prune()
        due = built | self._watcher.changed()
        if not due:
            return Renewed()
        faults = self._colony.reap()
        known = self._population.agents
        agents = {
            agent: replace(known[agent], lived_tick=lived.get(agent, known[agent].lived_tick))
            for agent in sorted(due)
            if agent in known and agent not in failed and agent not in faults
        }
        return Renewed(self._renewed(context, agents, built), faults)

    def _prune(self) -> None:
        try:
            self._population.prune(self._builder, self._colony)
        except EvolveError as error:
            self._complain(f"old programs are not cleared away: {error}")

    def _renewed(
        self, context: Context, agents: Mapping[str, AgentRecord], built: frozenset[str]
    ) -> Mapping[str, AgentRecord]:
        """Processes as the folders want them; what it came to is committed."""
        try:
            updated, made = self._prepared(context, agents, built)
        except EvolveError as error:
            self._complain(f"changes do not come to life: {error}")
            return {}  # the next cycle meets it too, when everybody can be sent home in order
        if not updated.agents:
            return {}
        ran = self._population.run(context, updated, made, self._colony)
        before = self._population.agents
        self._population.keep(context, updated, made, ran, freely=True)
        return {record.id: record for record in changed(before, ran.agents.values())}

    def _complain(self, trouble: str) -> None:
        """Once: the cycle under way is not to tell it after every tick."""
        if trouble not in self._told:
            self._told.add(trouble)
            self._population.notes.append(trouble)

    def _prepared(
        self, context: Context, agents: Mapping[str, AgentRecord], built: frozenset[str]
    ) -> tuple[Updated, Built]:
        """scan, sync, audit, measure, update, build: for these, less those who are as before."""
        population = self._population
        if len(agents) <= context.settings.cycle.chunk:
            context = replace(context, executor=_HERE)  # sooner done than handed to a worker
        scanned = scan(context, agents, population.sources, living=len(population.agents))
        due = built.union(report.id for report in scanned.reports)
        agents = {agent: record for agent, record in agents.items() if agent in due}
        synced = sync(context, scanned.reports)
        measured = measure(audit(synced, scanned.sources), scanned.sources)
        updated = update(context, agents, measured, population.genome_bytes)
        population.sources = scanned.sources
        return updated, population.build(context, updated, self._builder)

    def close(self) -> None:
        self._builder.close()
        self._watcher.close()

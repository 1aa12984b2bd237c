"""Replaces processes of changed or waiting agents between two ticks (free mode)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.agent import AgentRecord, Fault
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.report import GenePool
from evolve_ai.modes.background import BackgroundBuilder
from evolve_ai.session.population import Population
from evolve_ai.stages.agent_scan_update import scan
from evolve_ai.stages.build import Built
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import LiveUpdate
from evolve_ai.stages.reading import synced_and_measured
from evolve_ai.stages.record import changed
from evolve_ai.stages.supervise import FINAL, crash_due, should_run
from evolve_ai.stages.update import Updated, update
from evolve_ai.system.watch import Watcher

_HERE = InlineExecutor()
_LEAST_NAP = 0.005  # seconds; an agent that is due may have to wait for others


def open_watcher(agents: Path, substrate: Substrate, pool: GenePool) -> Watcher:
    """A watcher of the files that a genome may name, and of all others that belong in a folder."""
    generated = substrate.wiring_files | pool.manifests.keys()
    fixed, ignored = pool.fixed.keys(), substrate.ignored
    return Watcher(agents, substrate.genes, generated, fixed=fixed, ignored=ignored)


class LiveUpdates:
    """Renews agents whenever the manager has time: agents that have changed, and agents whose
    waiting time for a restart is over by the `clock` (seconds)."""

    def __init__(
        self,
        population: Population,
        colony: Colony,
        builder: BackgroundBuilder,
        watcher: Watcher,
        clock: Callable[[], float],
    ):
        self._population = population
        self._colony = colony
        self._builder = builder
        self._watcher = watcher
        self._clock = clock
        self._told: set[str] = set()
        self._seen: Mapping[str, AgentRecord] = {}
        self._waiting: tuple[AgentRecord, ...] = ()  # agents in _seen that wait for a time
        self._stuck = False  # an error stops live updates until the next cycle, which may end on it
        for handle in colony.handles():
            watcher.wake_for(handle)

    def follow(self) -> None:
        """Watch exactly the living. Call it before the scan, so that no change goes unnoticed."""
        self._stuck = False
        before = self._watcher.unwatched
        self._watcher.follow(self._population.agents)
        if self._watcher.unwatched and not before:
            self._population.notes.append(
                f"{self._watcher.unwatched} agents are checked once a second: the system has no "
                "more inotify watches for us; raise sysctl fs.inotify.max_user_watches"
            )

    def wait(self, seconds: float) -> None:
        """Sleep until somebody writes, an agent dies, or one is due to restart."""
        times = [one.retry_at for one in self._who_waits() if one.retry_at is not None]
        if times and not self._stuck:
            seconds = min(seconds, max(min(times) - self._clock(), _LEAST_NAP))
        self._watcher.wait(seconds)

    def look(
        self, context: Context, lived: Mapping[str, int], faults: Mapping[str, Fault]
    ) -> LiveUpdate:
        """Judge agents that have failed; renew agents that have changed, been built or waited long
        enough; commit all of it.

        `lived` is the last tick of the world that an agent has answered.
        """
        built = self._builder.finished()
        if self._builder.prune_due:
            self._prune()
        faults = {**faults, **self._colony.reap()}
        judged = self._population.judge(context, faults) if faults else {}
        asked = built | self._restarts(context.now)
        due = asked | self._watcher.changed()
        if not due:
            return LiveUpdate(judged, frozenset(faults))
        known = self._population.agents
        agents = {
            agent: known[agent]
            if agent in judged
            else replace(known[agent], lived_tick=lived.get(agent, known[agent].lived_tick))
            for agent in sorted(due)
            if agent in known and known[agent].cause not in FINAL
        }
        renewed = self._renewed(context, agents, asked)
        return LiveUpdate({**judged, **renewed}, frozenset(faults))

    def _who_waits(self) -> tuple[AgentRecord, ...]:
        """Agents that wait for a time; cached, since there is little time between ticks."""
        known = self._population.agents
        if known is not self._seen:
            self._seen = known
            self._waiting = tuple(one for one in known.values() if one.retry_at is not None)
        programs = self._population.programs
        return tuple(one for one in self._waiting if one.fingerprint in programs)

    def _restarts(self, now: float) -> frozenset[str]:
        """The agents that are due to restart; of crashed ones only as many as the pace admits."""
        waiting = self._who_waits()
        if not waiting or self._stuck:
            return frozenset()
        programs, pace = self._population.programs, self._population.pace
        due = [one for one in waiting if should_run(one, programs, now)]
        crashed = {one.id: place for one in due if (place := crash_due(one)) is not None}
        admitted, _ = pace.admit(crashed.values(), now)
        return frozenset(one.id for one in due if one.id in admitted or one.id not in crashed)

    def _prune(self) -> None:
        try:
            self._population.prune(self._builder, self._colony)
        except EvolveError as error:
            self._complain(f"old programs cannot be removed: {error}")

    def _renewed(
        self, context: Context, agents: Mapping[str, AgentRecord], asked: frozenset[str]
    ) -> Mapping[str, AgentRecord]:
        """Commit changed folders and give their agents new processes; return what changed."""
        try:
            updated, made = self._prepared(context, agents, asked)
        except EvolveError as error:
            self._stuck = True
            self._complain(f"changes do not take effect: {error}")
            return {}  # the next cycle meets the error, too, and can stop all agents in order
        if not updated.agents:
            return {}
        ran = self._population.run(context, updated, made, self._colony)
        before = self._population.agents
        self._population.keep(context, updated, made, ran, freely=True)
        return {record.id: record for record in changed(before, ran.agents.values())}

    def _complain(self, trouble: str) -> None:
        """Note a trouble once: the same one would come back after every tick."""
        if trouble not in self._told:
            self._told.add(trouble)
            self._population.notes.append(trouble)

    def _prepared(
        self, context: Context, agents: Mapping[str, AgentRecord], asked: frozenset[str]
    ) -> tuple[Updated, Built]:
        """Do scan, sync, audit, measure, update and build for these agents, except those that are
        unchanged and not in `asked`."""
        population = self._population
        if len(agents) <= context.settings.cycle.chunk:
            context = replace(context, executor=_HERE)  # handing so few to workers takes longer
        scanned = scan(context, agents, population.sources, living=len(population.agents))
        due = asked.union(report.id for report in scanned.reports)
        agents = {agent: record for agent, record in agents.items() if agent in due}
        measured = synced_and_measured(context, scanned)
        updated = update(context, agents, measured, population.genome_bytes)
        population.sources = scanned.sources
        return updated, population.build(context, updated, self._builder)

    def close(self) -> None:
        self._builder.close()
        self._watcher.close()

"""Owns the life-cycle: the loop, and the list of verbs that a cycle is."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from evolve_ai.contracts.substrate import Builder, Progress
from evolve_ai.model.agent import AgentRecord, Fault
from evolve_ai.model.errors import NoPopulationError
from evolve_ai.model.event import Event
from evolve_ai.model.genome import decode
from evolve_ai.model.report import GenePool
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.pipelines import commands, lifetime
from evolve_ai.pipelines.background import BackgroundBuilder
from evolve_ai.pipelines.budgets import Budgets
from evolve_ai.pipelines.initiate_project import open_pool, start_energy
from evolve_ai.pipelines.parts import Parts
from evolve_ai.pipelines.population import Population
from evolve_ai.pipelines.renewal import Renewals, open_watcher
from evolve_ai.stages.agent_scan_update import scan
from evolve_ai.stages.audit import audit
from evolve_ai.stages.build import told_of_builds
from evolve_ai.stages.context import Context
from evolve_ai.stages.genome_sync import sync
from evolve_ai.stages.metrics import measure
from evolve_ai.stages.natural_selection import candidate_of, process_natural_selection
from evolve_ai.stages.observe import Observed, after_faults, nothing, observe, told_of_alarms
from evolve_ai.stages.record import (
    NO_HISTORY,
    Lived,
    Summary,
    Tally,
    Totals,
    committed,
    conclude,
)
from evolve_ai.stages.succession import Succeeded, succeed
from evolve_ai.stages.supervise import FINAL, Ran, offered
from evolve_ai.stages.update import Updated, update
from evolve_ai.state.copies import Copies
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.colony import Colony

TIDY_CYCLES = 20
SLICE = 0.1  # seconds between looks at the wish to stop, while asleep


@dataclass(frozen=True, slots=True)
class CycleReport:
    """A cycle that has been recorded, for whoever watches."""

    cycle: int
    summary: Summary
    digest: str
    taints: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what the user would want to know at once


class LifeManager:
    """A population in the hands of this process. Use as a context manager."""

    def __init__(
        self,
        parts: Parts,
        registry: Registry,
        run_id: str,
        build_progress: Progress | None = None,
    ):
        self.parts = parts
        self.registry = registry
        self.run_id = run_id
        self._build_progress = build_progress
        self._stopping = False
        self._in_step = True  # with the registry: nobody has lived what is not committed
        self._marked = False

    def __enter__(self) -> "LifeManager":
        parts, registry = self.parts, self.registry
        self.pool: GenePool = open_pool(parts, registry)
        self._pool_stamp = parts.substrate.pool_stamp(parts.project.template)
        self._builder = parts.open_builder(parts.project.workspace, self.pool)
        begun = lifetime.begin(parts, registry, self.run_id)
        self.population = Population(parts, registry, self.run_id, begun)
        self._copies = Copies(registry.path)
        self._budgets = Budgets(parts.project, self.population)
        last = registry.last_cycle()
        self.cycle, self.digest = (last[0], last[1]) if last else (0, NO_HISTORY)
        self.tick = int(last[2]["tick"]) if last else 0
        self.totals = Totals.from_json(last[2]["totals"]) if last else Totals()
        self._offers: frozenset[str] = frozenset()
        self._faults: dict[str, Fault] = {}
        self._spoke = time.monotonic()
        self.colony: Colony = lifetime.open_colony(parts, registry)
        self._background: BackgroundBuilder | None = None
        self._renewals: Renewals | None = None
        if parts.project.settings.mode == "free":
            watcher = open_watcher(parts.project.agents, parts.substrate, self.pool)
            self._background = BackgroundBuilder(
                self._builder, lambda: parts.substrate.onlooker(parts.project.workspace, self.pool)
            )
            self._renewals = Renewals(self.population, self.colony, self._background, watcher)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Also after a failure of ours agents are sent home, if they are where the registry is."""
        try:
            if self._renewals is not None:
                self._renewals.close()
            if kind is None:
                self._send_home()
            elif isinstance(error, Exception) and self._in_step:
                with suppress(Exception):  # the first failure is the one to tell
                    self._send_home()
            elif isinstance(error, Exception):
                with suppress(Exception):
                    broken = {"broken_by": " ".join(str(error).split())[:300]}
                    self.registry.commit(Batch(meta=broken), self.run_id)
        finally:
            self.colony.close()

    def _send_home(self) -> None:
        agents = self.population.agents
        lifetime.end(self.parts, self.registry, self.run_id, self.colony, agents)

    def stop(self) -> None:
        """End after the cycle that is under way. Safe to call from a signal handler."""
        self._stopping = True

    def manage_agents_lifecycle(
        self,
        cycles: int | None = None,
        seconds: float | None = None,
        watch: Callable[[CycleReport], None] | None = None,
    ) -> int:
        """Live so many cycles, or so long, or until stop(); the number of cycles lived.

        Raises NoPopulationError when nobody is alive (any more).
        """
        begun, lived = time.monotonic(), 0
        end = None if seconds is None else begun + seconds
        while not self._stopping:
            report = self.live_one_cycle()
            lived += 1
            if watch:
                watch(report)
            if lived == cycles or (end is not None and time.monotonic() >= end):
                break
            self._sleep(end)
        return lived

    def _sleep(self, end: float | None) -> None:
        """In slices, since a signal handler only sets a flag."""
        wake = time.monotonic() + self.parts.project.settings.cycle.sleep
        if end is not None:
            wake = min(wake, end)
        while not self._stopping and (left := wake - time.monotonic()) > 0:
            self._doze(min(left, SLICE))
            self._keep_in_touch()

    def _doze(self, seconds: float) -> None:
        if self._renewals is None:
            time.sleep(seconds)
            return
        self._renewals.wait(seconds)
        context = self.parts.context(self.pool, self.cycle)
        self._in_step = False
        self._faults |= self._renewals.look(context, {}, self._faults).faults
        self._in_step = True
        if self._background is not None:
            self._background.check()

    def _keep_in_touch(self) -> None:
        """An agent that hears nothing for the orphan time ends; so let it hear of us in time."""
        patience = self.parts.project.settings.supervise.orphan_seconds / 4
        if time.monotonic() - self._spoke > patience:
            self._spoke = time.monotonic()
            self._faults |= self.colony.ping()

    def live_one_cycle(self) -> CycleReport:
        """scan, sync, audit, measure, build, run, observe, select, succeed, record, notify."""
        clock = Stopwatch()
        context = self._next_context()
        population = self.population
        agents, judged = self._judge(context)
        asked = {a: record for a, record in agents.items() if record.cause not in FINAL}
        scanned = scan(context, asked, population.sources)
        clock.lap("scan")
        synced = sync(context, scanned.reports)
        clock.lap("sync")
        audited = audit(synced, scanned.sources)
        measured = measure(audited, scanned.sources)
        updated = update(context, agents, measured, self.registry.genome)
        updated = replace(updated, events=(*judged, *updated.events))
        population.sources = scanned.sources
        clock.lap("audit")
        built = population.build(context, updated, self._chosen_builder(), self._build_progress)
        clock.lap("build")
        self._leave_the_registry()
        ran = population.run(context, updated, built, self.colony)
        clock.lap("run")
        if self._renewals is not None:  # what comes in the middle of a cycle builds on this
            population.keep(context, updated, built, ran)
            updated, built, ran = committed(updated, built, ran)
        observed = self._observe(context, ran)
        clock.lap("observe")
        verdicts = self._select(context, observed)
        observed, verdicts = self._budgets.keep(context, observed, verdicts, self.colony)
        succeeded = self._succeed(context, updated, observed, verdicts)
        clock.lap("succeed")
        lived = Lived(updated, built, ran, observed, succeeded)
        return self._record(context, lived, clock.laps)

    def _judge(self, context: Context) -> tuple[Mapping[str, AgentRecord], tuple[Event, ...]]:
        """Who failed in the pause is judged before anybody starts; who ended dies in this cycle."""
        faults, self._faults = self._faults, {}
        return after_faults(context, self.population.agents, faults)

    def _next_context(self) -> Context:
        """Commands that have come in, a template that has changed: before the cycle, not in it."""
        parts = self.parts
        stamp = parts.substrate.pool_stamp(parts.project.template)
        if stamp != self._pool_stamp:
            self._pool_stamp = stamp
            self._take_pool()
        founded = commands.carry_out(parts, self.registry, self.run_id, self.cycle)
        agents = {**self.population.agents, **{record.id: record for record in founded}}
        # History must not depend on who was read from the registry and who was born in this run.
        self.population.agents = dict(sorted(agents.items(), key=lambda item: item[1].place))
        if not agents:
            raise NoPopulationError("nobody is alive here", todo="found agents: evolve init 100")
        if self._renewals is not None:
            self._renewals.follow()
        self.cycle += 1
        return parts.context(self.pool, self.cycle)

    def _leave_the_registry(self) -> None:
        """From here to the commit agents live what is not recorded: a kill then loses something."""
        if not self._marked:
            self._marked = True
            self.registry.commit(Batch(meta={"running": self.run_id}), self.run_id)
        self._in_step = False

    def _take_pool(self) -> None:
        """A template that cannot be read is told of and changes nothing; the old pool stays."""
        pool, event = lifetime.reread_pool(self.parts, self.registry, self.pool, self.cycle)
        self.population.notes += lifetime.told_of_pool(event)
        self.parts.sink.deliver(self.registry.commit(Batch(events=(event,)), self.run_id))
        if pool is not self.pool:
            self.pool = pool
            self._offers = frozenset(self.colony.running())

    def _chosen_builder(self) -> Builder:
        """In free mode nobody waits for the compiler, unless nobody lives yet."""
        if self._background is None:
            return self._builder
        self._background.finished()  # the build to come asks for all who lack a program
        self._background.check()
        alone = self._background.idle and not self.colony.running()
        return self._builder if alone else self._background

    def _observe(self, context: Context, ran: Ran) -> Observed:
        places = int(self.registry.meta("places") or 0)
        genes = float(self.registry.meta("founder_genes") or 1.0)
        environment = self.parts.world.open(places, genes)
        pool = offered(context.pool) if self._offers else []
        offers = dict.fromkeys(self._offers, pool)
        if context.settings.cycle.ticks:
            self._offers, self._spoke = frozenset(), time.monotonic()
        else:
            self._keep_in_touch()
        between = nothing
        if self._renewals is not None:
            between = partial(self._renewals.look, context)
        return observe(context, ran.agents, environment, self.colony, self.tick, offers, between)

    def _select(self, context: Context, observed: Observed) -> Verdicts:
        """Nobody is born and nobody dies while the world stands still."""
        ended = tuple(
            (record.id, str(record.cause))
            for record in observed.agents.values()
            if record.cause in FINAL
        )
        if context.settings.cycle.ticks == 0:
            return Verdicts(ended)
        economy, start = context.settings.economy, start_energy(context)
        gone = {agent for agent, _ in ended}
        view = PopulationView(
            cycle=context.cycle,
            places=int(self.registry.meta("places") or 0),
            start_energy=start,
            breeding_energy=int(economy.breeding * start),
            endowment=int(economy.endowment * start),
            age_limit=economy.age_limit,
            turnover_floor=economy.turnover_floor,
            births_share=economy.births_share,
            candidates=tuple(
                candidate_of(record) for record in observed.agents.values() if record.id not in gone
            ),
        )
        rng = context.draws.rng("select", context.cycle)
        verdicts = process_natural_selection(view, self.parts.policy, rng)
        return replace(verdicts, deaths=(*ended, *verdicts.deaths))

    def _succeed(
        self, context: Context, updated: Updated, observed: Observed, verdicts: Verdicts
    ) -> Succeeded:
        fresh = updated.genomes
        succeeded = succeed(
            context,
            observed.agents,
            verdicts,
            self.parts.variation,
            lambda agent: decode(fresh[agent]) if agent in fresh else self.population.genome(agent),
            endowment=int(context.settings.economy.endowment * start_energy(context)),
            first_number=int(self.registry.meta("numbers") or 0),
            places=int(self.registry.meta("places") or 0),
        )
        self.colony.stop([record.id for record in succeeded.dead])
        return succeeded

    def _record(self, context: Context, lived: Lived, seconds: Mapping[str, float]) -> CycleReport:
        """Commit first, tell afterwards; what can be redone after a crash comes last."""
        population = self.population
        concluded = conclude(
            context,
            population.agents,
            lived,
            self.digest,
            self.totals,
            population.tally,
            frozenset(population.memories),
            self.registry.meta("tainted") is not None,
            seconds,
        )
        recorded = self.registry.commit(concluded.batch, self.run_id)
        self._in_step = True
        population.agents, self.digest = lived.succeeded.living, concluded.digest
        self.tick, self.totals, population.tally = lived.observed.tick, concluded.totals, Tally()
        population.forget(lived.ran)
        lifetime.clear_away(self.parts.project, [r.id for r in lived.succeeded.dead])
        self.parts.sink.deliver(recorded)
        self._tidy(context.cycle)
        told = (*told_of_builds(lived.built), *told_of_alarms(lived.observed.events))
        notes, population.notes = (*population.notes, *told), []
        return CycleReport(
            context.cycle, concluded.summary, concluded.digest, concluded.taints, notes
        )

    def _tidy(self, cycle: int) -> None:
        """Now and then: a copy of the registry; programs that nobody needs and old events go."""
        self.population.notes += self._copies.keep()
        put_off = self._background is not None and self._background.prune_due
        if put_off or cycle % TIDY_CYCLES == 0:
            self.population.prune(self._background or self._builder, self.colony)
        if cycle % TIDY_CYCLES == 0:
            self.registry.forget_events(self.parts.project.settings.events.kept)


class Stopwatch:
    """Seconds that each part of a cycle took."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 6)
        self._last = now

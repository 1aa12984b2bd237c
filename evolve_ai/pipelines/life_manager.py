"""The life-cycle: the loop of cycles, and the list of verbs that makes a cycle."""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Progress
from evolve_ai.model.agent import AgentRecord, Fault
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.errors import EvolveError, NoPopulationError
from evolve_ai.model.event import Event
from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool
from evolve_ai.model.selection import Verdicts
from evolve_ai.model.tally import NO_HISTORY
from evolve_ai.modes.free import mode_of
from evolve_ai.modes.lockstep import Lockstep
from evolve_ai.operator.operator import Hear, Operator
from evolve_ai.pipelines.cycle_report import PAUSE, CycleReport, Stopwatch
from evolve_ai.pipelines.initiate_project import founder
from evolve_ai.session import session
from evolve_ai.session.background_removal import BackgroundRemoval
from evolve_ai.session.budgets import Budgets
from evolve_ai.session.components import Components
from evolve_ai.session.folders import look
from evolve_ai.session.inputs import note_inputs
from evolve_ai.session.opening import open_colonies
from evolve_ai.session.pool import open_pool
from evolve_ai.session.population import Population
from evolve_ai.session.template import Template
from evolve_ai.session.tidying import tidy
from evolve_ai.stages.context import Context
from evolve_ai.stages.natural_selection import select
from evolve_ai.stages.observe import (
    Observed,
    Surroundings,
    after_faults,
    caught_up,
    observe,
    told_of_alarms,
)
from evolve_ai.stages.reading import synced_and_measured
from evolve_ai.stages.record import conclude
from evolve_ai.stages.succession import Succeeded, succeed
from evolve_ai.stages.supervise import FINAL, offered
from evolve_ai.stages.update import update
from evolve_ai.state.copies import Copies
from evolve_ai.state.registry import Registry

SLICE = 0.1  # seconds between checks for a stop request while asleep


class LifeManager:
    """Runs the cycles of a population. Use as a context manager."""

    def __init__(
        self,
        components: Components,
        registry: Registry,
        run_id: str,
        build_progress: Progress | None = None,
        hear: Hear | None = None,
    ):
        self.components = components
        self.registry = registry
        self.run_id = run_id
        self._build_progress = build_progress
        self._hear = hear
        self._stopping = False
        self._in_step = True  # the registry is up to date with what agents have lived
        self._removal = BackgroundRemoval(components.project.agents)
        self.detaches = False  # whether agents live on at the end, for the next run

    def __enter__(self) -> "LifeManager":
        components, registry = self.components, self.registry
        pool = open_pool(components, registry)
        self._mode = Lockstep(components.builder(pool), self._build_progress)
        self._template = Template(components, registry, self.run_id, self._try)
        self._template.open(pool)
        self.colony: Colony = open_colonies(components, registry, self.run_id, lambda: self.pool)
        try:
            self._take_over()
        except BaseException:
            self._removal.close()
            self._mode.close()
            self.colony.detach()
            raise
        gc.freeze()  # long-lived objects: a collection would take 30 ms to visit them each time
        return self

    @property
    def pool(self) -> GenePool:
        return self._template.pool

    def _try(self, requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict] | None:
        return self._mode.trial(requests)

    def _take_over(self) -> None:
        components, registry = self.components, self.registry
        begun = session.begin(components, registry, self.run_id, self.pool, self.colony)
        self._clock = Stopwatch()  # from one commit of a cycle to the next
        self.population = Population(components, registry, self.run_id, begun)
        self.population.notes += note_inputs(components, registry, self.run_id, self.pool)
        self._resumes = begun.resumes
        self.population.notes += session.told_of_takeover(len(self.colony.running()))
        self._copies = Copies(registry.path)
        colonies = ColonyLayout.of_last_run(registry).colonies
        self._removal.go_on(registry)
        self._budgets = Budgets(components.project, self.population, colonies, self._removal)
        last = registry.last_cycle() or Cycle(0, NO_HISTORY, Summary())
        self.cycle, self.digest = last.number, last.digest
        self.tick, self.totals = last.summary.tick, last.summary.totals
        self._offers: frozenset[str] = frozenset()
        self._faults: dict[str, Fault] = {}
        self._spoke = time.monotonic()
        self._mode = mode_of(
            components, self._mode, self.population, self.colony, lambda: self.pool
        )
        self.operator = Operator(
            components,
            registry,
            self.run_id,
            self.population,
            self.colony,
            self._mode.builder,
            self._removal.remove,
            lambda: self.pool,
            founder(components, registry, self.run_id),
            self._hear,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Stop the agents; after an error of ours only if the registry is up to date with them.

        Otherwise they live on, so that the next run can take them over without a loss.
        """
        try:
            self._leave(kind, error)
            if kind is None:
                self._removal.finish()
            elif isinstance(error, EvolveError):
                with suppress(Exception):  # the first error is the one to report
                    self._removal.finish()
        finally:
            self._removal.close()

    def _leave(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        stays = self.detaches and kind is None
        try:
            self._mode.close()
            if kind is None and not stays:
                self._send_home()
            elif isinstance(error, Exception):
                # If no agent could be started, the keeper need not stay either.
                stays = not self._in_step and bool(self.colony.running())
                if self._in_step:
                    with suppress(Exception):  # the first error is the one to report
                        self._send_home()
        finally:
            gc.unfreeze()
            if stays:
                self.colony.detach()
            else:
                self.colony.close()

    def _send_home(self) -> None:
        """Stop all agents; judge failures in the pause first, so that none counts as running."""
        faults = {**self._faults, **self.colony.reap()}
        context = self.components.context(self.pool, self._mode.counted_in(self.cycle))
        judged = after_faults(context, self.population.agents, faults)
        before = self.population.agents
        session.end(self.components, self.registry, self.run_id, self.colony, before, *judged)

    def stop(self) -> None:
        """End after the present cycle. Safe to call from a signal handler."""
        self._stopping = True

    def manage_agents_lifecycle(
        self,
        cycles: int | None = None,
        seconds: float | None = None,
        watch: Callable[[CycleReport], None] | None = None,
    ) -> int:
        """Live so many cycles, or seconds, or until stop(); returns the number of cycles lived.

        Raises NoPopulationError when no agent is alive (any more).
        """
        end, lived, sleep = None if seconds is None else time.monotonic() + seconds, 0, 0.0
        while self._resumes or self._sleep(sleep, end):
            report = self.live_one_cycle()
            lived += 1
            if watch:
                watch(report)
            if lived == cycles or (end is not None and time.monotonic() >= end):
                break
            sleep = self.components.project.settings.cycle.sleep
        return lived

    def _sleep(self, seconds: float, end: float | None) -> bool:
        """Sleep until the next cycle is due; False if there is to be none. It sleeps in slices,
        since commands arrive meanwhile and a signal handler only sets a flag."""
        wake = min(time.monotonic() + seconds, end or math.inf)
        while not self._stopping:
            self._faults = self.operator.obey(self.cycle, self._faults)
            now = time.monotonic()
            if now >= wake and not self.operator.paused:
                self._doze(0.0)  # in free mode agents may be due: the next pause is a season away
                return True
            if end is not None and now >= end:
                return False
            self._doze(min(wake - now, SLICE) if now < wake else SLICE)
            self._keep_in_touch()
        return False

    def _doze(self, seconds: float) -> None:
        self._mode.wait(seconds)
        context = self.components.context(self.pool, self.cycle)
        self._in_step = False
        self._faults = self._mode.look(context, self._faults)
        self._in_step = True
        self._mode.check()

    def _keep_in_touch(self) -> None:
        """Ping agents in time: an agent that hears nothing for the orphan time ends itself."""
        patience = self.components.project.settings.supervise.orphan_seconds / 4
        if (now := time.monotonic()) - self._spoke > patience:
            self._spoke = now
            self._faults |= self.colony.ping()

    def live_one_cycle(self) -> CycleReport:
        """scan, sync, audit, measure, build, run, observe, select, succeed, record, notify."""
        clock = self._clock
        clock.lap(PAUSE if self._mode.begun else "begin")
        context = self._next_context()
        clock.lap("template")
        if self._resumes:  # everything before the season is on record
            self._resumes, self._in_step = False, False
        else:
            self._prepare(context, clock)
        self._mode.begin()
        observed = self._observe(context)
        clock.lap("observe")
        places = self.registry.state.places or 0
        lived = {record.id: record.lived_tick for record in observed.agents.values()}
        interleaving = self._mode.interleaving(context, lived)
        interleaving.look()
        observed = replace(observed, agents=caught_up(observed.agents, interleaving.renewed()))
        verdicts = select(context, observed.agents, self.components.policy, places)
        observed, verdicts = self._budgets.keep(context, observed, verdicts, self.colony, places)
        clock.lap("select")
        succeeded = self._succeed(interleaving.context, observed, verdicts)
        interleaving.look()
        succeeded = replace(succeeded, living=caught_up(succeeded.living, interleaving.renewed()))
        clock.lap("succeed")
        return self._record(context, observed, succeeded, clock)

    def _prepare(self, context: Context, clock: Stopwatch) -> None:
        """Do scan to run and commit the results: from there another run can go on."""
        population = self.population
        interleaving = self._mode.interleaving(context)
        agents, judged = self._judge(context)
        asked = {a: record for a, record in agents.items() if record.cause not in FINAL}
        looked = look(interleaving.context, asked, population.sources, population.genome_bytes)
        scanned, agents = looked.scanned, {**agents, **looked.agents}
        clock.lap("scan")
        measured = synced_and_measured(interleaving.context, scanned, clock.lap)
        interleaving.look()
        renewed = interleaving.renewed()  # their reports are outdated
        agents = {**agents, **renewed}
        measured = tuple(report for report in measured if report.id not in renewed)
        updated = update(context, agents, measured, self.registry.genome)
        updated = replace(updated, events=(*judged, *looked.events, *updated.events))
        population.sources = scanned.sources
        clock.lap("audit")
        built = population.build(context, updated, self._mode.cycle_builder(), self._build_progress)
        built = replace(built, taints=(*looked.taints, *built.taints))
        clock.lap("build")
        self._in_step = False
        self._mode.change_over(context, updated, built, interleaving)
        clock.lap("run")

    def _judge(self, context: Context) -> tuple[Mapping[str, AgentRecord], tuple[Event, ...]]:
        """Judge failures of the pause before any start; agents out of tries die in this cycle."""
        faults, self._faults = self._faults, {}
        return after_faults(context, self.population.agents, faults)

    def _next_context(self) -> Context:
        """Begin the next cycle. A changed template is read here, before the cycle."""
        if self._template.look(self.cycle):
            self._offers = frozenset(self.colony.running())
        # Sort: agents read from the registry and agents born in this run must be treated alike.
        agents = sorted(self.population.agents.items(), key=lambda item: item[1].place)
        self.population.agents = dict(agents)
        if not agents:
            raise NoPopulationError("no agent is alive here", todo="found agents: evolve init 100")
        self._mode.follow()
        self.cycle += 1
        return self.components.context(self.pool, self.cycle)

    def _observe(self, context: Context) -> Observed:
        pool = offered(context.pool) if self._offers else []
        state = self.registry.state
        world = Surroundings(
            tick=self.tick,
            places=state.places or 0,
            founder_genes=state.founder_genes,
            offers=dict.fromkeys(self._offers, pool),
        )
        if context.settings.cycle.ticks:
            self._offers, self._spoke = frozenset(), time.monotonic()
        else:
            self._keep_in_touch()
        agents, between = self.population.agents, self._mode.between(context)
        return observe(context, agents, self.colony, world, between)

    def _succeed(self, context: Context, observed: Observed, verdicts: Verdicts) -> Succeeded:
        return succeed(
            context,
            observed.agents,
            verdicts,
            self.components.variation,
            self.population.genome,
            endowment=int(context.settings.economy.endowment * context.start_energy),
            first_number=self.registry.state.numbers,
            places=self.registry.state.places or 0,
            spare=self._removal.take,
        )

    def _record(
        self,
        context: Context,
        observed: Observed,
        succeeded: Succeeded,
        clock: Stopwatch,
    ) -> CycleReport:
        """Commit first, report afterwards; what can be repeated after a crash comes last. The time
        of this part is known, and reported, only with the next cycle."""
        population = self.population
        concluded = conclude(
            context,
            population.agents,
            observed,
            succeeded,
            self.digest,
            self.totals,
            self.registry.state,
            frozenset(population.memories),
            clock.take(),
        )
        recorded = self.registry.commit(concluded.batch, self.run_id)
        self._in_step = True
        population.succeeded_by(succeeded.living)
        self.digest, self.tick, self.totals = concluded.digest, observed.tick, concluded.totals
        dead = [record.id for record in succeeded.dead]
        self.colony.settle(f"graves {context.cycle}", dead, (), remember=False)
        self.colony.committed()
        clock.lap("record")
        self.components.sink.deliver(recorded)
        clock.lap("notify")
        self._clear(context, dead)
        notes = (*self._template.notes, *population.notes, *told_of_alarms(observed.events))
        self._template.notes, population.notes = [], []
        return CycleReport(
            context.cycle, concluded.summary, concluded.digest, concluded.taints, notes
        )

    def _clear(self, context: Context, dead: Sequence[str]) -> None:
        self._removal.remove(dead)
        self._clock.lap("clear")
        tools = (self.colony, self.registry, self._copies, self._mode.builder())
        tidy(context, self.population, *tools, self._mode.prune_due)
        self._clock.lap("tidy")

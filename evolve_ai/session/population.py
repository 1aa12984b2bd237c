"""Holds the population of a run, and commits changes to it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.contracts.substrate import Builder, Progress
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.event import Kind
from evolve_ai.model.genome import Genome, recalled
from evolve_ai.model.report import Program, SourceReport
from evolve_ai.model.restart import Pace
from evolve_ai.model.run_state import RunState
from evolve_ai.model.tally import Counts
from evolve_ai.session.components import Components
from evolve_ai.session.session import Begun
from evolve_ai.stages.build import (
    Built,
    build,
    request_of,
    told_of_builds,
    wants_program,
)
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import after_faults, told_of_alarms
from evolve_ai.stages.record import changed, renewal
from evolve_ai.stages.supervise import Ran, healthy, run
from evolve_ai.stages.update import Updated
from evolve_ai.state.registry import Registry

FEW = 8  # agents to start before others get a turn


class Population:
    """`agents` are the living as last committed. `memories` wait for their agents to start, and
    the agents `awaited` wait for a program.

    `sources` is what is known of code, by SHA-256; `programs` are known by fingerprint. `notes`
    are lines to show the user at once; `pace` counts recent restarts.
    """

    def __init__(self, components: Components, registry: Registry, run_id: str, begun: Begun):
        self.agents: Mapping[str, AgentRecord] = begun.agents
        self.memories: Mapping[str, bytes] = begun.memories
        self.awaited: frozenset[str] = begun.awaited
        self.sources: Mapping[str, SourceReport] = {}
        self.programs: Mapping[str, Program] = {}
        self.notes: list[str] = []
        self.pace = Pace()
        self._refused_cycle = -1  # the last cycle in which the machine refused a start
        self._components = components
        self._registry = registry
        self._run_id = run_id

    def genome(self, agent: str) -> Genome:
        return recalled(self.genome_bytes(agent))

    def genome_bytes(self, agent: str) -> bytes:
        return self._registry.genome(agent)

    def build(
        self, context: Context, updated: Updated, builder: Builder, progress: Progress | None = None
    ) -> Built:
        built = build(
            context,
            updated.agents,
            updated.rebuilt,
            self.programs,
            builder,
            self.genome,
            progress,
            self.awaited,
        )
        self.programs = built.programs
        others = self.awaited.intersection(self.agents).difference(built.agents)
        self.awaited = others | built.awaited
        return built

    def run(
        self,
        context: Context,
        updated: Updated,
        built: Built,
        colony: Colony,
        title: str | None = None,
    ) -> Ran:
        """Start and stop processes. `title` names an order that may be repeated after a kill."""
        fresh = updated.genomes
        agents = {agent: healthy(record, context.now) for agent, record in built.agents.items()}
        ran = run(
            context,
            agents,
            self.programs,
            colony,
            self.memories,
            lambda agent: fresh[agent] if agent in fresh else self.genome_bytes(agent),
            self.pace,
            title,
        )
        self.pace = ran.pace
        self._distrust(ran)
        if ran.refused and self._refused_cycle != context.cycle:
            self._refused_cycle = context.cycle
            ran = replace(ran, taints=(*ran.taints, ran.refused))
        return ran

    def _distrust(self, ran: Ran) -> None:
        """Forget altered programs, so that a revived agent is rebuilt."""
        altered = {
            ran.agents[event.agent].fingerprint
            for event in ran.events
            if event.kind is Kind.QUARANTINE
            and event.agent is not None
            and event.data["cause"] == Cause.SIGNATURE
        }
        if altered:
            self.programs = {one: p for one, p in self.programs.items() if one not in altered}

    def change_over(
        self,
        context: Context,
        updated: Updated,
        built: Built,
        colony: Colony,
        pause: Callable[[], None],
    ) -> None:
        """`run` and `keep` for a season that begins now, a few agents at a time; in each `pause`
        between them other agents may change."""
        stirred = [record.id for record in built.agents.values() if not _runs_right(record)]
        still = {a: record for a, record in built.agents.items() if _runs_right(record)}
        ran = self.run(context, updated, replace(built, agents=still), colony)
        self.keep(context, updated, built, replace(ran, agents={**built.agents, **ran.agents}))
        for few in chunked(stirred, FEW):
            pause()
            these = self._without_news({agent: self.agents[agent] for agent in few})
            self.keep(context, *these, self.run(context, *these, colony))
        pause()
        self.keep(context, *self._without_news({}), Ran({}, (), (), ()), turning=True)

    def _without_news(self, agents: Mapping[str, AgentRecord]) -> tuple[Updated, Built]:
        """These agents as a result of update and build that found nothing new."""
        return Updated(agents, {}, {}, ()), Built(agents, self.programs, (), Counts())

    def judge(self, context: Context, faults: Mapping[str, Fault]) -> Mapping[str, AgentRecord]:
        """Commit the consequences of failures at once; return the changed agents."""
        judged, events = after_faults(context, self.agents, faults)
        records = {record.id: record for record in changed(self.agents, judged.values())}
        updated, built = self._without_news(records)
        self.keep(context, updated, built, Ran(records, events, (), ()), freely=True)
        return records

    def prune(self, builder: Builder, colony: Colony) -> None:
        """Forget programs that no living agent needs."""
        needed = {r.fingerprint: r.id for r in self.agents.values() if wants_program(r)}
        requests = [request_of(one, self.genome(agent)) for one, agent in needed.items()]
        builder.prune(requests, colony.files())
        self.programs = builder.ready(requests)

    def keep(
        self,
        context: Context,
        updated: Updated,
        built: Built,
        ran: Ran,
        *,
        freely: bool = False,
        turning: bool = False,
    ) -> None:
        """Commit and report the results of the verbs from update to run; the cycle goes on.

        `turning`: the season begins now. `freely`: this is the middle of a season, so the history
        differs from what lockstep would have made. It also differs if an agent runs its old
        program, or none, because its new one is awaited; and if a crashed agent was restarted by
        the clock.
        """
        freely = freely or bool(self.awaited) or (context.clock is not None and _restarted(ran))
        state = self._state_after(context, built, ran, freely=freely, turning=turning)
        remembered = frozenset(self.memories)
        batch = renewal(context, self.agents, updated, built, ran, state, remembered)
        recorded = self._registry.commit(batch, self._run_id)
        self.agents = {**self.agents, **ran.agents}
        given_back = frozenset(ran.used)
        kept = {a: m for a, m in self.memories.items() if a not in given_back} | dict(ran.left)
        self.memories = {a: m for a, m in kept.items() if a in self.agents}
        self._components.sink.deliver(recorded)
        taints = (*built.taints, *ran.taints)
        self.notes += told_of_builds(built)
        self.notes += told_of_alarms(ran.events)
        self.notes += (f"tainted: {reason}" for reason in taints)

    def _state_after(
        self, context: Context, built: Built, ran: Ran, *, freely: bool, turning: bool
    ) -> RunState:
        restarts = sum(1 for event in ran.events if event.kind is Kind.RESTART)
        state = self._registry.state
        tally, awaited = state.tally.plus(restarts, built.counts), tuple(sorted(self.awaited))
        state = replace(state, tally=tally, awaited=awaited)
        if turning:
            world = context.settings.environment.model_dump()
            state = replace(state, turning=context.cycle, world=world)
        if freely and state.lived_freely is None:
            state = replace(state, lived_freely=context.cycle)
        return state

    def succeeded_by(self, living: Mapping[str, AgentRecord]) -> None:
        """Take over the population after deaths and births, which are on record already."""
        self.agents = living
        self.memories = {agent: m for agent, m in self.memories.items() if agent in living}


def _runs_right(record: AgentRecord) -> bool:
    """True if the agent is in order and the process of its present program runs."""
    right = record.running_fingerprint == record.fingerprint
    return record.state is State.RUNNING and record.pid is not None and right


def _restarted(ran: Ran) -> bool:
    """True if a crashed agent was started again."""
    return any(
        event.kind is Kind.RESTART and event.data["cause"] != Cause.PLANNED for event in ran.events
    )

"""Checks operator commands when they are typed, and carries them out between two cycles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evolve_ai.colony.adoption import kept_in
from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.contracts.substrate import Builder
from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.model.errors import EvolveError, UsageError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import decode
from evolve_ai.model.report import GenePool
from evolve_ai.operator import inbox
from evolve_ai.operator.inbox import Command
from evolve_ai.session import folders
from evolve_ai.session.components import Components
from evolve_ai.session.pool import open_pool
from evolve_ai.stages.build import request_of
from evolve_ai.stages.record import tainted
from evolve_ai.stages.succession import buried, death_event
from evolve_ai.stages.update import revived
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.leftovers import leftovers
from evolve_ai.system.processes import end_strangers_left_behind
from evolve_ai.system.removal import RemovalTask, remove_folders

Living = Mapping[str, AgentRecord]


# (how many, the file of the command, the pool of the running life-cycle) -> the founders
Found = Callable[[int, str, GenePool | None], Sequence[AgentRecord]]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a command may change besides the registry.

    `found` founds so many agents, from the given pool if there is one, and notes that the command
    in this file is done. `end` ends processes of agents and returns a line for each that cannot be
    ended. `builder` is called only when it is needed. `remove` removes the folders of dead agents.
    """

    found: Found
    end: Callable[[Sequence[str]], Sequence[str]]
    builder: Callable[[], Builder]
    remove: Callable[[Sequence[str]], None]
    pool: Callable[[], GenePool] | None = None  # the pool of the running life-cycle


@dataclass(frozen=True, slots=True)
class Carried:
    """The living after the commands; (name, outcome) of each command."""

    agents: Living
    told: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of one command; `batch` is the part that must still be committed."""

    outcome: str
    agents: Living
    batch: Batch = field(default_factory=Batch)


def checked(
    registry: Registry, name: str, prefixes: Sequence[str], everyone: bool, lost: bool = False
) -> Command:
    """The command with complete ids. Raises UnknownAgentError for an unknown or dead agent,
    UsageError for an agent that needs no revival."""
    if everyone or lost:
        return Command(name, {"all" if everyone else "lost": True})
    records = {record.id: record for record in (registry.alive(p) for p in prefixes)}
    for record in records.values():
        if name == "revive" and record.state is not State.QUARANTINED:
            raise UsageError(
                f"agent {record.id} is {record.state}, not quarantined",
                todo="to see all: evolve agents",
            )
    return Command(name, {"ids": list(records)} if records else {})


def without_life_cycle(components: Components, registry: Registry, found: Found) -> Reach:
    """For a command that holds the project itself: agents may live on from a killed run."""

    def end(agents: Sequence[str]) -> Sequence[str]:
        found = {one for agent in agents for one in leftovers(components.project.agent(agent))}
        for folder in ColonyLayout.of_last_run(registry).folders(components.project.workspace):
            found.update(kept_in(folder, agents))
        left = end_strangers_left_behind(found)
        return [f"process {identity.pid} cannot be ended" for identity in left]

    def builder() -> Builder:
        return components.builder(open_pool(components, registry))

    def remove(dead: Sequence[str]) -> None:
        remove_folders(RemovalTask(components.project.agents, tuple(dead)))

    return Reach(found, end, builder, remove)


def carry_out(
    components: Components,
    registry: Registry,
    run: str,
    cycle: int,
    agents: Living,
    reach: Reach,
) -> Carried:
    """Carry out the commands of the inbox in order, and record each with its outcome.

    No cycle may be under way; `cycle` is the last one. Commands are inputs of the history, like the
    seed, and are recorded with their cycle: the same commands between the same cycles lead to the
    same history. So no command taints it.
    """
    told = []
    for path, command in inbox.waiting(components.project.inbox):
        if registry.state.inbox_done == path.name:  # a kill came before the file was removed
            path.unlink(missing_ok=True)
            continue
        name = command.name if command else "unreadable"
        arguments = dict(command.arguments) if command else {}
        work = _Work(components, registry, run, cycle, agents, reach, path.name)
        done = work.do(name, arguments)
        data = {"command": name, "arguments": arguments, "outcome": done.outcome}
        batch = replace(
            done.batch,
            events=(*done.batch.events, Event(Kind.COMMAND, cycle, None, data)),
            state=replace(done.batch.state or registry.state, inbox_done=path.name),
        )
        recorded = registry.commit(batch, run)
        path.unlink(missing_ok=True)
        if dead := sorted(agents.keys() - done.agents.keys()):
            reach.remove(dead)
        components.sink.deliver(recorded)
        agents = done.agents
        told.append((name, done.outcome))
    return Carried(agents, tuple(told))


@dataclass(frozen=True, slots=True)
class _Work:
    """What one command works with. The content of the inbox may be malformed."""

    components: Components
    registry: Registry
    run: str
    cycle: int
    agents: Living
    reach: Reach
    file: str

    def do(self, name: str, arguments: Mapping[str, Any]) -> CommandResult:
        actions = {
            "init": self.init,
            "kill": self.kill,
            "revive": self.revive,
            "pause": self.pause,
            "resume": self.resume,
        }
        if name not in actions:
            return CommandResult("refused: no such command", self.agents)
        try:
            return actions[name](arguments)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            return CommandResult(f"refused: {error}", self.agents)
        except EvolveError as error:
            return CommandResult(f"failed: {error}", self.agents)

    def init(self, arguments: Mapping[str, Any]) -> CommandResult:
        count = int(arguments["count"])
        pool = self.reach.pool() if self.reach.pool is not None else None
        founded = {record.id: record for record in self.reach.found(count, self.file, pool)}
        return CommandResult(f"founded {len(founded)}", {**self.agents, **founded})

    def kill(self, arguments: Mapping[str, Any]) -> CommandResult:
        """End the processes first: after a kill in between, the command is repeated."""
        ids = [agent for agent in _ids(arguments) if agent in self.agents]
        if not ids:
            return CommandResult("refused: none of these agents is alive", self.agents)
        left = self.reach.end(ids)
        dead = [buried(self.agents[agent], str(Cause.KILLED), self.cycle) for agent in ids]
        state = self.registry.state
        batch = Batch(
            records=dead,
            memories=dict.fromkeys(ids),
            state=replace(state, tally=state.tally.killed(len(dead))),
            events=[death_event(record, self.cycle) for record in dead],
        )
        living = {a: record for a, record in self.agents.items() if a not in set(ids)}
        return CommandResult("; ".join((f"killed {len(dead)}", *left)), living, batch)

    def revive(self, arguments: Mapping[str, Any]) -> CommandResult:
        """Make agents embryos again; their folders are scanned and their builds tried anew."""
        if arguments.get("lost") is True:
            return self.restore()
        everyone = arguments.get("all") is True
        asked = list(self.agents) if everyone else _ids(arguments)
        ill = [self.agents[agent] for agent in asked if agent in self.agents]
        ill = [record for record in ill if record.state is State.QUARANTINED]
        if not ill and not everyone:
            return CommandResult("refused: none of these agents is quarantined", self.agents)
        unbuilt = [record for record in ill if record.cause in (Cause.BUILD, Cause.SIGNATURE)]
        if unbuilt:
            genomes = ((r.fingerprint, decode(self.registry.genome(r.id))) for r in unbuilt)
            self.reach.builder().forget([request_of(*one) for one in genomes])
        records = [replace(revived(record), stamp="") for record in ill]
        events = [
            Event(Kind.REVIVAL, self.cycle, r.id, {"cause": r.cause, "reason": r.reason})
            for r in ill
        ]
        living = {**self.agents, **{record.id: record for record in records}}
        return CommandResult(
            f"revived {len(records)}", living, Batch(records=records, events=events)
        )

    def restore(self) -> CommandResult:
        """Restore lost folders; agents that lived in one start again."""
        context = self.components.context(open_pool(self.components, self.registry), self.cycle)
        lost = folders.bare(self.components.project.agents, self.agents)
        made = folders.restore(context, lost, self.registry.genome)
        if not made:
            return CommandResult(
                "no folder of a living agent is gone, or can be made anew", self.agents
            )
        records = [replace(self.agents[a], running_fingerprint="", stamp="") for a in made]
        records = [revived(r) if r.state is State.QUARANTINED else r for r in records]
        reason = folders.reason_of(made)
        events = (
            folders.told_of(made, self.cycle),
            Event(Kind.TAINT, self.cycle, None, {"reason": reason}),
        )
        batch = Batch(records=records, events=events, state=tainted(self.registry.state, [reason]))
        left = f"; the code of {len(lost) - len(made)} is lost" if len(lost) > len(made) else ""
        living = {**self.agents, **{record.id: record for record in records}}
        return CommandResult(f"made {len(made)} folders again{left}", living, batch)

    def pause(self, arguments: Mapping[str, Any]) -> CommandResult:
        state = self.registry.state
        if state.paused is not None:
            return CommandResult(f"paused since cycle {state.paused} already", self.agents)
        batch = Batch(state=replace(state, paused=self.cycle))
        return CommandResult(f"paused after cycle {self.cycle}", self.agents, batch)

    def resume(self, arguments: Mapping[str, Any]) -> CommandResult:
        state = self.registry.state
        if state.paused is None:
            return CommandResult("was not paused", self.agents)
        return CommandResult("time goes on", self.agents, Batch(state=replace(state, paused=None)))


def _ids(arguments: Mapping[str, Any]) -> list[str]:
    """The ids without duplicates. TypeError or KeyError when there are none."""
    ids = arguments["ids"]
    if not isinstance(ids, list) or not all(isinstance(agent, str) for agent in ids):
        raise TypeError("ids are a list of agents' ids")
    return list(dict.fromkeys(ids))

"""Carries out the orders of a life-cycle; another process can take over in the middle of one."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve_ai.colony import agent_log, pipes, season
from evolve_ai.colony.adoption import found_in, past_of
from evolve_ai.colony.agent_io import ORPHANED
from evolve_ai.colony.agent_process import Owed
from evolve_ai.colony.journal import Life
from evolve_ai.colony.launching import Noted
from evolve_ai.colony.supervisor import Supervisor
from evolve_ai.contracts.environment import Environment
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import (
    Adopted,
    Between,
    Farewell,
    Order,
    Refused,
    Settled,
    Start,
    Started,
    Turned,
    nothing,
)
from evolve_ai.system import listing, processes
from evolve_ai.system.exits import Exit, explain

# Opens a world with so many places.
OpenWorld = Callable[[int], Environment]


class Colony(Supervisor):
    """Satisfies contracts.colony.Colony."""

    def __init__(self, folder: Path, program: Path, open_world: OpenWorld, **more: Any):
        super().__init__(folder, program, **more)
        self._open_world = open_world

    def handles(self) -> tuple[int, ...]:
        return (self.handle,)

    def settle(
        self, title: str | None, leave: Sequence[str], starts: Sequence[Start], *, remember: bool
    ) -> Settled:
        """Let the agents in `leave` go, and make those in `starts` run what their notes say.

        An agent that runs another program leaves first. If it is to `remember`, it starts again
        with the memory that it left. With the same title a second call does nothing twice. Without
        a title the call belongs to the order under way, and does not wait until agents are ready.
        """
        before: dict[str, Farewell] = {}
        if title is not None:
            byes = past_of(self.order_log.open(title)).byes
            named = {*leave, *(start.id for start in starts)}
            before = {id: _long_gone(byes[id]) for id in named & byes.keys()}
        agents = self._board.agents
        going = [*leave, *(s.id for s in starts if s.id in agents and not self._runs(s))]
        farewells = {**before, **self.stop(going)}
        outcomes: dict[str, Started | Fault | Refused] = {}
        missing = []
        for start in starts:
            if self._runs(start):
                outcomes[start.id] = Started(agents[start.id].identity.pid)
                continue
            bye = farewells.get(start.id)
            state = bye.state if bye is not None and bye.state is not None else start.state
            missing.append(replace(start, state=state if remember else None))
        outcomes |= self.start(missing, wait=title is not None)
        ordered = {start.id: outcomes[start.id] for start in starts}
        return Settled(farewells, ordered, self.take_taints())

    def _runs(self, start: Start) -> bool:
        process = self._board.agents.get(start.id)
        return process is not None and process.note == start.note

    def turn(self, order: Order, between: Between = nothing) -> Turned:
        """Live a season, or, if it was broken off, the rest of it."""
        world = self._open_world(order.places)
        return season.turn(world, self, order, between)

    def adopt(self, known: Mapping[str, Start], expected: Mapping[str, int]) -> Adopted:
        """Take over and greet the living agents in `known`; end all other processes of the colony.

        `expected` are the pids on record. If one of them is missing, the faults of the next
        exchange say why, unless it was asked to leave.
        """
        past = past_of(self.order_log.entries)
        journal, keeper = self._spawner.journal(), self.keeper.pid
        found = found_in(journal, keeper, known, expected, past.greeted)
        self._board.unkillable += processes.end_strangers_left_behind(found.strays)
        for id, life in found.living.items():
            self._take_over(known[id], life)
        self._clear_pipes()
        self._converse(self.limits.ready_cpu, self.limits.ready_wall)
        lost = set()
        for id, life in found.ended.items():
            pid = life.identity.pid
            if pid not in past.left | past.told:
                fault = past.condemned.get(pid) or self._why_ended(known[id], life)
                self._board.fail(id, pid, fault)
                if fault.cause is Cause.UNKNOWN:
                    lost.add(id)
        notes = {id: process.note for id, process in self._board.agents.items()}
        return Adopted(notes, self.order_log.title, past.byes, past.left, frozenset(lost))

    def forget(self) -> None:
        """Give up an unfinished order, so that it is not continued."""
        self.order_log.open(f"epoch {self.epoch}")

    def _take_over(self, start: Start, life: Life) -> None:
        noted = Noted.parse(life.note)
        # The note is dropped for an agent in another box, so that it is restarted with its memory.
        note = noted.note if noted.box == self._launcher.box_mark else ""
        try:
            pair = pipes.reopen(self._pipes, start.id)
        except OSError as error:
            processes.end_strangers_left_behind([life.identity])
            fault = Fault(Cause.PROTOCOL, f"cannot be adopted: {error}")
            self._board.fail(start.id, life.identity.pid, fault)
            return
        process = self._launcher.process(
            replace(start, note=note), life.identity, pair, noted.log_start
        )
        process.kept = listing.parent(life.identity.pid) == self.keeper.pid
        process.listen_for(self.epoch)
        self._board.add(process)
        self._board.ask(process, self._launcher.hello(start), Owed.READY)

    def _clear_pipes(self) -> None:
        for path in self._pipes.iterdir():
            if path.stem not in self._board.agents:
                with suppress(OSError):
                    path.unlink()

    def _why_ended(self, start: Start, life: Life) -> Fault:
        """Why an agent ended while no orchestrator watched it."""
        exit = life.exit or Exit()
        if exit.orphaned:
            self._board.taints.append(f"agent {start.id} {ORPHANED}")
            return Fault(Cause.PLANNED, f"it {ORPHANED}")
        if exit.foreign or not exit.known:
            self._board.taints.append(f"agent {start.id}: {exit}, while no orchestrator ran")
        words = agent_log.last_words(start.folder, Noted.parse(life.note).log_start)
        return explain(exit, words, room=self._room)


def _long_gone(state: bytes | None) -> Farewell:
    """The farewell of an agent that was asked to leave before a kill and has ended since."""
    lost = "a kill came before its memory was on record"
    return Farewell(state, lost if state is None else None)

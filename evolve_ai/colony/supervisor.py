"""Starts agents under a keeper, talks to them in lockstep, and ends them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from evolve_ai.colony import agent_log, pasts
from evolve_ai.colony.adoption import BYE, GREETED, LEAVE, TOLD
from evolve_ai.colony.agent_process import AgentProcess, Owed
from evolve_ai.colony.launching import Launcher
from evolve_ai.colony.order_log import OrderLog, order_log_in
from evolve_ai.colony.pasts import PastsTold
from evolve_ai.colony.programs import program_of
from evolve_ai.colony.refusals import judged_end
from evolve_ai.colony.spawner import Spawner
from evolve_ai.colony.state_folders import StateFolders
from evolve_ai.model import frame
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import (
    Deadlines,
    Exchange,
    Farewell,
    Pool,
    Refused,
    Start,
    Started,
)
from evolve_ai.model.sandbox import AgentBox, Protection
from evolve_ai.model.usage import Usage
from evolve_ai.model.world import Percept
from evolve_ai.system import listing, processes
from evolve_ai.system.exits import Exit, Room
from evolve_ai.system.identity import Identity
from evolve_ai.system.patience import Gaps, Patience
from evolve_ai.system.proc_stat import Sweep, is_ending

_LOOK_SECONDS = 0.1
_EXCHANGES_BETWEEN_TRIMS = 256
_SAMPLES_BETWEEN_TRIMS = 8
NOTHING_TOLD = PastsTold()


class Supervisor:
    """Many agents, children of a keeper that outlives us. Not for several threads.

    As a context manager it leaves no process behind, unless detach() was called.

    `folder` must be its alone. `program` is the keeper, started with the command words `around`
    before its own; `join` is called with its pid. Without a `box` agents have our own rights.
    Raises KeeperError when the keeper does not start, StorageError when the folder cannot be
    written.
    """

    def __init__(
        self,
        folder: Path,
        program: Path,
        *,
        epoch: int,
        box: AgentBox | None,
        limits: Deadlines | None = None,
        orphan_seconds: int = 600,
        log_bytes: int = agent_log.MAX_BYTES,
        room: Room | None = None,
        join: Callable[[int], object] = lambda pid: None,
        around: Sequence[str] = (),
    ):
        self.epoch = epoch
        self.limits = limits or Deadlines()
        self._log_bytes = log_bytes
        folder = folder.absolute()
        self._pipes = folder / "pipes"
        self._pipes.mkdir(parents=True, exist_ok=True)
        self._exchanges = self._samples = 0
        self._sweep = Sweep()
        self._closed = False
        processes.raise_descriptor_limit()
        self.order_log = OrderLog(order_log_in(folder))
        self._room = room or Room()
        self._states = StateFolders(box) if box is not None else None
        self._spawner = Spawner(folder, program, orphan_seconds, join, around)
        self._launcher = Launcher(
            self._pipes,
            self._spawner,
            self.order_log,
            epoch=epoch,
            orphan_seconds=orphan_seconds,
            room=self._room,
            box=box,
            log_bytes=log_bytes,
        )
        self._board = self._launcher.board

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def handle(self) -> int:
        """A descriptor that is readable when an agent has written or died."""
        return self._board.handle

    @property
    def keeper(self) -> Identity:
        return self._spawner.identity

    # --- beginning

    def start(
        self, starts: Sequence[Start], *, wait: bool = True
    ) -> Mapping[str, Started | Fault | Refused]:
        """Start agents and wait until each is ready or has failed.

        Without `wait`, a failure appears among the faults of the next exchange.
        """
        outcome = self._launcher.start(starts)
        if wait:
            self._converse(self.limits.ready_cpu, self.limits.ready_wall)
        begun = [one for start in starts if (one := self._board.agents.get(start.id))]
        greeted = [one.identity.pid for one in begun if not one.unsent]
        self.order_log.write([[GREETED, greeted]] if greeted else [])
        for start in starts if wait else ():
            fault = self._board.faults.pop(start.id, None)
            if fault is not None:
                outcome[start.id] = judged_end(fault)
        return outcome

    # --- speaking

    def exchange(
        self,
        percepts: Mapping[str, Percept],
        *,
        tick: int,
        cycle: int,
        pool_for: Mapping[str, Pool] | None = None,
        told: PastsTold = NOTHING_TOLD,
    ) -> Exchange:
        """One tick, or a phase of one: send each agent its percept, collect the acts.

        Ends when each agent has answered, died, broken the protocol or run out of time. An agent
        that does not run is in neither mapping. A long past is sent first, in rounds, without the
        rounds that were `told` before a kill; the act then has the answers to the last frame.
        """
        board, pool_for = self._board, pool_for or {}
        rounds, percepts = pasts.cut(percepts, pool_for)
        mutated = dict(told.mutated)
        for left, past in rounds.items():
            if not told.knows(left):
                self._tell(past, {}, tick=-left, cycle=cycle)
                mutated |= {id: act.mutated for id, act in board.acts.items() if act.mutated}
                self.order_log.write([[TOLD, left, mutated]])
        self._tell(percepts, pool_for, tick=tick, cycle=cycle)
        self._exchanges += 1
        if self._exchanges % _EXCHANGES_BETWEEN_TRIMS == 0:
            self._trim_logs()
        acts, ended = pasts.with_mutations(board.acts, mutated), tuple(board.ended)
        return Exchange(acts, self._take_faults(), self.take_taints(), ended)

    def _tell(
        self, percepts: Mapping[str, Percept], pools: Mapping[str, Pool], *, tick: int, cycle: int
    ) -> None:
        """Send a frame to each agent, and collect their acts on the board."""
        board = self._board
        board.acts.clear()
        encoder = frame.PerceptEncoder(epoch=self.epoch, tick=tick, cycle=cycle)
        agents, ask, encode, act = board.agents, board.ask, encoder.frame, Owed.ACT
        for id, percept in percepts.items():
            process = agents.get(id)
            if process is not None:
                process.expect_act(tick, len(percept.steps))
                ask(process, encode(percept, pools.get(id)), act)
        self._converse(self.limits.cpu, self.limits.wall)

    def ping(self) -> Mapping[str, Fault]:
        """Send every agent a sign of life, and return the faults of those that have failed."""
        content = frame.encode(frame.ping(epoch=self.epoch, tick=0))
        self._board.look_for_the_dead()
        for process in list(self._board.agents.values()):
            self._board.ask(process, content, Owed.READY)
        self._converse(self.limits.cpu, self.limits.wall)
        return self._take_faults()

    def reap(self) -> Mapping[str, Fault]:
        """The faults noticed since the last exchange."""
        self._board.look_for_the_dead()
        while self._board.pump(0):
            pass
        self._converse(self.limits.cpu, self.limits.wall)
        return self._take_faults()

    def take_taints(self) -> tuple[str, ...]:
        """Interference from outside since the last call; exchange() returns its own."""
        taints = tuple(self._board.taints)
        self._board.taints.clear()
        return taints

    def _take_faults(self) -> Mapping[str, Fault]:
        faults, self._board.faults, self._board.ended = self._board.faults, {}, []
        return faults

    def _converse(self, cpu: float, wall: float) -> None:
        """Handle events until no agent is waited for."""
        board = self._board
        now = progress = time.monotonic()
        gaps = Gaps()
        outstanding = len(board.waiting)
        look = now + self.limits.late
        while board.waiting:
            board.pump(max(0.0, look - now))
            now = time.monotonic()
            if gaps.met():  # this process stood still, perhaps the agents too: nobody is late
                progress = now
                for process in board.waiting.values():
                    process.condemned_at = now if process.condemned_at else 0.0
            if len(board.waiting) != outstanding:
                outstanding, progress = len(board.waiting), now
            if now >= look:
                board.look_for_the_dead()
                for process in list(board.waiting.values()):
                    self._judge(process, now, now - progress, cpu, wall)
                look = now + _LOOK_SECONDS

    def _judge(
        self, process: AgentProcess, now: float, quiet: float, cpu: float, wall: float
    ) -> None:
        """Decide about an agent whose answer is late."""
        board = self._board
        if process.condemned_at:
            if now - process.condemned_at > self.limits.kill:
                board.give_up(process)
        elif process.closed and not is_ending(process.identity.pid):
            board.condemn(process, Fault(Cause.PROTOCOL, "closed its end of the pipe"))
        elif quiet > wall:
            reason = f"gave no answer for {wall:g} s{_half(process)}"
            board.taints.append(f"agent {process.id}: {reason} (wall clock)")
            board.condemn(process, Fault(Cause.HANG, reason))
        elif (found := listing.usage(process.identity.pid)) is not None:
            if process.cpu_when_late is None:
                process.cpu_when_late = found.cpu_seconds
            elif found.cpu_seconds - process.cpu_when_late > cpu:
                reason = f"gave no answer within {cpu:g} s of its own CPU time{_half(process)}"
                board.condemn(process, Fault(Cause.HANG, reason))

    # --- ending

    def stop(self, ids: Iterable[str]) -> Mapping[str, Farewell]:
        """Ask agents to leave, and enforce it. Ids that do not run are left out."""
        board = self._board
        content = frame.encode(frame.stop(epoch=self.epoch, tick=0))
        for process in self._to_leave(ids):
            board.ask(process, content, Owed.BYE)
        self._see_off(self.limits.stop)
        for process in list(board.waiting.values()):
            board.condemn(process, None)
        self._see_off_the_condemned()
        return dict(self._farewells())

    def kill(self, ids: Iterable[str]) -> tuple[str, ...]:
        """End agents at once; return the ids of those that cannot be killed."""
        for process in self._to_leave(ids):
            self._board.condemn(process, None)
        self._see_off_the_condemned()
        return tuple(id for id, farewell in self._farewells() if farewell.unkillable)

    def _to_leave(self, ids: Iterable[str]) -> Sequence[AgentProcess]:
        """The agents to end. The order log records this before they hear of it."""
        agents = self._board.agents
        leaving = [agents[id] for id in ids if id in agents]
        if leaving:
            self.order_log.write([[LEAVE, {one.id: one.identity.pid for one in leaving}]])
        for process in leaving:
            process.leaving = True
        return leaving

    def _see_off(self, seconds: float) -> None:
        """Wait until the agents have left; an agent that has closed its pipe may take time to exit.

        A second stop confirms that the memory in its bye is on record: each agent waits for that.
        """
        patience = Patience(seconds)
        content = frame.encode(frame.stop(epoch=self.epoch, tick=0))
        while self._board.waiting and patience.left > 0:
            self._board.pump(patience.step)
            byes, self._board.byes = self._board.byes, []
            self.order_log.write([BYE, process.id, process.state] for process in byes)
            for process in byes:
                self._board.tell(process, content)

    def _see_off_the_condemned(self) -> None:
        self._see_off(self.limits.kill)
        for process in list(self._board.waiting.values()):
            self._board.give_up(process)

    def _farewells(self) -> Iterator[tuple[str, Farewell]]:
        departed, self._board.departed = self._board.departed, {}
        for id, (process, exit) in departed.items():
            reason = _not_as_asked(process, exit, self.limits.stop)
            yield id, Farewell(process.state, reason, unkillable=exit is None)

    def committed(self) -> None:
        """Declare that all reports before the previous call of this are on record elsewhere."""
        self._spawner.committed()

    def detach(self) -> None:
        """Disconnect: agents and keeper live on, until another process adopts them."""
        if not self._closed:
            self._closed = True
            self._board.close()
            self._spawner.close()
            self._launcher.close()
            self.order_log.close()

    def close(self) -> None:
        """End all agents at once, then the keeper. Safe to call twice."""
        if not self._closed:
            try:
                self.kill(list(self._board.agents))
                self._spawner.dismiss(self.limits.kill)
            finally:
                self.detach()

    # --- looking

    def running(self) -> Mapping[str, int]:
        """The pids of the agents that run here."""
        return {id: process.identity.pid for id, process in self._board.agents.items()}

    def files(self) -> frozenset[Path]:
        """The programs that agents run now."""
        found = set()
        for process in self._board.agents.values():
            with suppress(OSError):
                found.add(program_of(process.identity.pid))
        return frozenset(found)

    def sample(self) -> Mapping[str, Usage]:
        """What the running agents have used. Now and then too long logs are cut."""
        self._samples += 1
        self._board.look_for_the_dead()
        if self._samples % _SAMPLES_BETWEEN_TRIMS == 0:
            self._trim_logs()
        running = self.running()
        found = self._sweep(running.values())
        used = {id: found[pid] for id, pid in running.items() if pid in found}
        if self._states is not None and self._end_the_excessive(self._states, used):
            self._converse(self.limits.cpu, self.limits.wall)
        return used

    def _end_the_excessive(self, states: StateFolders, used: Mapping[str, Usage]) -> bool:
        """Enforce what neither Landlock nor a filter limits; True if any agent was condemned. An
        agent that has not run since it was looked at has made nothing."""
        condemned, stirred = False, self._sweep.stirred
        for id, usage in used.items():
            process = self._board.agents[id]
            pid = process.identity.pid
            if pid not in stirred:
                continue
            excess = states.excess(id, process.folder, pid) or _too_many_threads(states.box, usage)
            if excess is not None:
                condemned = True
                self._board.condemn(process, Fault(Cause.SANDBOX, excess))
        return condemned

    def _trim_logs(self) -> None:
        for process in self._board.agents.values():
            if agent_log.trim(process.folder, self._log_bytes):
                process.log_start = 0


def _too_many_threads(box: AgentBox, usage: Usage) -> str | None:
    """The complaint, or None. The filter already enforces a limit of one thread."""
    if box.threads == 1 or usage.threads <= box.threads or Protection.THREADS in box.lifted:
        return None
    return f"has {usage.threads} threads, {box.threads} are allowed"


def _half(process: AgentProcess) -> str:
    pending = process.decoder.pending
    return f", after {pending} bytes of an unfinished frame" if pending else ""


def _not_as_asked(process: AgentProcess, exit: Exit | None, patience: float) -> str | None:
    """What was wrong with a departure, or None if it was as asked."""
    if exit is None:
        return f"process {process.identity.pid} cannot be killed"
    if process.verdict is not None:
        return process.verdict.reason
    if process.condemned_at:
        said = "said bye, but did not exit" if process.said_bye else "did not answer stop"
        return f"{said} within {patience:g} s, and was killed"
    if not process.said_bye:
        return f"{exit} without a bye"
    return None if exit.code == 0 or not exit.known else f"{exit} after its bye"

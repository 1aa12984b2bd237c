"""Owns a colony: the processes and pipes of many agents, spoken to in lockstep."""

import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from evolve_ai.model import frame
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.report import Program
from evolve_ai.model.world import Act, Percept
from evolve_ai.system import agent_log, identity, pipes, processes
from evolve_ai.system.exits import Exit, Room
from evolve_ai.system.identity import Identity, Usage
from evolve_ai.system.resident import Asked, Resident
from evolve_ai.system.switchboard import Switchboard

Pool = Sequence[Mapping[str, Any]]

_LOOK_SECONDS = 0.1
_EXCHANGES_BETWEEN_TRIMS = 256
_SAMPLES_BETWEEN_TRIMS = 8
_PIPE_FOLDER = "pipes"


@dataclass(frozen=True, slots=True)
class Limits:
    """Patience, in seconds. CPU is the agent's own, counted from when it is found late.

    The wall clock runs only while nobody in the colony answers.
    """

    cpu: float = 1.0
    wall: float = 10.0
    ready_cpu: float = 5.0
    ready_wall: float = 30.0
    late: float = 0.25
    stop: float = 5.0
    kill: float = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """An agent to start, and what its hello says."""

    id: str
    folder: Path
    program: Program
    seed: int
    genome: bytes
    state: bytes | None
    pool: Pool
    tick: int


@dataclass(frozen=True, slots=True)
class Started:
    identity: Identity


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a tick brought. A fault may be of an agent that was not asked, or that answered."""

    acts: Mapping[str, Act]
    faults: Mapping[str, Fault]
    tainted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a stopped agent went: the state it left, and what was not as it should be."""

    state: bytes | None
    reason: str | None = None
    unkillable: bool = False


class Colony:
    """Many agents. Not for several threads; a context manager that leaves nothing behind."""

    def __init__(
        self,
        workspace: Path,
        *,
        epoch: int,
        limits: Limits | None = None,
        orphan_seconds: int = 600,
        log_bytes: int = agent_log.MAX_BYTES,
        room: Room | None = None,
    ):
        self.epoch = epoch
        self.limits = limits or Limits()
        self._orphan_seconds = orphan_seconds
        self._log_bytes = log_bytes
        self._room = room or Room()
        self._folder = workspace.absolute() / _PIPE_FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._exchanges = 0
        self._samples = 0
        self._closed = False
        processes.raise_descriptor_limit()
        processes.keep_descriptors_from_children()
        with processes.our_limits():
            self._board = Switchboard()

    def __enter__(self) -> "Colony":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- starting

    def start(self, starts: Sequence[Start]) -> Mapping[str, Started | Fault]:
        """Start agents and wait until each is ready or has failed. LimitError: no room for more.

        Whoever was started before a LimitError runs on, and is ended by close().
        """
        outcome: dict[str, Started | Fault] = {}
        for start in starts:
            if start.id in self._board.residents:
                raise ValueError(f"agent {start.id} runs already")
            try:
                hello = self._hello(start)
                with processes.our_limits():
                    resident = self._spawn(start)
            except (OSError, frame.FrameError) as error:
                outcome[start.id] = Fault(Cause.CRASH, f"cannot be started: {error}")
                continue
            self._board.add(resident)
            outcome[start.id] = Started(resident.identity)
            self._board.ask(resident, hello, Asked.READY)
        self._converse(self.limits.ready_cpu, self.limits.ready_wall)
        for start in starts:
            fault = self._board.faults.pop(start.id, None)
            if fault is not None:
                outcome[start.id] = fault
        return outcome

    def _spawn(self, start: Start) -> Resident:
        # One that an earlier life has filled would end this one at its first word.
        agent_log.trim(start.folder, self._log_bytes)
        log, log_start = agent_log.open_log(start.folder)
        try:
            pair = pipes.make(self._folder, start.id)
            try:
                launch = processes.Launch(
                    file=start.program.file,
                    arguments=start.program.arguments,
                    argv0=f"agent-{start.id}",
                    folder=start.folder,
                    log=log,
                    in_path=pair.child_reads,
                    out_path=pair.child_writes,
                    room=self._room,
                )
                pid = processes.spawn(launch)
            except BaseException:
                pair.remove()
                raise
        finally:
            os.close(log)
        # Until it is reaped the pid is its own, so these two cannot meet a stranger.
        found = identity.identify(pid)
        assert found is not None
        return Resident(
            id=start.id,
            identity=found,
            pidfd=self._hold(pid, pair),
            pipes=pair,
            folder=start.folder.absolute(),
            log_start=log_start,
            epoch=self.epoch,
            room=self._room,
        )

    def _hold(self, pid: int, pair: pipes.Pipes) -> int:
        try:
            return os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            pair.remove()
            raise

    def _hello(self, start: Start) -> bytes:
        body = frame.hello(
            epoch=self.epoch,
            tick=start.tick,
            id=start.id,
            seed=start.seed,
            genome=start.genome,
            state=start.state,
            orphan_seconds=self._orphan_seconds,
            pool=start.pool,
        )
        return frame.encode(body)

    # --- speaking

    def exchange(
        self,
        percepts: Mapping[str, Percept],
        *,
        tick: int,
        cycle: int,
        pool_for: Mapping[str, Pool] | None = None,
    ) -> Exchange:
        """One tick, or a phase of one: tell each agent its percept, collect the acts.

        Ends when each has answered, died, broken the protocol or run out of time. Who does not
        run (any more) is in neither mapping.
        """
        board, pool_for = self._board, pool_for or {}
        board.acts.clear()
        encoder = frame.PerceptEncoder(epoch=self.epoch, tick=tick, cycle=cycle)
        residents, ask, encode, act = board.residents, board.ask, encoder.frame, Asked.ACT
        for id, percept in percepts.items():
            resident = residents.get(id)
            if resident is not None:
                content = encode(percept, pool_for.get(id))
                ask(resident, content, act, tick=tick, steps=len(percept.steps))
        self._converse(self.limits.cpu, self.limits.wall)
        self._exchanges += 1
        if self._exchanges % _EXCHANGES_BETWEEN_TRIMS == 0:
            self._trim_logs()
        return Exchange(dict(board.acts), self._take_faults(), self.take_taints())

    def ping(self) -> Mapping[str, Fault]:
        """Let every agent hear from us, and learn who is no longer well."""
        content = frame.encode(frame.ping(epoch=self.epoch, tick=0))
        for resident in list(self._board.residents.values()):
            self._board.ask(resident, content, Asked.READY)
        self._converse(self.limits.cpu, self.limits.wall)
        return self._take_faults()

    def reap(self) -> Mapping[str, Fault]:
        """Faults noticed between exchanges."""
        while self._board.pump(0):
            pass
        self._converse(self.limits.cpu, self.limits.wall)
        return self._take_faults()

    def take_taints(self) -> tuple[str, ...]:
        """What the outside forced on the colony since last asked; exchange() takes its own."""
        taints = tuple(self._board.taints)
        self._board.taints.clear()
        return taints

    def _take_faults(self) -> Mapping[str, Fault]:
        faults, self._board.faults = self._board.faults, {}
        return faults

    def _converse(self, cpu: float, wall: float) -> None:
        """Until nobody is waited for any more."""
        board = self._board
        now = progress = time.monotonic()
        outstanding = len(board.waiting)
        look = now + self.limits.late
        while board.waiting:
            board.pump(max(0.0, look - now))
            now = time.monotonic()
            if len(board.waiting) != outstanding:
                outstanding, progress = len(board.waiting), now
            if now >= look:
                for resident in list(board.waiting.values()):
                    self._judge(resident, now, now - progress, cpu, wall)
                look = now + _LOOK_SECONDS

    def _judge(self, resident: Resident, now: float, quiet: float, cpu: float, wall: float) -> None:
        """What to do about an agent whose answer is late."""
        board = self._board
        if resident.condemned_at:
            if now - resident.condemned_at > self.limits.kill:
                board.give_up(resident)
        elif resident.closed:
            board.condemn(resident, Fault(Cause.PROTOCOL, "closed its end of the pipe"))
        elif quiet > wall:
            reason = f"gave no answer for {wall:g} s{_half(resident)}"
            board.taints.append(f"agent {resident.id}: {reason} (wall clock)")
            board.condemn(resident, Fault(Cause.HANG, reason))
        elif (found := identity.usage(resident.identity.pid)) is not None:
            if resident.cpu_when_late is None:
                resident.cpu_when_late = found.cpu_seconds
            elif found.cpu_seconds - resident.cpu_when_late > cpu:
                reason = f"gave no answer within {cpu:g} s of its own CPU time{_half(resident)}"
                board.condemn(resident, Fault(Cause.HANG, reason))

    # --- ending

    def stop(self, ids: Iterable[str]) -> Mapping[str, Farewell]:
        """Ask agents to leave, and see to it that they do. Ids that do not run are left out."""
        board = self._board
        content = frame.encode(frame.stop(epoch=self.epoch, tick=0))
        leaving = [board.residents[id] for id in ids if id in board.residents]
        for resident in leaving:
            resident.leaving = True
            board.ask(resident, content, Asked.BYE)
        self._see_off(self.limits.stop)
        for resident in list(board.waiting.values()):
            board.condemn(resident, None)
        self._see_off_the_condemned()
        return dict(self._farewells())

    def kill(self, ids: Iterable[str]) -> tuple[str, ...]:
        """End agents at once; return the ids of those that cannot be killed."""
        board = self._board
        for resident in [board.residents[id] for id in ids if id in board.residents]:
            resident.leaving = True
            board.condemn(resident, None)
        self._see_off_the_condemned()
        return tuple(id for id, farewell in self._farewells() if farewell.unkillable)

    def _see_off(self, seconds: float) -> None:
        """Let the waited-for go; whoever has closed its pipe may take its time to exit."""
        deadline = time.monotonic() + seconds
        while self._board.waiting and (left := deadline - time.monotonic()) > 0:
            self._board.pump(left)

    def _see_off_the_condemned(self) -> None:
        self._see_off(self.limits.kill)
        for resident in list(self._board.waiting.values()):
            self._board.give_up(resident)

    def _farewells(self) -> Iterator[tuple[str, Farewell]]:
        departed, self._board.departed = self._board.departed, {}
        for id, (resident, exit) in departed.items():
            reason = _not_as_asked(resident, exit, self.limits.stop)
            yield id, Farewell(resident.state, reason, unkillable=exit is None)

    def close(self) -> None:
        """End everyone at once and take the pipes away. Safe to call twice."""
        if not self._closed:
            self._closed = True
            try:
                self.kill(list(self._board.residents))
            finally:
                self._board.close()

    # --- looking

    def running(self) -> Mapping[str, Identity]:
        return {id: resident.identity for id, resident in self._board.residents.items()}

    def files(self) -> frozenset[Path]:
        """The programs that agents run now."""
        found = set()
        for resident in self._board.residents.values():
            with suppress(OSError):
                found.add(Path(f"/proc/{resident.identity.pid}/exe").readlink())
        return frozenset(found)

    def sample(self, ids: Iterable[str] | None = None) -> Mapping[str, Usage]:
        """What agents have used (all, if none are named). Now and then overlong logs are cut."""
        self._samples += 1
        if self._samples % _SAMPLES_BETWEEN_TRIMS == 0:
            self._trim_logs()
        residents = self._board.residents
        usages = {
            id: identity.usage(residents[id].identity.pid)
            for id in (residents if ids is None else ids)
            if id in residents
        }
        return {id: usage for id, usage in usages.items() if usage is not None}

    def _trim_logs(self) -> None:
        for resident in self._board.residents.values():
            if agent_log.trim(resident.folder, self._log_bytes):
                resident.log_start = 0


def _half(resident: Resident) -> str:
    pending = resident.decoder.pending
    return f", after {pending} bytes of an unfinished frame" if pending else ""


def _not_as_asked(resident: Resident, exit: Exit | None, patience: float) -> str | None:
    """What there is to say about a departure, or None if it was as it should be."""
    if exit is None:
        return f"process {resident.identity.pid} cannot be killed"
    if resident.verdict is not None:
        return resident.verdict.reason
    if resident.condemned_at:
        said = "said bye, but did not exit" if resident.said_bye else "did not answer stop"
        return f"{said} within {patience:g} s, and was killed"
    if not resident.said_bye:
        return f"{exit} without a bye"
    return None if exit.code == 0 else f"{exit} after its bye"

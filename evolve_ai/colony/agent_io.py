"""Moves frames between the colony and its agents in one epoll loop, and notices deaths."""

import os
import select
import signal
import time
from collections.abc import Callable

from evolve_ai.colony.adoption import CONDEMNED
from evolve_ai.colony.agent_process import AgentProcess, Owed
from evolve_ai.colony.keeper import Ended
from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.spawner import Began, Failed, Replaced, Spawner
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.frame import FrameError
from evolve_ai.model.world import Act
from evolve_ai.system import processes
from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity, out_of_memory_kills

_READ = 8192
# Bounds the last reads from a dead agent: a child of it might go on filling the pipe.
_MAX_LAST_READS = 64
# Polling interval for agents without a living keeper: nobody reports how they end.
_LOOK_SECONDS = 0.01
ORPHANED = "had received nothing for the orphan time, and exited"


class AgentIO:
    """Connects agents. `waiting` holds the agents that still have to answer or to end.

    `begun` is called for each requested process, once it has started or failed to start.
    """

    def __init__(
        self, spawner: Spawner, order_log: OrderLog, begun: Callable[[Began | Failed], None]
    ) -> None:
        self.agents: dict[str, AgentProcess] = {}
        self.waiting: dict[str, AgentProcess] = {}
        self.acts: dict[str, Act] = {}
        self.faults: dict[str, Fault] = {}
        self.ended: list[int] = []  # pids of the agents in `faults`
        self.departed: dict[str, tuple[AgentProcess, Exit | None]] = {}
        self.byes: list[AgentProcess] = []
        self.haunted: set[str] = set()  # agents with an old process that SIGKILL did not end
        self.taints: list[str] = []
        self.unkillable: list[Identity] = []
        self._spawner = spawner
        self._order_log = order_log
        self._begun = begun
        self._epoll = select.epoll()
        self._by_outward: dict[int, AgentProcess] = {}
        self._by_inward: dict[int, AgentProcess] = {}
        self._by_pid: dict[int, AgentProcess] = {}
        self._fading: dict[int, AgentProcess] = {}  # about to end, without a keeper to report it
        self._oom_kills = out_of_memory_kills()
        self._listen_to_the_keeper()

    @property
    def handle(self) -> int:
        """A descriptor that is readable when pump() has something to handle."""
        return self._epoll.fileno()

    def _listen_to_the_keeper(self) -> None:
        self._keeper = self._spawner.handle
        self._epoll.register(self._keeper, select.EPOLLIN)
        self._is_sent = True

    def request(self, sent: bool) -> None:
        """Note that a request was sent, or that it waits until the keeper takes more."""
        if sent != self._is_sent:
            out = 0 if sent else select.EPOLLOUT
            self._epoll.modify(self._keeper, select.EPOLLIN | out)
            self._is_sent = sent

    def add(self, process: AgentProcess) -> None:
        self.agents[process.id] = process
        self._by_outward[process.pipes.outward] = process
        self._by_pid[process.identity.pid] = process
        self._epoll.register(process.pipes.outward, select.EPOLLIN)

    def ask(self, process: AgentProcess, frame: bytes, asked: Owed) -> None:
        """Send a frame that the agent must answer."""
        process.asked = asked
        process.cpu_when_late = None
        self.waiting[process.id] = process
        if not process.send(frame):
            self._watch_inward(process)

    def tell(self, process: AgentProcess, frame: bytes) -> None:
        """Send a frame that needs no answer. Does nothing if the process is gone."""
        there = self._by_pid.get(process.identity.pid) is process
        if there and not process.send(frame):
            self._watch_inward(process)

    def _watch_inward(self, process: AgentProcess) -> None:
        inward = process.pipes.inward
        if inward not in self._by_inward:
            self._by_inward[inward] = process
            self._epoll.register(inward, select.EPOLLOUT)

    def pump(self, seconds: float) -> bool:
        """Handle what happens within so many seconds; False if nothing did."""
        if self._fading:
            seconds = min(seconds, _LOOK_SECONDS)
        events = self._epoll.poll(seconds)
        by_outward, keeper = self._by_outward, 0
        for handle, event in events:
            process = by_outward.get(handle)
            if process is not None:
                self._listen(process)
            elif handle == self._keeper:
                keeper = event
            elif (process := self._by_inward.get(handle)) is not None and process.flush():
                self._epoll.unregister(handle)
                del self._by_inward[handle]
        if keeper:
            self._hear_the_keeper(keeper)
        return bool(events) | self._look_after_the_fading()

    def _hear_the_keeper(self, event: int) -> None:
        if event & select.EPOLLOUT:
            self.request(self._spawner.flush())
        for told in self._spawner.hear():
            if isinstance(told, Ended):
                process = self._by_pid.get(told.identity.pid)
                if process is not None and process.identity == told.identity:
                    self._bury(process, told.exit)
            elif isinstance(told, Replaced):
                self._listen_to_the_keeper()
                self._reconcile(told)
            else:
                self._begun(told)

    def _reconcile(self, told: Replaced) -> None:
        """Bury processes that ended by the journal; watch those that no keeper watches any more."""
        ended = {life.identity: life.exit for life in told.journal.lives.values() if life.exit}
        for process in list(self._by_pid.values()):
            process.kept &= told.same
            exit = ended.get(process.identity)
            if exit is not None:
                self._bury(process, exit)
            elif not process.kept and (process.closed or process.condemned_at):
                self._fading[process.identity.pid] = process

    def _look_after_the_fading(self) -> bool:
        gone = [one for one in self._fading.values() if not one.identity.lives()]
        for process in gone:
            self._bury(process, Exit())
        return bool(gone)

    def look_for_the_dead(self) -> None:
        """Find ended processes that no keeper reports and whose pipe another process keeps open."""
        for process in list(self._by_pid.values()):
            if not process.kept and not process.identity.lives():
                self._bury(process, Exit())

    def _listen(self, process: AgentProcess) -> bool:
        """Read once; False when there is nothing more."""
        try:
            data = os.read(process.pipes.outward, _READ)
        except BlockingIOError:
            return False
        if not data:
            # It is about to exit, or it closed the pipe and can never answer: see _judge().
            process.closed = True
            self._deafen(process)
            if not process.kept:
                self._fading[process.identity.pid] = process
            return False
        act = process.act_in(data)
        if act is not None:
            self.acts[process.id] = act
            self.waiting.pop(process.id, None)
            return True
        return self._take_in(process, data)

    def _take_in(self, process: AgentProcess, data: bytes) -> bool:
        """Decode and apply what an agent sent; False when it was condemned for it."""
        broken: FrameError | None = None
        try:
            bodies = process.decoder.feed(data)
        except FrameError as error:
            broken, bodies = error, list(error.before)
        try:
            for body in bodies:
                answer = process.take(body)
                if answer is False:
                    continue
                if type(answer) is Act:
                    self.acts[process.id] = answer
                if not process.leaving:
                    self.waiting.pop(process.id, None)
                elif process.said_bye:
                    self.byes.append(process)
        except FrameError as error:
            broken = error
        if broken is not None:
            self.condemn(process, Fault(Cause.PROTOCOL, str(broken)))
        return broken is None

    def _deafen(self, process: AgentProcess) -> None:
        if self._by_outward.pop(process.pipes.outward, None) is not None:
            self._epoll.unregister(process.pipes.outward)

    def condemn(self, process: AgentProcess, fault: Fault | None) -> None:
        """End a process by SIGKILL, for this fault or (None) for no fault of its own."""
        if process.condemned_at:
            return
        process.verdict = fault
        process.condemned_at = time.monotonic()
        if fault is not None:
            self._order_log.write([[CONDEMNED, process.identity.pid, fault.cause, fault.reason]])
        self._deafen(process)
        processes.signal_one(process.identity, signal.SIGKILL)
        self.waiting[process.id] = process
        if not process.kept:
            self._fading[process.identity.pid] = process

    def _bury(self, process: AgentProcess, exit: Exit) -> None:
        # Read what it sent before it died, so that no answer depends on when we looked.
        reads = 0
        hears = process.pipes.outward in self._by_outward
        while hears and reads < _MAX_LAST_READS and self._listen(process):
            reads += 1
            hears = not process.condemned_at
        self._disconnect(process)
        if self.agents.get(process.id) is not process:
            self.haunted.discard(process.id)  # given up long ago, dead at last
            return
        if process.leaving:
            self.departed[process.id] = (process, exit)
        else:
            self.fail(process.id, process.identity.pid, self._fault_of(process, exit))
        self.agents.pop(process.id, None)
        self.waiting.pop(process.id, None)

    def fail(self, id: str, pid: int, fault: Fault) -> None:
        self.faults[id] = fault
        self.ended.append(pid)

    def _fault_of(self, process: AgentProcess, exit: Exit) -> Fault:
        starved = False
        if exit.orphaned and not process.condemned_at:  # we were stopped for longer than that
            self.taints.append(f"agent {process.id} {ORPHANED}")
            return Fault(Cause.PLANNED, f"it {ORPHANED}")
        if exit.foreign and not process.condemned_at:
            kills, before = out_of_memory_kills(), self._oom_kills
            starved, self._oom_kills = kills > before, kills
            why = "out of memory" if starved else "a foreign kill"
            self.taints.append(f"agent {process.id}: {exit}, {why}")
        elif not exit.known and process.verdict is None:
            self.taints.append(f"agent {process.id} ended after its keeper, so nobody knows how")
        elif process.closed and exit.code is not None:
            process.verdict = None  # it was exiting by itself when our patience ended
        return process.why_ended(exit, out_of_memory=starved)

    def _disconnect(self, process: AgentProcess, *, remove: bool = True) -> None:
        self._deafen(process)
        if self._by_inward.pop(process.pipes.inward, None) is not None:
            self._epoll.unregister(process.pipes.inward)
        del self._by_pid[process.identity.pid]
        self._fading.pop(process.identity.pid, None)
        process.pipes.remove() if remove else process.pipes.close()

    def give_up(self, process: AgentProcess) -> None:
        """Report a process that SIGKILL does not end; its end is still awaited."""
        self.unkillable.append(process.identity)
        why = process.verdict.reason if process.verdict else "was to be ended"
        reason = f"{why}; process {process.identity.pid} cannot be killed"
        cause = process.verdict.cause if process.verdict else Cause.PLANNED
        if process.leaving:
            self.departed[process.id] = (process, None)
        else:
            self.fail(process.id, process.identity.pid, Fault(cause, reason))
            self.taints.append(f"agent {process.id}: {reason}")
        del self.agents[process.id]
        self.haunted.add(process.id)
        self.waiting.pop(process.id, None)

    def close(self) -> None:
        """Disconnect all agents. The pipes of living agents stay where they are."""
        for process in list(self._by_pid.values()):
            self._disconnect(process, remove=process.id not in self.agents)
        self._epoll.close()

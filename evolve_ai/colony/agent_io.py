"""Moves frames between the colony and its agents in one epoll loop, and notices deaths."""

import os
import select
import signal
import time
from collections.abc import Callable

from evolve_ai.colony.adoption import CONDEMNED
from evolve_ai.colony.keeper import Ended
from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.resident import Asked, Resident
from evolve_ai.colony.spawner import Began, Failed, Replaced, Spawner
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.frame import FrameError
from evolve_ai.model.world import Act
from evolve_ai.system import processes
from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity, out_of_memory_kills

_READ = 8192
# What is read from the pipe of a dead agent; a child of its own might go on filling it.
_MAX_LAST_READS = 64
# Between two looks at those whose keeper has died: nobody tells us of their end.
_LOOK_SECONDS = 0.01
ORPHANED = "had heard nothing for the orphan time, and ended"


class AgentIO:
    """Connects residents. `waiting` are those whose answer, or whose end, is outstanding.

    `begun` is called with each process that was asked for, or could not be had.
    """

    def __init__(
        self, spawner: Spawner, order_log: OrderLog, begun: Callable[[Began | Failed], None]
    ) -> None:
        self.residents: dict[str, Resident] = {}
        self.waiting: dict[str, Resident] = {}
        self.acts: dict[str, Act] = {}
        self.faults: dict[str, Fault] = {}
        self.ended: list[int] = []  # pids of those at fault
        self.departed: dict[str, tuple[Resident, Exit | None]] = {}
        self.byes: list[Resident] = []
        self.haunted: set[str] = set()  # by a process that was given up on
        self.taints: list[str] = []
        self.unkillable: list[Identity] = []
        self._spawner = spawner
        self._order_log = order_log
        self._begun = begun
        self._epoll = select.epoll()
        self._by_outward: dict[int, Resident] = {}
        self._by_inward: dict[int, Resident] = {}
        self._by_pid: dict[int, Resident] = {}
        self._fading: dict[int, Resident] = {}  # closed their pipe, and no keeper will tell why
        self._oom_kills = out_of_memory_kills()
        self._listen_to_the_keeper()

    @property
    def handle(self) -> int:
        """A descriptor that is readable when pump() would find something."""
        return self._epoll.fileno()

    def _listen_to_the_keeper(self) -> None:
        self._keeper = self._spawner.handle
        self._epoll.register(self._keeper, select.EPOLLIN)

    def request(self, sent: bool) -> None:
        """A request to the keeper was sent, or waits until the keeper takes more."""
        out = 0 if sent else select.EPOLLOUT
        self._epoll.modify(self._keeper, select.EPOLLIN | out)

    def add(self, resident: Resident) -> None:
        self.residents[resident.id] = resident
        self._by_outward[resident.pipes.outward] = resident
        self._by_pid[resident.identity.pid] = resident
        self._epoll.register(resident.pipes.outward, select.EPOLLIN)

    def ask(self, resident: Resident, frame: bytes, asked: Asked) -> None:
        """Send a frame to one of the residents, who then owes an answer."""
        resident.asked = asked
        resident.cpu_when_late = None
        self.waiting[resident.id] = resident
        if not resident.send(frame):
            self._watch_inward(resident)

    def tell(self, resident: Resident, frame: bytes) -> None:
        """Send a frame that needs no answer, unless its process is gone."""
        there = self._by_pid.get(resident.identity.pid) is resident
        if there and not resident.send(frame):
            self._watch_inward(resident)

    def _watch_inward(self, resident: Resident) -> None:
        inward = resident.pipes.inward
        if inward not in self._by_inward:
            self._by_inward[inward] = resident
            self._epoll.register(inward, select.EPOLLOUT)

    def pump(self, seconds: float) -> bool:
        """Wait so long for something to happen, and handle it; False if nothing did."""
        if self._fading:
            seconds = min(seconds, _LOOK_SECONDS)
        events = self._epoll.poll(seconds)
        by_outward, keeper = self._by_outward, 0
        for handle, event in events:
            resident = by_outward.get(handle)
            if resident is not None:
                self._listen(resident)
            elif handle == self._keeper:
                keeper = event
            elif (resident := self._by_inward.get(handle)) is not None and resident.flush():
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
                resident = self._by_pid.get(told.identity.pid)
                if resident is not None and resident.identity == told.identity:
                    self._bury(resident, told.exit)
            elif isinstance(told, Replaced):
                self._listen_to_the_keeper()
                self._reconcile(told)
            else:
                self._begun(told)

    def _reconcile(self, told: Replaced) -> None:
        """Who ended before is known; of those that a dead keeper has left nobody will tell us."""
        ended = {life.identity: life.exit for life in told.journal.lives.values() if life.exit}
        for resident in list(self._by_pid.values()):
            resident.kept &= told.same
            exit = ended.get(resident.identity)
            if exit is not None:
                self._bury(resident, exit)
            elif not resident.kept and (resident.closed or resident.condemned_at):
                self._fading[resident.identity.pid] = resident

    def _look_after_the_fading(self) -> bool:
        gone = [one for one in self._fading.values() if not one.identity.lives()]
        for resident in gone:
            self._bury(resident, Exit())
        return bool(gone)

    def look_for_the_dead(self) -> None:
        """Find who ended although nobody tells and its pipe was kept open by another."""
        for resident in list(self._by_pid.values()):
            if not resident.kept and not resident.identity.lives():
                self._bury(resident, Exit())

    def _listen(self, resident: Resident) -> bool:
        """Read once; False when there is nothing more."""
        try:
            data = os.read(resident.pipes.outward, _READ)
        except BlockingIOError:
            return False
        if not data:
            # Either it is about to exit, or it closed the pipe and can never answer: see judge.
            resident.closed = True
            self._deafen(resident)
            if not resident.kept:
                self._fading[resident.identity.pid] = resident
            return False
        act = resident.act_in(data)
        if act is not None:
            self.acts[resident.id] = act
            self.waiting.pop(resident.id, None)
            return True
        return self._take_in(resident, data)

    def _take_in(self, resident: Resident, data: bytes) -> bool:
        """Whatever it is that an agent sends; False when it is no longer listened to."""
        broken: FrameError | None = None
        try:
            bodies = resident.decoder.feed(data)
        except FrameError as error:
            broken, bodies = error, list(error.before)
        try:
            for body in bodies:
                answer = resident.take(body)
                if answer is False:
                    continue
                if type(answer) is Act:
                    self.acts[resident.id] = answer
                if not resident.leaving:
                    self.waiting.pop(resident.id, None)
                elif resident.said_bye:
                    self.byes.append(resident)
        except FrameError as error:
            broken = error
        if broken is not None:
            self.condemn(resident, Fault(Cause.PROTOCOL, str(broken)))
        return broken is None

    def _deafen(self, resident: Resident) -> None:
        if self._by_outward.pop(resident.pipes.outward, None) is not None:
            self._epoll.unregister(resident.pipes.outward)

    def condemn(self, resident: Resident, fault: Fault | None) -> None:
        """End a resident by SIGKILL: for this fault, or for none of its own."""
        if resident.condemned_at:
            return
        resident.verdict = fault
        resident.condemned_at = time.monotonic()
        if fault is not None:
            self._order_log.write([[CONDEMNED, resident.identity.pid, fault.cause, fault.reason]])
        self._deafen(resident)
        processes.signal_one(resident.identity, signal.SIGKILL)
        self.waiting[resident.id] = resident
        if not resident.kept:
            self._fading[resident.identity.pid] = resident

    def _bury(self, resident: Resident, exit: Exit) -> None:
        # What it said before it died was said: a frame never depends on who looks when.
        reads = 0
        hears = resident.pipes.outward in self._by_outward
        while hears and reads < _MAX_LAST_READS and self._listen(resident):
            reads += 1
            hears = not resident.condemned_at
        self._disconnect(resident)
        if self.residents.get(resident.id) is not resident:
            self.haunted.discard(resident.id)  # given up on long ago, dead at last
            return
        if resident.leaving:
            self.departed[resident.id] = (resident, exit)
        else:
            self.fail(resident.id, resident.identity.pid, self._fault_of(resident, exit))
        self.residents.pop(resident.id, None)
        self.waiting.pop(resident.id, None)

    def fail(self, id: str, pid: int, fault: Fault) -> None:
        self.faults[id] = fault
        self.ended.append(pid)

    def _fault_of(self, resident: Resident, exit: Exit) -> Fault:
        starved = False
        if exit.orphaned and not resident.condemned_at:  # we stood still for so long
            self.taints.append(f"agent {resident.id} {ORPHANED}")
            return Fault(Cause.PLANNED, f"it {ORPHANED}")
        if exit.foreign and not resident.condemned_at:
            kills, before = out_of_memory_kills(), self._oom_kills
            starved, self._oom_kills = kills > before, kills
            why = "out of memory" if starved else "a foreign kill"
            self.taints.append(f"agent {resident.id}: {exit}, {why}")
        elif not exit.known and resident.verdict is None:
            self.taints.append(f"agent {resident.id} ended after its keeper, nobody knows how")
        elif resident.closed and exit.code is not None:
            resident.verdict = None  # it was leaving by itself when we lost patience
        return resident.why_ended(exit, out_of_memory=starved)

    def _disconnect(self, resident: Resident, *, remove: bool = True) -> None:
        self._deafen(resident)
        if self._by_inward.pop(resident.pipes.inward, None) is not None:
            self._epoll.unregister(resident.pipes.inward)
        del self._by_pid[resident.identity.pid]
        self._fading.pop(resident.identity.pid, None)
        resident.pipes.remove() if remove else resident.pipes.close()

    def give_up(self, resident: Resident) -> None:
        """Report a process that SIGKILL does not end; we go on listening for its end."""
        self.unkillable.append(resident.identity)
        why = resident.verdict.reason if resident.verdict else "was to be ended"
        reason = f"{why}; process {resident.identity.pid} cannot be killed"
        cause = resident.verdict.cause if resident.verdict else Cause.PLANNED
        if resident.leaving:
            self.departed[resident.id] = (resident, None)
        else:
            self.fail(resident.id, resident.identity.pid, Fault(cause, reason))
            self.taints.append(f"agent {resident.id}: {reason}")
        del self.residents[resident.id]
        self.haunted.add(resident.id)
        self.waiting.pop(resident.id, None)

    def close(self) -> None:
        """Let go of everybody. The pipes of those who live on stay where they are."""
        for resident in list(self._by_pid.values()):
            self._disconnect(resident, remove=resident.id not in self.residents)
        self._epoll.close()

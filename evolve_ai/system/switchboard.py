"""Owns the epoll loop: frames of all residents in and out, and their deaths, as they happen."""

import os
import select
import signal
import time

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.frame import FrameError
from evolve_ai.model.world import Act
from evolve_ai.system import processes
from evolve_ai.system.exits import Exit
from evolve_ai.system.identity import Identity, out_of_memory_kills
from evolve_ai.system.resident import Asked, Resident

_READ = 8192
# What is read from the pipe of a dead agent; a child of its own might go on filling it.
_MAX_LAST_READS = 64


class Switchboard:
    """Connects residents. `waiting` are those whose answer, or whose end, is outstanding."""

    def __init__(self) -> None:
        self.residents: dict[str, Resident] = {}
        self.waiting: dict[str, Resident] = {}
        self.acts: dict[str, Act] = {}
        self.faults: dict[str, Fault] = {}
        self.departed: dict[str, tuple[Resident, Exit | None]] = {}
        self.taints: list[str] = []
        self.unkillable: list[Identity] = []
        self._epoll = select.epoll()
        self._by_outward: dict[int, Resident] = {}
        self._by_inward: dict[int, Resident] = {}
        self._by_pidfd: dict[int, Resident] = {}
        self._oom_kills = out_of_memory_kills()

    @property
    def handle(self) -> int:
        """Of the epoll set, which can itself be waited for."""
        return self._epoll.fileno()

    def add(self, resident: Resident) -> None:
        self.residents[resident.id] = resident
        self._by_outward[resident.pipes.outward] = resident
        self._by_pidfd[resident.pidfd] = resident
        self._epoll.register(resident.pipes.outward, select.EPOLLIN)
        self._epoll.register(resident.pidfd, select.EPOLLIN)

    def ask(
        self, resident: Resident, frame: bytes, asked: Asked, *, tick: int = -1, steps: int = 0
    ) -> None:
        """Send a frame to a resident, who then owes an answer."""
        resident.asked = asked
        resident.cpu_when_late = None
        if asked is Asked.ACT:
            resident.expect_act(tick, steps)
        self.waiting[resident.id] = resident
        if not resident.send(frame):
            self._watch_inward(resident)

    def _watch_inward(self, resident: Resident) -> None:
        inward = resident.pipes.inward
        if inward not in self._by_inward:
            self._by_inward[inward] = resident
            self._epoll.register(inward, select.EPOLLOUT)

    def pump(self, seconds: float) -> bool:
        """Wait so long for something to happen, and handle it; False if nothing did."""
        events = self._epoll.poll(seconds)
        by_outward = self._by_outward
        for handle, _ in events:
            resident = by_outward.get(handle)
            if resident is not None:
                self._listen(resident)
            elif (resident := self._by_pidfd.get(handle)) is not None:
                self._bury(resident)
            elif (resident := self._by_inward.get(handle)) is not None and resident.flush():
                self._epoll.unregister(handle)
                del self._by_inward[handle]
        return bool(events)

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
            return False
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
        self._deafen(resident)
        processes.send(resident.pidfd, signal.SIGKILL)
        self.waiting[resident.id] = resident

    def _bury(self, resident: Resident) -> None:
        # What it said before it died was said: a frame never depends on who looks when.
        reads = 0
        while not resident.condemned_at and reads < _MAX_LAST_READS and self._listen(resident):
            reads += 1
        exit = processes.collect(resident.pidfd, resident.identity.pid)
        if exit is None:
            return
        self._depart(resident, exit)

    def _depart(self, resident: Resident, exit: Exit) -> None:
        self._disconnect(resident)
        if self.residents.get(resident.id) is not resident:
            return  # given up on long ago, dead at last
        if resident.leaving:
            self.departed[resident.id] = (resident, exit)
        else:
            self.faults[resident.id] = self._fault_of(resident, exit)
        self.residents.pop(resident.id, None)
        self.waiting.pop(resident.id, None)

    def _fault_of(self, resident: Resident, exit: Exit) -> Fault:
        starved = False
        if exit.foreign and not resident.condemned_at:
            kills, before = out_of_memory_kills(), self._oom_kills
            starved, self._oom_kills = kills > before, kills
            why = "out of memory" if starved else "a foreign kill"
            self.taints.append(f"agent {resident.id}: {exit}, {why}")
        elif resident.closed and exit.code is not None:
            resident.verdict = None  # it was leaving by itself when we lost patience
        return resident.why_ended(exit, out_of_memory=starved)

    def _disconnect(self, resident: Resident) -> None:
        self._deafen(resident)
        if self._by_inward.pop(resident.pipes.inward, None) is not None:
            self._epoll.unregister(resident.pipes.inward)
        del self._by_pidfd[resident.pidfd]
        self._epoll.unregister(resident.pidfd)
        resident.release()

    def give_up(self, resident: Resident) -> None:
        """Report a process that SIGKILL does not end; its pidfd is kept, to reap it one day."""
        self.unkillable.append(resident.identity)
        why = resident.verdict.reason if resident.verdict else "was to be ended"
        reason = f"{why}; process {resident.identity.pid} cannot be killed"
        cause = resident.verdict.cause if resident.verdict else Cause.PLANNED
        if resident.leaving:
            self.departed[resident.id] = (resident, None)
        else:
            self.faults[resident.id] = Fault(cause, reason)
            self.taints.append(f"agent {resident.id}: {reason}")
        del self.residents[resident.id]
        self.waiting.pop(resident.id, None)

    def close(self) -> None:
        for resident in list(self._by_pidfd.values()):
            self._disconnect(resident)
        self._epoll.close()

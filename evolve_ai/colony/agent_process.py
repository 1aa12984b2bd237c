"""One running agent: its process, its pipes, and its state in the protocol."""

import contextlib
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from evolve_ai.colony import agent_log
from evolve_ai.colony.pipes import Pipes
from evolve_ai.model.act import parse_act, read_act
from evolve_ai.model.agent import Fault
from evolve_ai.model.frame import Body, Decoder, Finder, FrameError, parse_bye
from evolve_ai.model.world import Act
from evolve_ai.system.exits import Exit, Room, explain
from evolve_ai.system.identity import Identity

# How many frames of an older run may lie in a pipe; more than that is a flood.
_MAX_STALE = 16


class Owed(StrEnum):
    """The answer that an agent owes us."""

    NOTHING = "nothing"
    READY = "ready"
    ACT = "act"
    BYE = "bye"


@dataclass(slots=True, eq=False)
class AgentProcess:
    """One running agent. `epoch` is that of the colony; `log_start` is where its log began.

    `kept`: it is a child of the present keeper, which will report how it ends.
    """

    id: str
    identity: Identity
    pipes: Pipes
    folder: Path
    log_start: int
    epoch: int
    note: str = ""
    kept: bool = True
    room: Room = field(default_factory=Room)
    decoder: Decoder | Finder = field(default_factory=Decoder)
    unsent: bytearray = field(default_factory=bytearray)
    asked: Owed = Owed.NOTHING
    tick: int = -1
    steps: int = 0
    answered: int = -1
    stale: int = 0
    closed: bool = False
    cpu_when_late: float | None = None
    verdict: Fault | None = None
    condemned_at: float = 0.0
    leaving: bool = False
    said_bye: bool = False
    state: bytes | None = None

    def act_in(self, data: bytes) -> Act | None:
        """The act that it owes, if these bytes are exactly that act.

        This is the fast path of nearly all reads. After None, decode the bytes and use take().
        """
        if self.asked is not Owed.ACT or self.leaving or self.decoder.pending:
            return None
        act = read_act(data, self.epoch, self.tick, self.steps)
        if act is not None:
            self._answered()
        return act

    def _answered(self) -> None:
        self.asked, self.answered, self.stale = Owed.NOTHING, self.tick, 0

    def take(self, body: Body) -> Act | bool:
        """What this body answers: an act, True for ready or bye, False for a frame to drop.

        Raises FrameError when the agent was not allowed to send it.
        """
        kind = body["kind"]
        if body["epoch"] != self.epoch:
            return self._drop()
        if kind == "act":
            return self._take_act(body)
        if kind == "ready":
            if self.asked is not Owed.READY:
                return self._drop()  # left over from an interrupted start
            self.asked = Owed.NOTHING
            return True
        if kind == "bye" and self.asked is Owed.BYE:
            self.asked = Owed.NOTHING
            self.said_bye, self.state = True, parse_bye(body)
            return True
        if kind == "bye" and self.said_bye:
            return self._drop()  # the bye to an earlier stop
        raise FrameError(f"sent {kind[:60]!r} instead of {self.asked}")

    def _take_act(self, body: Body) -> Act | bool:
        tick = body["tick"]
        if self.asked is Owed.ACT and tick == self.tick:
            act = parse_act(body, self.steps)
            self._answered()
            return act
        if tick == self.answered:
            raise FrameError(f"answered tick {tick} twice")
        if tick > self.tick:
            raise FrameError(f"answered tick {tick}, but was last asked for {self.tick}")
        return self._drop()

    def _drop(self) -> bool:
        self.stale += 1
        if self.stale > _MAX_STALE:
            raise FrameError(f"sent {self.stale} frames of other ticks or epochs")
        return False

    def expect_act(self, tick: int, steps: int) -> None:
        """Declare that the next answer must be an act."""
        self.tick, self.steps = tick, steps
        if tick == self.answered:
            self.answered = -1  # the same tick is asked again, so it may be answered again

    def send(self, frame: bytes) -> bool:
        """Write as much of a frame as the pipe takes; True if all of it was written."""
        if not self.unsent:
            try:
                written = os.write(self.pipes.inward, frame)
            except BlockingIOError:
                written = 0
            if written == len(frame):
                return True
            frame = frame[written:]
        self.unsent += frame
        return False

    def flush(self) -> bool:
        """Write what is still unsent; True if all of it was written."""
        with contextlib.suppress(BlockingIOError):
            del self.unsent[: os.write(self.pipes.inward, self.unsent)]
        return not self.unsent

    def why_ended(self, exit: Exit, *, out_of_memory: bool) -> Fault:
        if self.verdict is not None:
            return self.verdict
        words = agent_log.last_words(self.folder, self.log_start)
        return explain(exit, words, out_of_memory=out_of_memory, room=self.room)

    def listen_for(self, epoch: int) -> None:
        """Ignore all frames before the first `ready` of this epoch."""
        self.epoch = epoch
        self.decoder = Finder(epoch)

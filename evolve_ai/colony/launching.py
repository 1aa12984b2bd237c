"""Starts agents: prepares what a process needs, requests the process, and greets it."""

import errno
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.colony import agent_log, pipes, refusals, state_folders
from evolve_ai.colony.agent_io import AgentIO
from evolve_ai.colony.agent_process import AgentProcess, Owed
from evolve_ai.colony.keeper import Launch
from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.programs import AS_FILE, NotAsSignedError, Programs
from evolve_ai.colony.spawner import Began, Failed, Spawner
from evolve_ai.model import frame
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Refused, Start, Started
from evolve_ai.model.sandbox import AgentBox
from evolve_ai.system.exits import Room
from evolve_ai.system.identity import Identity
from evolve_ai.system.reserves import SPARE_DESCRIPTORS

BARE = "bare"
_LOOK_SECONDS = 0.1
_REQUESTS_IN_A_ROW = 8  # then they are sent, and what has happened is handled


@dataclass(frozen=True, slots=True)
class Noted:
    """What the journal keeps of a start: its note, the mark of its box, and where its log began."""

    note: str
    box: str
    log_start: int

    def __str__(self) -> str:
        return f"{self.note}:{self.box}.{self.log_start}"

    @classmethod
    def parse(cls, text: str) -> "Noted":
        note, _, rest = text.rpartition(":")
        box, _, log_start = rest.rpartition(".")
        return cls(note, box, int(log_start) if log_start.isdecimal() else 0)


@dataclass(frozen=True, slots=True)
class _Request:
    start: Start
    pipes: pipes.Pipes
    hello: bytes
    log_start: int


class Launcher:
    """Starts agents and greets them; `epoch`, `orphan_seconds`, `room` and `box` hold for all
    agents."""

    def __init__(
        self,
        folder: Path,
        spawner: Spawner,
        order_log: OrderLog,
        *,
        epoch: int,
        orphan_seconds: int,
        room: Room,
        box: AgentBox | None,
        log_bytes: int,
    ):
        self._folder = folder
        self._spawner = spawner
        self._epoch = epoch
        self._orphan_seconds = orphan_seconds
        self._room = room
        self._box = box
        # Part of the note of each start, so that an adopter knows the box of an agent.
        self.box_mark = box.mark if box is not None else BARE
        self._programs = Programs(folder)
        self._log_bytes = log_bytes
        self._requested: dict[str, _Request] = {}
        self._outcome: dict[str, Started | Fault | Refused] = {}
        self.board = AgentIO(spawner, order_log, self._begun)

    def start(self, starts: Sequence[Start]) -> dict[str, Started | Fault | Refused]:
        """Start processes and greet each; a started process must then answer `ready`."""
        self._outcome = {}
        for number, start in enumerate(starts):
            if start.id in self.board.agents:
                raise ValueError(f"agent {start.id} runs already")
            self._request(start)
            if number % _REQUESTS_IN_A_ROW == 0:
                self.board.request(self._spawner.flush())
                self.board.pump(0)
        self.board.request(self._spawner.flush())
        while self._requested:
            self.board.pump(_LOOK_SECONDS)
        return self._outcome

    def _request(self, start: Start) -> None:
        pair: pipes.Pipes | None = None
        try:
            if start.id in self.board.haunted:
                raise BlockingIOError(errno.EAGAIN, "its old process cannot be killed")
            hello = self.hello(start)
            log_start = agent_log.prepare(start.folder, self._log_bytes)
            state_folders.see_to(start.folder)
            pair = pipes.make(self._folder, start.id)
            _keep_spare_descriptors(pair)
            launch = self._launch(start, pair, log_start)
        except (OSError, frame.FrameError, NotAsSignedError) as error:
            if pair is not None:
                pair.remove()
            self._outcome[start.id] = refusals.judged(error, start.folder)
            return
        self._requested[start.id] = _Request(start, pair, hello, log_start)
        self._spawner.queue(launch)

    def _launch(self, start: Start, pair: pipes.Pipes, log_start: int) -> Launch:
        assert start.program is not None
        folder = start.folder.absolute()
        return Launch(
            id=start.id,
            note=str(Noted(start.note, self.box_mark, log_start)),
            program=self._programs.hold(start.program),
            arguments=tuple(start.program.arguments),
            argv0=f"agent-{start.id}",
            folder=folder,
            in_path=pair.inward_path,
            out_path=pair.outward_path,
            log=f"{folder}/{agent_log.NAME}",
            box=self._box.of(folder) if self._box is not None else None,
            room=self._room,
        )

    def close(self) -> None:
        self._programs.close()

    def _begun(self, told: Began | Failed) -> None:
        """Handle the keeper's answer to a request."""
        request = self._requested.pop(told.launch.id)
        if isinstance(told, Failed):
            if refusals.refuses_memory(told.errno, told.text) and self._from_a_file(request, told):
                return
            request.pipes.remove()
            self._outcome[told.launch.id] = refusals.judged_step(told.errno, told.text)
            return
        process = self.process(request.start, told.identity, request.pipes, request.log_start)
        self.board.add(process)
        self._outcome[process.id] = Started(told.identity.pid)
        self.board.ask(process, request.hello, Owed.READY)

    def _from_a_file(self, request: _Request, told: Failed) -> bool:
        """Repeat the request with the program in a file; False if that cannot help."""
        if told.launch.program.name.endswith(AS_FILE):
            return False
        self._programs.leave_memory()
        try:
            launch = self._launch(request.start, request.pipes, request.log_start)
        except (OSError, NotAsSignedError):
            return False
        self._requested[request.start.id] = request
        self.board.request(self._spawner.ask(launch))
        return True

    def process(
        self, start: Start, found: Identity, pair: pipes.Pipes, log_start: int
    ) -> AgentProcess:
        return AgentProcess(
            id=start.id,
            identity=found,
            pipes=pair,
            folder=start.folder.absolute(),
            log_start=log_start,
            epoch=self._epoch,
            note=start.note,
            room=self._room,
        )

    def hello(self, start: Start) -> bytes:
        """The encoded hello frame. FrameError when it is too large."""
        body = frame.hello(
            epoch=self._epoch,
            tick=start.tick,
            id=start.id,
            seed=start.seed,
            genome=start.genome,
            state=start.state,
            orphan_seconds=self._orphan_seconds,
            pool=start.pool,
        )
        return frame.encode(body)


def _keep_spare_descriptors(pair: pipes.Pipes) -> None:
    """Raise OSError (EMFILE) when a new pair of pipes has taken one of the last descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and pair.outward >= soft - SPARE_DESCRIPTORS:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

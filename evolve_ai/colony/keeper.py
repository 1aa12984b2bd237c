"""Talks to a keeper, the small native process that starts and reaps a colony's agents.

The keeper's side and the fields of a frame are described in evolve_ai/keeper/src/wire.rs.
"""

import itertools
import os
import select
import socket
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.colony import keeper_start
from evolve_ai.colony.keeper_start import KeeperError
from evolve_ai.colony.programs import Held
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.sandbox import Box, Protection
from evolve_ai.system import processes
from evolve_ai.system.box import box_words
from evolve_ai.system.exits import Exit, Room
from evolve_ai.system.identity import Identity
from evolve_ai.system.patience import Patience

__all__ = [
    "Compacted",
    "Ended",
    "Keeper",
    "KeeperError",
    "KeeperEvent",
    "KeeperGone",
    "Launch",
    "ProcessRefused",
    "ProcessStarted",
]

_PIECE = 1 << 16
_HEAD = 4
_MOST_KNOWN = 64  # programs that a keeper keeps open for us
_LAST_BREATH = 0.05  # seconds between its hanging up and its end


class KeeperGone(EvolveError):
    """The keeper has hung up. Its agents live on, and its journal lists them."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start, where, and in which box (None: no box). The journal gives `note` back; `note`
    and `id` must not contain blanks. The pipes must exist, and a reader must have opened the one
    at `out_path`."""

    id: str
    note: str
    program: Held
    arguments: Sequence[str]
    argv0: str
    folder: Path
    in_path: Path | str
    out_path: Path | str
    log: Path | str
    box: Box | None
    room: Room = field(default_factory=Room)


@dataclass(frozen=True, slots=True)
class ProcessStarted:
    serial: int
    identity: Identity


@dataclass(frozen=True, slots=True)
class ProcessRefused:
    serial: int
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    id: str
    identity: Identity
    exit: Exit


@dataclass(frozen=True, slots=True)
class Compacted:
    """The journal was rewritten; with an errno, that failed and the journal is unchanged."""

    errno: int


KeeperEvent = ProcessStarted | ProcessRefused | Ended | Compacted


class Keeper:
    """A connection to the keeper of one folder. Only open() and leave() block."""

    def __init__(self, connection: socket.socket, pidfd: int, identity: Identity):
        self.identity = identity
        self._socket = connection
        self._pidfd = pidfd
        self._serials = itertools.count(1)
        self._incoming = bytearray()
        self._outgoing = bytearray()
        # Files to send, each with the offset in the unsent bytes that it accompanies.
        self._files: deque[tuple[int, Held]] = deque()
        self._known: OrderedDict[str, None] = OrderedDict()

    @classmethod
    def open(
        cls,
        folder: Path,
        program: Path,
        orphan_seconds: int,
        *,
        patience: float = 5.0,
        around: Sequence[str] = (),
    ) -> "Keeper":
        """Connect to the living keeper of a folder, or start one and connect. `around` are the
        command words before those of a new keeper, for namespaces.

        A keeper that does not greet within `patience` seconds is killed and replaced; its agents
        live on. Raises KeeperError when none can be started.
        """
        reached = keeper_start.reach(folder, program, orphan_seconds, patience, around)
        return cls(reached.connection, reached.pidfd, reached.identity)

    @property
    def handle(self) -> int:
        """A descriptor for epoll: readable when hear() has something to return."""
        return self._socket.fileno()

    def spawn(self, launch: Launch) -> int:
        """Queue a start for the next flush(); returns the serial number of the answer."""
        self._make_known(launch.program)
        serial = next(self._serials)
        self._ask("spawn", str(serial), *_fields(launch))
        return serial

    def _make_known(self, program: Held) -> None:
        if program.name not in self._known:
            self._files.append((len(self._outgoing), program))
            self._ask("program", program.name)
        self._known[program.name] = None
        self._known.move_to_end(program.name)
        if len(self._known) > _MOST_KNOWN:
            self._ask("forget", self._known.popitem(last=False)[0])

    def compact(self, offset: int) -> None:
        """Queue a request: forget the journal before this offset, except for living processes."""
        self._ask("compact", str(offset))

    def flush(self) -> bool:
        """Send as much of the queue as the keeper takes now; True if all of it was sent."""
        while self._outgoing:
            try:
                sent = self._send()
            except OSError:
                break  # full; or the keeper is gone, and hear() raises that after its last frames
            del self._outgoing[:sent]
            self._files = deque((place - sent, file) for place, file in self._files)
        return not self._outgoing

    def _send(self) -> int:
        """Send the bytes before the next file, or that file with the bytes that follow it."""
        if not self._files:
            return self._socket.send(self._outgoing)
        place, program = self._files[0]
        if place:
            return self._socket.send(self._outgoing[:place])
        end = self._files[1][0] if len(self._files) > 1 else len(self._outgoing)
        sent = socket.send_fds(self._socket, [self._outgoing[:end]], [program.handle])
        self._files.popleft()
        return sent

    def hear(self) -> list[KeeperEvent]:
        """The events that the keeper has reported since the last call.

        Raises KeeperGone when it has hung up and no event is left.
        """
        gone = self._receive()
        told = [_told(frame, self.identity.boot_id) for frame in _frames(self._incoming)]
        if gone and not told:
            # It hangs up a moment before it is a zombie. Or it lives, and has closed only our end.
            processes.ended([self._pidfd], _LAST_BREATH)
            self._reap()
            raise KeeperGone(f"the keeper, process {self.identity.pid}, has closed its connection")
        return told

    def leave(self, seconds: float) -> bool:
        """Ask it to end once it has no child; True if it has ended within so many seconds."""
        self._ask("leave")
        patience = Patience(seconds)
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        while not self.flush() and patience.left > 0:
            if poll.poll(10):
                break
        while not (ended := bool(poll.poll(patience.step * 1000))) and patience.left > 0:
            pass
        self._reap()
        return ended

    def close(self) -> None:
        """Disconnect. The keeper and its agents live on."""
        self._socket.close()
        if self._pidfd >= 0:
            self._reap()
            os.close(self._pidfd)
            self._pidfd = -1

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, *fields: str) -> None:
        body = "\0".join(fields).encode("utf-8", "surrogateescape")
        self._outgoing += len(body).to_bytes(_HEAD, "little") + body

    def _receive(self) -> bool:
        """Read what has arrived; True at the end of the stream."""
        while True:
            try:
                data = self._socket.recv(_PIECE)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not data:
                return True
            self._incoming += data

    def _reap(self) -> None:
        """Remove its zombie if it is our child and has ended."""
        keeper_start.reap(self._pidfd)


def _fields(launch: Launch) -> Iterator[str]:
    yield from (launch.id, launch.note)
    for path in (launch.folder, launch.in_path, launch.out_path, launch.log):
        text = str(path)
        yield text if text.startswith("/") else str(Path(text).absolute())
    room = launch.room
    yield from map(str, (room.memory_bytes, room.file_bytes, room.descriptors))
    lifted = launch.box.lifted if launch.box is not None else ()
    environment = os.environ if Protection.ENVIRONMENT in lifted else processes.ENVIRONMENT
    yield str(len(environment))
    yield from (f"{name}={value}" for name, value in environment.items())
    if launch.box is None:
        yield "bare"
    else:
        words = [*box_words(launch.box)]
        yield from ("boxed", str(len(words)), *words)
    yield from (launch.program.name, launch.argv0, *launch.arguments)


def _frames(incoming: bytearray) -> Iterator[list[str]]:
    """Remove the complete frames from `incoming`, and yield their fields."""
    while len(incoming) >= _HEAD:
        end = _HEAD + int.from_bytes(incoming[:_HEAD], "little")
        if len(incoming) < end:
            return
        fields = incoming[_HEAD:end].decode("utf-8", "replace").split("\0")
        del incoming[:end]
        yield fields


def _told(fields: list[str], boot_id: str) -> KeeperEvent:
    match fields:
        case ["started", serial, pid, start]:
            return ProcessStarted(int(serial), Identity(int(pid), int(start), boot_id))
        case ["refused", serial, errno, text]:
            return ProcessRefused(int(serial), int(errno), text)
        case ["ended", id, pid, start, "exit", code]:
            return Ended(id, Identity(int(pid), int(start), boot_id), Exit(code=int(code)))
        case ["ended", id, pid, start, "signal", number]:
            return Ended(id, Identity(int(pid), int(start), boot_id), Exit(signal=int(number)))
        case ["compacted", errno]:
            return Compacted(int(errno))
    raise KeeperGone(f"the keeper sent an unknown message: {fields[:3]}")

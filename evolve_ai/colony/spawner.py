"""Requests processes from the keeper, and starts a new keeper when that has died."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.colony import journal
from evolve_ai.colony.journal import Journal
from evolve_ai.colony.keeper import (
    Compacted,
    Ended,
    Keeper,
    KeeperGone,
    Launch,
    ProcessRefused,
    ProcessStarted,
)
from evolve_ai.system import processes
from evolve_ai.system.identity import Identity

_ATTEMPTS = 3  # how often a keeper may die over one start
_LONG_JOURNAL = 1 << 20
_LAST = 2.0  # seconds that a dying keeper may take to end


@dataclass(frozen=True, slots=True)
class Began:
    """A requested process has started."""

    launch: Launch
    identity: Identity


@dataclass(frozen=True, slots=True)
class Failed:
    """A requested process could not be started; `errno` is that of the call that failed."""

    launch: Launch
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The keeper hung up and we have a new connection. `journal` is its record at that moment.
    `same`: the connection leads to the same keeper. Otherwise the processes of the old keeper live
    on, but nobody will report how they end."""

    journal: Journal
    same: bool


SpawnerEvent = Began | Failed | Ended | Replaced


class Spawner:
    """Starts processes by a keeper, which is replaced whenever it dies."""

    def __init__(
        self,
        folder: Path,
        program: Path,
        orphan_seconds: int,
        join: Callable[[int], object] = lambda pid: None,
        around: Sequence[str] = (),
    ):
        """`join` is called with the pid of each new keeper before that starts any process for us;
        `around` are the command words before those of a new keeper.

        Raises KeeperError when none can be started.
        """
        self._folder = folder
        self._program = program
        self._orphan_seconds = orphan_seconds
        self._pending: dict[int, Launch] = {}
        self._attempts: dict[str, int] = {}
        self._mark = 0
        self._join = join
        self._around = around
        self._keeper = self._opened()

    def _opened(self) -> Keeper:
        keeper = Keeper.open(self._folder, self._program, self._orphan_seconds, around=self._around)
        self._join(keeper.identity.pid)
        return keeper

    @property
    def handle(self) -> int:
        """A descriptor that is readable when hear() has something to return."""
        return self._keeper.handle

    @property
    def identity(self) -> Identity:
        return self._keeper.identity

    def ask(self, launch: Launch) -> bool:
        """Request a process; False when the request is not completely sent: then call flush()."""
        self.queue(launch)
        return self.flush()

    def queue(self, launch: Launch) -> None:
        """Request a process with the next flush()."""
        self._pending[self._keeper.spawn(launch)] = launch

    def flush(self) -> bool:
        """Send as much of the queue as the keeper takes now; True if all of it was sent."""
        try:
            return self._keeper.flush()
        except KeeperGone:
            return True  # hear() meets the same error and handles it

    def hear(self) -> Iterator[SpawnerEvent]:
        """The events since the last call. Blocks only if the keeper must be replaced."""
        try:
            for told in self._keeper.hear():
                if not isinstance(told, Compacted):
                    yield self._understood(told)
        except KeeperGone:
            yield from self._replace()

    def _understood(self, told: ProcessStarted | ProcessRefused | Ended) -> SpawnerEvent:
        if isinstance(told, Ended):
            return told
        launch = self._pending.pop(told.serial)
        self._attempts.pop(launch.id, None)
        if isinstance(told, ProcessStarted):
            return Began(launch, told.identity)
        return Failed(launch, told.errno, told.text)

    def _replace(self) -> Iterator[SpawnerEvent]:
        """Open another keeper. The journal of the old one says which requests it carried out."""
        before = self._keeper.identity
        # Wait for its end: only then is each start of the old keeper in the journal, or dead.
        pidfd = processes.adopt_or_none(before)
        if pidfd is not None:
            processes.ended([pidfd], _LAST)
            os.close(pidfd)
        self._keeper.close()
        self._keeper = self._opened()
        known = self.journal()
        yield Replaced(known, self._keeper.identity == before)
        pending, self._pending = list(self._pending.values()), {}
        for launch in pending:
            life = known.lives.get(launch.id)
            if life and life.note == launch.note and life.exit is None and life.identity.lives():
                yield Began(launch, life.identity)
                continue
            self._attempts[launch.id] = self._attempts.get(launch.id, 0) + 1
            if self._attempts[launch.id] < _ATTEMPTS:
                self.ask(launch)
            else:
                del self._attempts[launch.id]
                yield Failed(launch, 0, "the keeper died over it")

    def journal(self) -> Journal:
        return journal.read(self._folder / journal.NAME)

    def committed(self) -> None:
        """Declare that all events before the previous call of this are on record elsewhere. A long
        journal is then cut."""
        try:
            size = (self._folder / journal.NAME).stat().st_size
        except OSError:
            return
        if size > _LONG_JOURNAL and self._mark:
            self._keeper.compact(self._mark)
            self._mark = 0
        else:
            self._mark = size

    def dismiss(self, seconds: float) -> bool:
        """Let the keeper end once it has no child; False if it has not ended in this time."""
        return self._keeper.leave(seconds)

    def close(self) -> None:
        """Disconnect; the keeper and its children live on."""
        self._keeper.close()

"""Asks the keeper for processes, and starts a new keeper when that has died."""

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

_ATTEMPTS = 3  # that a keeper may die over one start
_LONG_JOURNAL = 1 << 20
_LAST = 2.0  # seconds that a dying keeper may take


@dataclass(frozen=True, slots=True)
class Began:
    """A process that was asked for is there."""

    launch: Launch
    identity: Identity


@dataclass(frozen=True, slots=True)
class Failed:
    """A process that was asked for could not be started; `errno` as of the call that failed."""

    launch: Launch
    errno: int
    text: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The keeper has hung up, and we have another connection; `journal` tells what was known until
    then. `same`: to the same keeper. If not, those that the old one had started live on, but
    nobody will learn how they end."""

    journal: Journal
    same: bool


SpawnerEvent = Began | Failed | Ended | Replaced


class Spawner:
    """A keeper that is always there."""

    def __init__(
        self,
        folder: Path,
        program: Path,
        orphan_seconds: int,
        join: Callable[[int], object] = lambda pid: None,
        around: Sequence[str] = (),
    ):
        """`join` is told the pid of each keeper before that starts anybody for us; `around` is
        what a new one is started in.

        KeeperError when none can be started.
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
        """Readable when there is something to hear."""
        return self._keeper.handle

    @property
    def identity(self) -> Identity:
        return self._keeper.identity

    def ask(self, launch: Launch) -> bool:
        """Have a process started; False when the request is not wholly sent: flush it."""
        self._pending[self._keeper.spawn(launch)] = launch
        return self.flush()

    def flush(self) -> bool:
        """Send what is unsent, as far as the keeper takes it; whether all of it has gone."""
        try:
            return self._keeper.flush()
        except KeeperGone:
            return True  # hear() meets it, too

    def hear(self) -> Iterator[SpawnerEvent]:
        """What has happened since. Never waits, unless the keeper must be replaced."""
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
        """Open another keeper. Whom the old one may or may not have started, its journal tells."""
        before = self._keeper.identity
        # What it was about to start is either on record or dead only when it is wholly gone.
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
        """What was heard before the last call of this is on record elsewhere: a long journal is
        cut."""
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
        """Let the keeper end, as soon as it has no child; False when it has not in this time."""
        return self._keeper.leave(seconds)

    def close(self) -> None:
        """Hang up; the keeper and its children live on."""
        self._keeper.close()

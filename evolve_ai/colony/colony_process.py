"""Runs one colony in a process: opens it, takes orders and answers them, until told to end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from evolve_ai.colony.bounds import joining
from evolve_ai.colony.boxes import around_of, box_of
from evolve_ai.colony.colony import Colony, OpenWorld
from evolve_ai.contracts.environment import Environment, World
from evolve_ai.environments.demes import Demes
from evolve_ai.executors.worker import die_with_the_parent, leave_signals_to_the_parent, portable
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Change, Deadlines, nothing
from evolve_ai.model.errors import HeldError
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.report import Needs
from evolve_ai.model.settings import SuperviseSettings
from evolve_ai.system.cgroup import Group
from evolve_ai.system.exits import Room
from evolve_ai.system.lock import Lock
from evolve_ai.system.patience import Patience
from evolve_ai.system.project import Project

# Messages. An order is (name of a Colony method, positional arguments, keyword arguments).
TURN = "turn"  # live a season; the argument says whether to pause between ticks
GO_ON = "go on"  # the answer to BETWEEN, with a change
CLOSE = "close"  # the last order
DONE, RAISED = "done", "raised"  # how an order ended
BETWEEN = "between"  # a pause between two ticks: the last tick of each agent, and the faults
STIRS = "stirs"  # an agent has written or died while no order was under way

_PATIENCE = 10.0  # seconds that an earlier process of this colony may take to end
_PAUSE = 0.02

Call = tuple[str, tuple[Any, ...], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ColonySpec:
    """A colony that has the demes `ours` of `demes` in all. `program` is that of its keeper."""

    project: Project
    folder: Path
    program: Path
    epoch: int
    demes: int
    ours: tuple[int, ...]
    world_of: Callable[[Project], World]
    sandbox: Sandbox
    needs: Needs
    group: Group | None = None

    def open(self) -> Colony:
        """Open the colony in this process. Raises KeeperError, StorageError."""
        patience = self.project.settings.supervise
        return Colony(
            self.folder,
            self.program,
            self._open_world(),
            epoch=self.epoch,
            limits=limits_of(patience),
            orphan_seconds=patience.orphan_seconds,
            log_bytes=patience.log_bytes,
            room=Room.of(patience),
            join=joining(self.group, self.project.logs),
            box=box_of(self.sandbox, self.project, self.needs),
            around=around_of(self.sandbox, self.project, self.needs, self.folder),
        )

    def _open_world(self) -> OpenWorld:
        world = self.world_of(self.project)
        if self.demes == 1:
            return world.open

        def open_demes(places: int) -> Environment:
            return Demes(world.open, places, self.demes, self.ours)

        return open_demes


def limits_of(patience: SuperviseSettings) -> Deadlines:
    return Deadlines(
        cpu=patience.cpu_deadline,
        wall=patience.wall_deadline,
        ready_wall=patience.start_deadline,
        stop=patience.stop_grace,
    )


def serve(connection: Connection, spec: ColonySpec) -> None:
    """Run the colony. This process dies with its parent; when the parent hangs up, it lets go of
    the agents, which live on."""
    leave_signals_to_the_parent()
    die_with_the_parent()
    with suppress(EOFError):
        try:
            with _held(spec.folder), _Desk(connection, spec.open()) as desk:
                desk.work()
        except Exception as error:
            if isinstance(error, EOFError):
                raise
            _say(connection, RAISED, portable(error))


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock the folder of a colony. A process of a killed life-cycle may hold it for a moment.

    Raises HeldError when it is still held after that.
    """
    patience = Patience(_PATIENCE)
    while True:
        try:
            lock = Lock(folder, "colony")
        except HeldError:
            if patience.left <= 0:
                raise
            time.sleep(_PAUSE)
            continue
        with lock:
            yield
        return


def _say(connection: Connection, what: str, value: object) -> None:
    """Send a message. EOFError when the parent is gone."""
    try:
        connection.send((what, value))
    except OSError as error:
        raise EOFError from error


class _Desk:
    """Takes orders from the parent and answers them."""

    def __init__(self, connection: Connection, colony: Colony):
        self._connection = connection
        self._colony = colony

    def __enter__(self) -> "_Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self._colony.detach()

    def work(self) -> None:
        """Answer orders until EOFError ends it."""
        while True:
            self._watch()
            self._answer(self._next())

    def _watch(self) -> None:
        """Wait for an order. If an agent acts first, tell the parent (once)."""
        if self._connection not in wait([self._connection, self._colony.handle]):
            _say(self._connection, STIRS, None)

    def _next(self) -> Call:
        try:
            order: Call = self._connection.recv()
        except OSError as error:
            raise EOFError from error
        return order

    def _answer(self, order: Call) -> None:
        name, arguments, named = order
        try:
            value = self._carried_out(name, arguments, named)
        except EOFError:
            raise
        except Exception as error:
            _say(self._connection, RAISED, portable(error))
        else:
            _say(self._connection, DONE, value)
        if name == CLOSE:
            raise EOFError

    def _carried_out(self, name: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        if name == TURN:
            order, asks = arguments
            return self._colony.turn(order, self._between if asks else nothing)
        return getattr(self._colony, name)(*arguments, **named)

    def _between(self, lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        """Pause the season, and answer other orders until it goes on."""
        _say(self._connection, BETWEEN, (lived, faults))
        while (order := self._next())[0] != GO_ON:
            self._answer(order)
        change: Change = order[1][0]
        return change

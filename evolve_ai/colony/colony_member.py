"""Gives orders to one of several colonies, and replaces its process when that dies."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from os import dup2
from typing import Any

from evolve_ai.colony.colony_process import (
    BETWEEN,
    GO_ON,
    RAISED,
    STIRS,
    TURN,
    Call,
    ColonySpec,
    serve,
)
from evolve_ai.executors.fork_server import begin, children
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Adopted, Change, Farewell, Settled, Start
from evolve_ai.model.errors import EvolveError

SETTLE = "settle"
_LIVES = 3  # how many processes one order may cost
_GRACE = 10.0  # seconds for a process to disconnect and end


@dataclass(frozen=True, slots=True)
class Roster:
    """The agents that should live in a colony, from the registry, and an unused epoch."""

    epoch: int
    known: Mapping[str, Start]
    expected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an order; or (BETWEEN) a season waits for go_on()."""

    what: str
    value: Any


class ColonyProcess:
    """A colony in its own process: give() it an order, then take() the answer.

    A process that dies is replaced. Its agents live on: the next process adopts the agents of the
    `roster` and gets the unfinished order again, which is idempotent.
    """

    def __init__(self, spec: ColonySpec, roster: Callable[[], Roster]):
        self._spec = spec
        self._roster = roster
        self._context = children([serve.__module__])
        self._order: Call | None = None  # given, and not answered yet
        self._season: Call | None = None  # the order of the season under way
        self._knows = False  # whether this process has been given the season
        self._unheard = Change()  # changes that may not have reached a process before it died
        self._missed = Change()  # changes that did not reach the previous process
        self._byes: Mapping[str, Farewell] = {}
        self._lives = _LIVES
        self._closed = False
        self.connection: Connection
        self.connection, self._process = self._begun()

    def _begun(self) -> tuple[Connection, BaseProcess]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._spec), daemon=True)
        begin(process)
        theirs.close()
        return ours, process

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    # --- orders

    def give(self, name: str, *arguments: Any, **named: Any) -> None:
        """Give an order. An unanswered earlier order is broken off by replacing its process."""
        order: Call = (name, arguments, named)
        broken_off, self._order = self._order is not None, order
        self._lives, self._byes = _LIVES, {}
        if broken_off:
            self._season = None
            self._replace()
        if name == TURN:
            self._season, self._knows = order, True
            self._unheard = self._missed = Change()
        self._send(order)

    def go_on(self, change: Change) -> None:
        """Answer BETWEEN, so that the season goes on."""
        assert self._season is not None
        self._order = self._season
        if self._knows:
            change = _both(self._missed, change)
            self._unheard, self._missed = change, Change()
            self._send((GO_ON, (change,), {}))
        else:
            self._missed, self._knows = _both(self._missed, change), True
            self._send(self._season)

    def take(self) -> Answer:
        """Wait for the end of the order, or for the next pause between two ticks of a season.

        Raises what the colony raised; EvolveError when too many of its processes die.
        """
        while True:
            try:
                what, value = self.connection.recv()
            except (EOFError, OSError):
                self._begin_again()
                continue
            if what != STIRS:
                break
        order, self._order = self._order, None
        if order is self._season:
            self._unheard = Change()
        if what == BETWEEN:
            self._lives = _LIVES
            lived, faults = value
            return Answer(what, (lived, self._not_judged(faults)))
        if order is self._season:
            self._season = None
        if what == RAISED:
            raise value
        if self._byes and isinstance(value, Settled):
            value = replace(value, farewells={**self._byes, **value.farewells})
        return Answer(what, value)

    def _not_judged(self, faults: Mapping[str, Fault]) -> Mapping[str, Fault]:
        judged = self._missed.judged
        return {agent: fault for agent, fault in faults.items() if agent not in judged}

    def _send(self, order: Call) -> None:
        with suppress(OSError):  # take() meets the same error and handles it
            self.connection.send(order)

    # --- a process that has died

    def _begin_again(self) -> None:
        """Start another process and repeat the order under way."""
        self._replace()
        assert self._order is not None
        self._send(self._order)

    def _replace(self) -> None:
        """Let another process adopt the living agents. EvolveError when too many have died."""
        adopted: Adopted | None = None
        while adopted is None:
            self._kill()
            if not self._lives:
                name = self._order[0] if self._order else "no"
                raise EvolveError(
                    f"process {self.pid} of a colony was killed during the order {name!r}, as were "
                    f"{_LIVES} before it",
                    where=self._spec.folder,
                    todo="see what kills it (journalctl -k tells of memory); agents live on, and "
                    "the next run takes them over",
                )
            self._lives -= 1
            roster = self._roster()
            self._spec = replace(self._spec, epoch=roster.epoch)
            adopted = self._adopted(roster)
        self._missed = _both(self._missed, self._unheard)
        self._unheard = Change()
        self._knows = self._order is not None and self._order is self._season
        if self._order is not None and self._order[0] == SETTLE:
            self._regain(roster, adopted)

    def _kill(self) -> None:
        self._process.kill()
        self._process.join()

    def _adopted(self, roster: Roster) -> Adopted | None:
        """What the new process has adopted; None when that has died, too."""
        dead = self._process
        fresh, self._process = self._begun()
        dead.close()
        # Keep the number of the descriptor, since others wait on it.
        dup2(fresh.fileno(), self.connection.fileno(), inheritable=False)
        fresh.close()
        try:
            self.connection.send(("adopt", (roster.known, roster.expected), {}))
            while (said := self.connection.recv())[0] == STIRS:
                pass
        except (EOFError, OSError):
            return None
        what, value = said
        if what == RAISED:
            raise value
        adopted: Adopted = value
        return adopted

    def _regain(self, roster: Roster, adopted: Adopted) -> None:
        """Keep the memories of agents that already left over this order, if it has no title."""
        assert self._order is not None
        name, (title, leave, starts), named = self._order
        if title is not None:
            return
        for id in (*leave, *(start.id for start in starts)):
            if roster.expected.get(id) in adopted.left and id not in adopted.notes:
                self._byes = {**self._byes, id: Farewell(adopted.byes.get(id))}
        left = {id: bye.state for id, bye in self._byes.items()}
        again = [replace(one, state=left.get(one.id) or one.state) for one in starts]
        self._order = (name, (title, leave, again), named)

    # --- the end

    def detach(self) -> None:
        """Let go of the agents, which live on. A busy process would not notice that we hang up."""
        if self._closed:
            return
        self._closed = True
        if self._order is not None:
            self._process.kill()
        self.connection.close()
        self._process.join(_GRACE)
        self._kill()
        self._process.close()


def _both(one: Change, other: Change) -> Change:
    return Change((*one.residents, *other.residents), one.judged | other.judged)

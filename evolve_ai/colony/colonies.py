"""Lets several colonies work at the same time, behind the interface of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from evolve_ai.colony.colony_member import SETTLE, ColonyProcess
from evolve_ai.colony.colony_process import BETWEEN, CLOSE, TURN
from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.colony.watchdog import Watchdog
from evolve_ai.environments.demes import together
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import (
    Adopted,
    Between,
    Change,
    Farewell,
    Order,
    Settled,
    Start,
    Turned,
    nothing,
)
from evolve_ai.model.usage import Usage

_PARTS_OF_A_CYCLE = ("prelude", "season", "graves", "end")

Rest = tuple[Mapping[str, int], Mapping[str, Fault]]


class Colonies:
    """Satisfies contracts.colony.Colony. All members get an order before any answer is awaited."""

    def __init__(self, layout: ColonyLayout, members: Sequence[ColonyProcess]):
        """`members` are in the order of their numbers in the layout."""
        self._layout = layout
        self._members = members
        self._closed = False
        self._watchdog = Watchdog(self.pids)

    # --- all of them

    def running(self) -> Mapping[str, int]:
        return _merged(self._all("running"))

    def adopt(self, known: Mapping[str, Start], expected: Mapping[str, int]) -> Adopted:
        shares = self._shares(known.values())
        for member, share in zip(self._members, shares, strict=True):
            mine = {start.id: start for start in share}
            member.give("adopt", mine, {id: expected[id] for id in mine if id in expected})
        found: list[Adopted] = self._answers()
        return Adopted(
            _merged(one.notes for one in found),
            max((one.title for one in found), key=_moment),
            _merged(one.byes for one in found),
            frozenset().union(*(one.left for one in found)),
            frozenset().union(*(one.lost for one in found)),
        )

    def forget(self) -> None:
        self._all("forget")

    def settle(
        self, title: str | None, leave: Sequence[str], starts: Sequence[Start], *, remember: bool
    ) -> Settled:
        for member, share in zip(self._members, self._shares(starts), strict=True):
            member.give(SETTLE, title, leave, share, remember=remember)
        found: list[Settled] = self._answers()
        outcomes = _merged(one.outcomes for one in found)
        return Settled(
            _merged(one.farewells for one in found),
            {start.id: outcomes[start.id] for start in starts},
            tuple(taint for one in found for taint in one.taints),
        )

    def stop(self, ids: Iterable[str]) -> Mapping[str, Farewell]:
        return _merged(self._all("stop", list(ids)))

    def ping(self) -> Mapping[str, Fault]:
        return _merged(self._all("ping"))

    def reap(self) -> Mapping[str, Fault]:
        return _merged(self._all("reap"))

    def take_taints(self) -> tuple[str, ...]:
        return tuple(taint for taints in self._all("take_taints") for taint in taints)

    def sample(self) -> Mapping[str, Usage]:
        return _merged(self._all("sample"))

    def files(self) -> frozenset[Path]:
        return frozenset().union(*self._all("files"))

    def committed(self) -> None:
        self._all("committed")

    def _all(self, name: str, *arguments: Any) -> list[Any]:
        for member in self._members:
            member.give(name, *arguments)
        return self._answers()

    def _answers(self) -> list[Any]:
        """The answers of all members. Raises the first member's error after all have answered."""
        values: list[Any] = []
        errors: list[Exception] = []
        for member in self._members:
            try:
                values.append(member.take().value)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return values

    def _shares(self, those: Iterable[Any]) -> list[list[Any]]:
        """The starts or residents of each member, by their places."""
        shares: list[list[Any]] = [[] for _ in self._members]
        for one in those:
            shares[self._layout.colony_of(one.place)].append(one)
        return shares

    # --- a season

    def turn(self, order: Order, between: Between = nothing) -> Turned:
        """Live a season. Members run independently, but wait for each other between two ticks when
        `between` is to be asked."""
        for member, residents in zip(self._members, self._shares(order.residents), strict=True):
            offers = {r.id: order.offers[r.id] for r in residents if r.id in order.offers}
            mine = replace(order, residents=residents, offers=offers)
            member.give(TURN, mine, between is not nothing)
        turned: dict[ColonyProcess, Turned] = {}
        while len(turned) < len(self._members):
            resting = self._until_all_rest(turned)
            if not resting:
                continue
            lived = _merged(
                (*(one.season.lived for one in turned.values()), *(t[0] for t in resting.values()))
            )
            change = between(lived, _merged(told[1] for told in resting.values()))
            for member, residents in zip(
                self._members, self._shares(change.residents), strict=True
            ):
                share = Change(tuple(residents), change.judged)
                if member in resting:
                    member.go_on(share)
                else:
                    turned[member] = _amended(turned[member], share)
        found = [turned[member] for member in self._members]
        return Turned(
            together([one.season for one in found]),
            _merged(one.faults for one in found),
            tuple(taint for one in found for taint in one.taints),
        )

    def _until_all_rest(self, turned: dict[ColonyProcess, Turned]) -> dict[ColonyProcess, Rest]:
        """Add members that finished their season to `turned`; return the reports of the others."""
        busy = {m.connection: m for m in self._members if m not in turned}
        resting: dict[ColonyProcess, Rest] = {}
        while busy:
            ready = wait(list(busy))
            for connection in [one for one in busy if one in ready]:
                member = busy.pop(connection)
                told = member.take()
                if told.what == BETWEEN:
                    resting[member] = told.value
                else:
                    turned[member] = told.value
        return resting

    # --- beginning and end

    def handles(self) -> tuple[int, ...]:
        return tuple(member.connection.fileno() for member in self._members)

    def pids(self) -> tuple[int, ...]:
        """The processes that run the colonies."""
        return tuple(member.pid for member in self._members)

    def detach(self) -> None:
        self._closed = True
        self._watchdog.close()
        for member in self._members:
            member.detach()

    def close(self) -> None:
        """Safe to call twice, and after detach()."""
        if not self._closed:
            try:
                self._all(CLOSE)
            finally:
                self.detach()


def _merged(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _moment(title: str) -> tuple[int, int]:
    """When an order was given. After a kill, some members may be one order behind."""
    part, _, number = title.partition(" ")
    if part not in _PARTS_OF_A_CYCLE or not number.isdecimal():
        return (-1, 0)
    return int(number), _PARTS_OF_A_CYCLE.index(part)


def _amended(turned: Turned, change: Change) -> Turned:
    """Apply a change to a member that has already finished: its new process replayed the season."""
    lived = {**turned.season.lived, **{one.id: one.lived_tick for one in change.residents}}
    faults = {id: fault for id, fault in turned.faults.items() if id not in change.judged}
    return replace(turned, season=replace(turned.season, lived=lived), faults=faults)

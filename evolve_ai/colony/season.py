"""Lives the ticks of a cycle: the world asks, the agents of a colony answer.

Each turn is written into the colony's order log. After a kill the same season, asked for again, is
replayed from there and goes on where it was broken off: no agent lives a tick twice, and none
misses one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import partial

from evolve_ai.colony.adoption import RESETTLED, SETTLED, TOLD, TURN
from evolve_ai.colony.order_log import Entry, OrderLog
from evolve_ai.colony.pasts import PastsTold
from evolve_ai.colony.supervisor import Supervisor
from evolve_ai.contracts.environment import Environment
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Between, Change, Exchange, Order, Turned, nothing
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.world import Act, Resident


def turn(
    environment: Environment, supervisor: Supervisor, order: Order, between: Between = nothing
) -> Turned:
    """Live a season. `between` is called before the first tick and after each one. A failed agent
    gets no further percepts until `between` has judged its failure."""
    log = supervisor.order_log
    past, residents = _begun(environment, log, order)
    faults: dict[str, Fault] = {}
    lived: dict[str, int] = {}
    taints: list[str] = []

    def resettle(tick: int, replayed: bool) -> None:
        change = past.change(tick) if replayed else between(lived, faults)
        if not replayed and change != Change():
            log.write([_resettled(tick, change)])
        _forget(change, lived, faults)
        if known := _taking_part(residents, change):
            environment.resettle(known)

    resettle(order.first_tick - 1, past.begun)
    ask = partial(supervisor.exchange, cycle=order.cycle)
    for tick in range(order.first_tick, order.first_tick + order.ticks):
        replayed = False
        for phase in range(environment.phases):
            asked = environment.percepts(phase)
            exchange = past.exchange(tick, phase)
            replayed = exchange is not None
            if exchange is None:
                percepts = {agent: p for agent, p in asked.items() if agent not in faults}
                news = order.offers if tick == order.first_tick else {}
                exchange = ask(percepts, tick=tick, pool_for=news, told=past.take_told())
                log.write([_entry(tick, phase, exchange)])
            faults |= exchange.faults
            taints += exchange.tainted
            environment.hear(phase, exchange.acts)
            lived |= dict.fromkeys(exchange.acts, tick)
        environment.end_tick()
        resettle(tick, replayed)
    return Turned(environment.close(), faults, tuple(taints))


def _begun(
    environment: Environment, log: OrderLog, order: Order
) -> tuple["_Past", Sequence[Resident]]:
    """The recorded part of the season, and its residents: those recorded, or else the new ones."""
    past = _Past(log.open(order.title))
    residents = order.residents if past.settled is None else past.settled
    if past.settled is None:
        log.write([[SETTLED, [astuple(one) for one in residents]]])
    environment.move_in(residents, order.first_tick, order.cycle)
    return past, residents


def _taking_part(residents: Sequence[Resident], change: Change) -> list[Resident]:
    """The changed residents that belong to this season; others take part from the next one on."""
    if not change.residents:
        return []
    known = {resident.id for resident in residents}
    return [resident for resident in change.residents if resident.id in known]


def _forget(change: Change, lived: dict[str, int], faults: dict[str, Fault]) -> None:
    for agent in change.judged:
        faults.pop(agent, None)
    for resident in change.residents:
        lived.pop(resident.id, None)  # from now on the registry says what it remembers


def _entry(tick: int, phase: int, exchange: Exchange) -> Entry:
    faults = {agent: [fault.cause, fault.reason] for agent, fault in exchange.faults.items()}
    return [TURN, tick, phase, exchange.acts, faults, exchange.tainted, exchange.ended]


def _resettled(tick: int, change: Change) -> Entry:
    return [RESETTLED, tick, [astuple(one) for one in change.residents], list(change.judged)]


class _Past:
    """What the order log tells of the season so far."""

    def __init__(self, entries: Sequence[Entry]):
        self.settled: Sequence[Resident] | None = None
        turns = [entry for entry in entries if entry[0] == TURN]
        self._turns: Iterator[Entry] = iter(turns)
        self._changes = {entry[1]: entry for entry in entries if entry[0] == RESETTLED}
        self.begun = bool(turns or self._changes)  # at least one turn or change is recorded
        self._told = PastsTold()
        for entry in entries:
            if entry[0] == SETTLED:
                self.settled = _residents(entry[1])
            elif entry[0] == TOLD:
                self._told = PastsTold(entry[1], entry[2])
            elif entry[0] == TURN:
                self._told = PastsTold()

    def take_told(self) -> PastsTold:
        """How much of the pasts was sent in the unfinished turn. Only the first call returns it."""
        told, self._told = self._told, PastsTold()
        return told

    def exchange(self, tick: int, phase: int) -> Exchange | None:
        """The recorded exchange of this turn; None when the turn has not been lived yet.

        Raises SettingsError when the record comes from a world that asks in another order.
        """
        entry = next(self._turns, None)
        if entry is None:
            return None
        _, told_tick, told_phase, acts, faults, tainted, ended = entry
        if (told_tick, told_phase) != (tick, phase):
            raise SettingsError(
                f"the interrupted season cannot be finished in this world: agents were "
                f"asked at tick {told_tick} (phase {told_phase}), but it would ask them at tick "
                f"{tick} (phase {phase})",
                where="evolve.toml",
                todo="put `environment` back to what it was, finish that season, then change "
                "it; or give the season up: evolve life-cycle --abandon-season",
            )
        return Exchange(
            {agent: _act(values) for agent, values in acts.items()},
            {agent: Fault(Cause(cause), reason) for agent, (cause, reason) in faults.items()},
            tuple(tainted),
            tuple(ended),
        )

    def change(self, tick: int) -> Change:
        entry = self._changes.get(tick)
        return Change() if entry is None else Change(_residents(entry[2]), frozenset(entry[3]))


def _residents(rows: Sequence[Sequence[object]]) -> tuple[Resident, ...]:
    """Residents from an order log, where tuples have become lists."""
    return tuple(Resident(*known, tuple(evidence)) for *known, evidence in rows)  # type: ignore


def _act(values: Sequence[object]) -> Act:
    answers, say, give, rest, fitness, mutated = values
    pairs = tuple((slot, amount) for slot, amount in give)  # type: ignore[attr-defined]
    return Act(tuple(answers), say, pairs, rest, fitness, mutated)  # type: ignore[arg-type]

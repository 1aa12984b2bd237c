"""Owns a supervisor without processes: it answers by a rule, and notes who was asked what."""

from collections.abc import Mapping
from pathlib import Path

from evolve_ai.colony.order_log import OrderLog
from evolve_ai.colony.pasts import PastsTold
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Exchange, Pool
from evolve_ai.model.world import Act, Percept

CRASH = Fault(Cause.CRASH, "exit code 101")


class PaperSupervisor:
    """Everybody answers the sum of what it hears; who is doomed fails at a tick and ever after.

    Its order log is a real one.
    """

    def __init__(self, order_log: Path, doomed: Mapping[str, int] | None = None):
        self.order_log = OrderLog(order_log)
        self.doomed = dict(doomed or {})
        self.asked: list[tuple[int, str]] = []
        self.told: list[PastsTold] = []
        self.offers: list[tuple[int, Mapping[str, Pool]]] = []

    def exchange(
        self,
        percepts: Mapping[str, Percept],
        *,
        tick: int,
        cycle: int,
        pool_for: Mapping[str, Pool],
        told: PastsTold,
    ) -> Exchange:
        self.asked += [(tick, agent) for agent in percepts]
        self.offers.append((tick, pool_for))
        self.told.append(told)
        ends = [a for a in percepts if a in self.doomed and tick >= self.doomed[a]]
        acts = {agent: _answer(p) for agent, p in percepts.items() if agent not in ends}
        taints = tuple(f"agent {agent} at tick {tick}" for agent in ends)
        return Exchange(acts, dict.fromkeys(ends, CRASH), taints, tuple(range(len(ends))))

    def asked_of(self, agent: str) -> list[int]:
        """The ticks at which it was asked."""
        return [tick for tick, asked in self.asked if asked == agent]


def _answer(percept: Percept) -> Act:
    """It depends on all that was heard, so that nothing can go astray unnoticed."""
    total = sum(said for said in percept.heard if said is not None) + percept.steps[-1]
    return Act(tuple(total + step for step in percept.steps), say=total / 8, give=((1, 3),))

"""The world `solitary`: agents have no surroundings, and report their own fitness."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evolve_ai.environments.ledger import Ledger, Prices
from evolve_ai.model.draws import Draws
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Act, Percept, Resident, Season

MAIN = "reported"  # the score that is an agent's fitness


class Solitary:
    """Every tick each agent is asked once; the pot is divided by reported fitness."""

    name = "solitary"
    phases = 1

    def __init__(self, prices: Prices, places: int, draws: Draws):
        self._prices = prices
        self._places = places
        self._draws = draws

    def move_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None:
        self._ledger = Ledger(residents, self._prices, self._places, cycle, self._draws)
        self._residents = {resident.id: resident for resident in residents}
        self._lived = {resident.id: resident.lived_tick for resident in residents}
        self._acts: dict[str, Act] = {}
        self._reported: dict[str, float] = {}
        self._tick = tick

    def resettle(self, residents: Sequence[Resident]) -> None:
        self._residents |= {resident.id: resident for resident in residents}
        self._lived |= {resident.id: resident.lived_tick for resident in residents}
        self._ledger.reprice(residents)

    def percepts(self, phase: int) -> Mapping[str, Percept]:
        energy = self._ledger.energy
        return {
            agent: Percept((), (), energy[agent])
            for agent, resident in self._residents.items()
            if resident.running
        }

    def hear(self, phase: int, acts: Mapping[str, Act]) -> None:
        self._acts.update(acts)
        self._lived.update(dict.fromkeys(acts, self._tick))

    def end_tick(self) -> None:
        """An agent that reports no fitness answers, but earns nothing."""
        losses = {
            agent: -act.fitness for agent, act in self._acts.items() if act.fitness is not None
        }
        self._ledger.pay_tick(self._acts, losses, {})
        self._reported |= {agent: -loss for agent, loss in losses.items()}
        self._acts = {}
        self._tick += 1

    def close(self) -> Season:
        accounts = {
            agent: replace(account, scores={MAIN: self._reported[agent]})
            if agent in self._reported
            else account
            for agent, account in self._ledger.close().items()
        }
        return Season(self._tick, accounts, dict(self._lived), MAIN)


class SolitaryWorld:
    """It has no exam: there is nothing to check the agents' reports against."""

    name = "solitary"

    def __init__(self, rules: EconomySettings, draws: Draws):
        self._rules = rules
        self._draws = draws

    def open(self, places: int) -> Solitary:
        return Solitary(Prices.derived(self._rules), places, self._draws)

    def cost(self, load: float) -> int:
        return Prices.derived(self._rules).of(load)

    def exam(self, places: int) -> None:
        return None

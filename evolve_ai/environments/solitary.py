"""Owns the world `solitary`: no world at all; agents report their own fitness."""

from collections.abc import Mapping, Sequence

from evolve_ai.environments.ledger import Ledger, Prices
from evolve_ai.model.draws import Draws
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Act, Percept, Resident, Season


class Solitary:
    """Every tick each agent is asked once; the pot is divided by the fitness it reports."""

    name = "solitary"
    phases = 1

    def __init__(self, prices: Prices, places: int, draws: Draws):
        self._prices = prices
        self._places = places
        self._draws = draws

    def settle_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None:
        self._ledger = Ledger(residents, self._prices, self._places, cycle, self._draws)
        self._residents = {resident.id: resident for resident in residents}
        self._lived = {resident.id: resident.lived_tick for resident in residents}
        self._acts: dict[str, Act] = {}
        self._tick = tick

    def resettle(self, residents: Sequence[Resident]) -> None:
        self._residents |= {resident.id: resident for resident in residents}
        self._lived |= {resident.id: resident.lived_tick for resident in residents}
        self._ledger.reprice(residents)

    def percepts(self, phase: int) -> Mapping[str, Percept]:
        return {
            agent: Percept((), (), self._ledger.energy(agent))
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
        self._ledger.settle_tick(self._acts, losses, {}, None)
        self._acts = {}
        self._tick += 1

    def close(self) -> Season:
        return Season(self._tick, self._ledger.close(), dict(self._lived))


class SolitaryWorld:
    """No exam: what the agents report of themselves is all there is."""

    name = "solitary"

    def __init__(self, rules: EconomySettings, draws: Draws):
        self._rules = rules
        self._draws = draws

    def open(self, places: int, founder_genes: float) -> Solitary:
        return Solitary(Prices.derived(self._rules, founder_genes), places, self._draws)

    def cost(self, active_genes: int, founder_genes: float) -> int:
        return Prices.derived(self._rules, founder_genes).of(active_genes)

    def exam(self, places: int) -> None:
        return None

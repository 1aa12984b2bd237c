"""Keeps the accounts of a cycle: what residents earn, pay and give."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from evolve_ai.environments import pot
from evolve_ai.model.draws import Draws
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Account, Act, Resident

UNIT = 1000  # thousandths of energy: the pot per place and tick


@dataclass(frozen=True, slots=True)
class Prices:
    """The rules of the economy, and two prices in thousandths per tick: of living, and of a program
    as large as a mean founder's."""

    rules: EconomySettings
    living: int
    program: float

    @classmethod
    def derived(cls, rules: EconomySettings) -> "Prices":
        """Prices at which a mean founder's cost per tick equals the pot of its place."""
        share = UNIT * rules.gene_share
        return cls(rules, round(UNIT - share), share)

    def of(self, load: float) -> int:
        """What a tick costs an agent that does not rest, with a program of this size."""
        return self.living + self.of_program(load)

    def of_program(self, load: float) -> int:
        return int(self.program * load)


class Ledger:
    """All energy is in integers. Mutable; it lasts for one cycle of one world."""

    def __init__(
        self,
        residents: Sequence[Resident],
        prices: Prices,
        places: int,
        cycle: int,
        draws: Draws,
    ):
        self._prices = prices
        self._costs = {r.id: prices.of_program(r.load) for r in residents}
        self._energy = {r.id: r.energy for r in residents}
        self._answered: Counter[str] = Counter()
        self._spoke: Counter[str] = Counter()
        self._rested: Counter[str] = Counter()
        self._given: Counter[str] = Counter()
        rules = prices.rules
        famine = rules.famine_every and cycle % rules.famine_every == 0
        self._pot = int(places * UNIT * (1 - rules.famine_share if famine else 1))
        plague = rules.plague_every and cycle % rules.plague_every == 0
        self._stricken = frozenset(
            r.id
            for r in residents
            if plague and draws.rng("plague", cycle, r.id).random() < rules.plague_share
        )

    def reprice(self, residents: Sequence[Resident]) -> None:
        """Take over program sizes that changed in the middle of a cycle."""
        self._costs |= {r.id: self._prices.of_program(r.load) for r in residents}

    @property
    def energy(self) -> Mapping[str, int]:
        """What each resident has now."""
        return self._energy

    def pay_tick(
        self,
        acts: Mapping[str, Act],
        errors: Mapping[str, float],
        spoken: Mapping[str, float],
    ) -> None:
        """Pay the pot by rank of `errors`, and royalties by `spoken`; charge all residents."""
        rules = self._prices.rules
        royalties = int(self._pot * rules.royalty) if spoken else 0
        earned = pot.by_rank(self._pot - royalties, errors, rules.rank_exponent)
        paid = pot.by_worth(royalties, spoken, median(errors.values())) if spoken else {}
        talk, living, costs = int(rules.talk_cost * UNIT), self._prices.living, self._costs
        energy = {agent: held - living for agent, held in self._energy.items()}
        for agent, act in acts.items():
            change = earned.get(agent, 0) + paid.get(agent, 0)
            if act.rest:
                self._rested[agent] += 1
            else:
                change -= costs[agent]
            if act.say is not None:
                change -= talk
                self._spoke[agent] += 1
            energy[agent] += change
        self._answered.update(acts.keys())
        self._energy = energy

    def give(self, giver: str, taker: str | None, amount: int) -> None:
        """Transfer energy, at most what the giver has; a gift to an empty place has no effect."""
        amount = min(amount, self._energy[giver])
        if taker is None or taker == giver or amount <= 0:
            return
        self._energy[giver] -= amount
        self._energy[taker] += amount
        self._given[giver] += amount

    def close(self) -> dict[str, Account]:
        """The final accounts. A plague comes last, so that its victims have no time to recover."""
        return {
            agent: Account(
                agent,
                min(0, held) if agent in self._stricken else held,
                answered=self._answered[agent],
                spoke=self._spoke[agent],
                given=self._given[agent],
                rested=self._rested[agent],
            )
            for agent, held in self._energy.items()
        }

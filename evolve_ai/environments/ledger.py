"""Keeps the accounts of a cycle: what residents earn, pay and give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        self._accounts = {r.id: Account(r.id, r.energy) for r in residents}
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

    def energy(self, agent: str) -> int:
        return self._accounts[agent].energy

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
        talk = int(rules.talk_cost * UNIT)
        for agent, account in self._accounts.items():
            act = acts.get(agent)
            energy = account.energy - self._prices.living
            if act is None:
                self._accounts[agent] = replace(account, energy=energy)
                continue
            energy += earned.get(agent, 0) + paid.get(agent, 0)
            energy -= 0 if act.rest else self._costs[agent]
            energy -= 0 if act.say is None else talk
            self._accounts[agent] = replace(
                account,
                energy=energy,
                answered=account.answered + 1,
                spoke=account.spoke + (act.say is not None),
                rested=account.rested + act.rest,
            )

    def give(self, giver: str, taker: str | None, amount: int) -> None:
        """Transfer energy, at most what the giver has; a gift to an empty place has no effect."""
        account = self._accounts[giver]
        amount = min(amount, account.energy)
        if taker is None or taker == giver or amount <= 0:
            return
        self._accounts[giver] = replace(
            account, energy=account.energy - amount, given=account.given + amount
        )
        other = self._accounts[taker]
        self._accounts[taker] = replace(other, energy=other.energy + amount)

    def close(self) -> dict[str, Account]:
        """The final accounts. A plague comes last, so that its victims have no time to recover."""
        return {
            agent: replace(account, energy=min(0, account.energy))
            if agent in self._stricken
            else account
            for agent, account in self._accounts.items()
        }
